import { basename } from 'node:path';
import type { MetricType } from '@jiwei/shared/series.ts';
import { minuteMs } from '@jiwei/shared/time.ts';
import type { FileSource } from '../file-source.ts';
import { describe, type Reader, type Sink } from '../reader.ts';
import { namesIn } from './folder.ts';

const property = (name: string, file: string, factor = 1, type: MetricType = 'gauge') => ({
  doc: describe(`node_network_${name}`, type, `Network device property: ${name}`, ['device']),
  file,
  factor,
});
/** Attributes of /sys/class/net/<device>, the kernel's Documentation/ABI/testing/sysfs-class-net. */
const properties = [
  property('address_assign_type', 'addr_assign_type'),
  property('carrier', 'carrier'),
  property('carrier_changes_total', 'carrier_changes', 1, 'counter'),
  property('carrier_up_changes_total', 'carrier_up_count', 1, 'counter'),
  property('carrier_down_changes_total', 'carrier_down_count', 1, 'counter'),
  property('device_id', 'dev_id'),
  property('dormant', 'dormant'),
  property('flags', 'flags'),
  property('iface_id', 'ifindex'),
  property('iface_link', 'iflink'),
  property('iface_link_mode', 'link_mode'),
  property('mtu_bytes', 'mtu'),
  property('name_assign_type', 'name_assign_type'),
  property('net_dev_group', 'netdev_group'),
  property('protocol_type', 'type'),
  // The kernel tells Mbit/s, and -1 for "does not know".
  property('speed_bytes', 'speed', 1_000_000 / 8),
  property('transmit_queue_length', 'tx_queue_len'),
];
/** node_exporter lists it with the traffic; /proc/net/dev does not have it. */
const unhandled = describe('node_network_receive_nohandler_total', 'counter', 'Network device statistic receive_nohandler.', [
  'device',
]);
const up = describe('node_network_up', 'gauge', "Value is 1 if operstate is 'up', 0 otherwise.", ['device']);
const info = describe('node_network_info', 'gauge', 'Non-numeric data from /sys/class/net/<iface>, value is always 1.', [
  'address',
  'broadcast',
  'device',
  'duplex',
  'ifalias',
  'operstate',
]);

/** Link state and settings of the network devices, the loop-back among them as in node_exporter; twenty files each. */
export const networkClassReader: Reader = {
  name: 'netclass',
  metrics: [...properties.map(({ doc }) => doc), unhandled, up, info],
  everyMs: minuteMs,
  open: ({ files, roots }) => {
    const folder = `${roots.sys}/class/net`;
    return async (sink, signal) => {
      const devices = await namesIn(folder);
      if (devices === null) return false;
      for (const device of devices) {
        if (signal.aborted) break;
        // `bonding_masters` is a file between the devices.
        if (device !== 'bonding_masters') await readDevice(files, `${folder}/${device}`, device, sink);
      }
      return true;
    };
  },
};

const readDevice = async (files: FileSource, folder: string, device: string, sink: Sink): Promise<void> => {
  // At once, because a read on its own wakes a sleeping thread, which costs three times as much as one among others.
  await Promise.all(
    properties.map(async ({ doc, file, factor }) => {
      const text = await attribute(files, `${folder}/${file}`);
      if (text !== null) sink.put(doc, attributeNumber(text) * factor, device);
    }),
  );
  const dropped = device === 'lo' ? null : await attribute(files, `${folder}/statistics/rx_nohandler`);
  if (dropped !== null) sink.put(unhandled, attributeNumber(dropped), device);
  const operstate = await attribute(files, `${folder}/operstate`);
  if (operstate === null) return;
  sink.put(up, operstate === 'up' ? 1 : 0, device);
  const [address, broadcast, duplex, ifalias] = await Promise.all(
    ['address', 'broadcast', 'duplex', 'ifalias'].map(async (file) => (await attribute(files, `${folder}/${file}`)) ?? ''),
  );
  sink.put(info, 1, address ?? '', broadcast ?? '', device, duplex ?? '', ifalias ?? '', operstate);
};

/** Attributes for which the kernel waits for a lock of the network or asks the driver. */
const askedOfDriver = new Set(['speed', 'duplex', 'carrier', 'dormant', 'operstate', 'ifalias']);

/** A device that is down refuses some of its attributes with EINVAL; that is an answer, not an error. */
const attribute = async (files: FileSource, path: string): Promise<string | null> => {
  try {
    const isAsked = askedOfDriver.has(basename(path));
    return await (isAsked ? files.read : files.readAtOnce)(path, 'whole', (scanner) => scanner.rest());
  } catch {
    return null;
  }
};

/** Decimal or, for flags and device numbers, hexadecimal with 0x. */
const attributeNumber = (text: string): number => (text === '' ? Number.NaN : Number(text));
