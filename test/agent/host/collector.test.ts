import { expect, test } from 'vitest';
import { createHostCollector } from '../../../agent/src/host/collector.ts';
import { filesystemReader } from '../../../agent/src/host/linux/filesystem.ts';
import { describe as metric, type Read, type Reader } from '../../../agent/src/host/reader.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { collectRecording, rootsOf, startAtMs, valuesOf } from './support/collect.ts';

const signal = new AbortController().signal;
const gauge = metric('test_value', 'gauge', 'A value.', ['name']);
const readerOf = (name: string, read: Read, everyMs = 0): Reader => ({ name, metrics: [gauge], everyMs, open: () => read });
const never = () => new Promise<never>(() => undefined);

const collectorOf = (readers: readonly Reader[], seriesMax = 100) => {
  const clock = createManualClock(startAtMs);
  return { clock, collector: createHostCollector({ clock, platform: 'linux', readers, seriesMax, readMsMax: 3_000 }) };
};

test('a reader that hangs holds up nobody past the deadline, is named, and is not started again while it hangs', async () => {
  let startCount = 0;
  const { clock, collector } = collectorOf([
    readerOf('hung', () => {
      startCount += 1;
      return never();
    }),
    readerOf('fine', async (sink) => {
      sink.put(gauge, 7, 'fine');
      return true;
    }),
  ]);
  const first = collector.collect(signal);
  await new Promise(setImmediate);
  clock.advance(3_000);
  const row = await first;
  expect(row.errors).toEqual([{ reader: 'hung', message: 'it did not come back before the deadline of host readings' }]);
  const values = valuesOf(collector.series, row);
  expect(values.get('test_value{name="fine"}')).toBe(7);
  expect(values.get('node_scrape_collector_success{collector="hung"}')).toBe(0);
  expect(values.get('node_scrape_collector_duration_seconds{collector="hung"}')).toBe(3);
  const second = await collector.collect(signal);
  expect(second.errors.map(({ message }) => message)).toEqual(['its last reading has not come back']);
  expect(startCount).toBe(1);
});

test('what comes after the deadline enters no later row', async () => {
  const late = Promise.withResolvers<void>();
  const { clock, collector } = collectorOf([
    readerOf('late', async (sink) => {
      await late.promise;
      sink.put(gauge, 1, 'late');
      return true;
    }),
  ]);
  const first = collector.collect(signal);
  clock.advance(3_000);
  await first;
  late.resolve();
  await new Promise(setImmediate);
  expect(collector.series.some(({ family }) => family.name === 'test_value')).toBe(false);
});

test('a reader that throws is named, and the others go on', async () => {
  const { collector } = collectorOf([
    readerOf('broken', async () => {
      throw new Error('read failed');
    }),
    readerOf('fine', async () => true),
  ]);
  expect((await collector.collect(signal)).errors).toEqual([{ reader: 'broken', message: 'read failed' }]);
});

test('a slow reader is read when it is due, and its last values are told in between', async () => {
  let readCount = 0;
  const { clock, collector } = collectorOf([
    readerOf(
      'slow',
      async (sink) => {
        readCount += 1;
        sink.put(gauge, readCount, 'slow');
        return true;
      },
      60_000,
    ),
  ]);
  const told: (number | undefined)[] = [];
  for (const passMs of [0, 59_999, 1]) {
    clock.advance(passMs);
    told.push(valuesOf(collector.series, await collector.collect(signal)).get('test_value{name="slow"}'));
  }
  expect(told).toEqual([1, 1, 2]);
});

test('reads what was chosen, from the next row on: a reader that was not is left alone, of another only some families', async () => {
  const load = metric('node_load1', 'gauge', 'Load.');
  const other = metric('test_load', 'gauge', 'Not essential.');
  let readCount = 0;
  const { collector } = collectorOf([
    {
      name: 'loadavg',
      metrics: [load, other],
      everyMs: 60_000,
      open: () => (sink) => {
        sink.put(load, 1);
        sink.put(other, 2);
        return true;
      },
    },
    readerOf('arp', (sink) => {
      readCount += 1;
      sink.put(gauge, readCount, 'arp');
      return true;
    }),
    readerOf('agent', (sink) => {
      sink.put(gauge, 3, 'agent');
      return true;
    }),
  ]);
  const told = async (choice: readonly string[] | null) => {
    collector.choose(choice);
    const row = await collector.collect(signal);
    return [...valuesOf(collector.series, row).keys()].filter((name) => !name.includes('duration')).sort();
  };
  const own = ['jiwei_agent_samples_dropped_total', 'node_scrape_collector_success{collector="agent"}'];
  const loadOk = 'node_scrape_collector_success{collector="loadavg"}';
  const arp = ['node_scrape_collector_success{collector="arp"}', 'test_value{name="arp"}'];
  expect(await told(null)).toEqual([...own, ...arp, loadOk, 'node_load1', 'test_load', 'test_value{name="agent"}'].sort());
  // The values that were kept are of the choice before.
  expect(await told(['essential'])).toEqual([...own, loadOk, 'node_load1', 'test_value{name="agent"}'].sort());
  expect(readCount).toBe(1);
  expect(await told(['arp', 'of-a-later-version'])).toEqual([...own, ...arp, 'test_value{name="agent"}'].sort());
  expect(await told(['essential', 'arp'])).toEqual([...own, ...arp, loadOk, 'node_load1', 'test_value{name="agent"}'].sort());
  expect(await told(['essential', 'all'])).toContain('test_load');
});

test('the essential families of a recorded host are about a hundred series', async () => {
  const collector = createHostCollector({
    clock: createManualClock(startAtMs),
    platform: 'linux',
    roots: rootsOf('debian12-two-cpus'),
    statfs: async () => ({ bsize: 4_096, blocks: 100, bfree: 40, bavail: 30, files: 20, ffree: 10 }),
  });
  collector.choose(['essential']);
  const { indexes, errors } = await collector.collect(signal);
  collector.close();
  expect(errors).toEqual([]);
  expect(indexes.length).toBeGreaterThan(80);
  expect(indexes.length).toBeLessThan(130);
});

test('a series that vanishes misses in the next row and keeps its position when it comes back', async () => {
  const names = [['a', 'b'], ['b'], ['a', 'b']];
  const { collector } = collectorOf([
    readerOf('changing', async (sink) => {
      for (const name of names.shift() ?? []) sink.put(gauge, 1, name);
      return true;
    }),
  ]);
  const rows = [await collector.collect(signal), await collector.collect(signal), await collector.collect(signal)];
  expect(rows.map((row) => valuesOf(collector.series, row).has('test_value{name="a"}'))).toEqual([true, false, true]);
  expect([...(rows[2]?.indexes ?? [])]).toEqual([...(rows[0]?.indexes ?? [])]);
});

test('past the limit new series are dropped and counted, known ones go on', async () => {
  const { collector } = collectorOf(
    [
      readerOf('many', async (sink) => {
        for (let at = 0; at < 20; at += 1) sink.put(gauge, at, String(at));
        return true;
      }),
    ],
    10,
  );
  await collector.collect(signal);
  const row = await collector.collect(signal);
  expect(collector.series.length).toBe(10);
  expect([...row.values].slice(0, 3)).toEqual([0, 1, 2]);
});

/** A collector of file systems alone, whose mounts in `hanging` never answer. */
const withHangingMounts = (hanging: readonly string[]) => {
  const asked: string[] = [];
  const allAsked = Promise.withResolvers<void>();
  const clock = createManualClock(startAtMs);
  const collector = createHostCollector({
    clock,
    platform: 'linux',
    roots: rootsOf('debian12-two-cpus'),
    readers: [filesystemReader],
    statfs: (path) => {
      asked.push(path);
      if (hanging.every((one) => asked.includes(one))) allAsked.resolve();
      const answer = Promise.resolve({ bsize: 1, blocks: 1, bfree: 1, bavail: 1, files: 1, ffree: 1 });
      return hanging.includes(path) ? never() : answer;
    },
  });
  return { asked, allAsked: allAsked.promise, clock, collector };
};
const root = '{device="/dev/vda",fstype="ext4",mountpoint="/"}';
const nfs = '{device="server:/export",fstype="nfs4",mountpoint="/mnt/nfs"}';
const data = '{device="/dev/vdb",fstype="xfs",mountpoint="/data one"}';

test('a hung mount has device_error 1 at once and later, holds up nobody, and is asked once however often it is collected', async () => {
  const { asked, allAsked, clock, collector } = withHangingMounts(['/mnt/nfs']);
  const first = collector.collect(signal);
  await allAsked;
  await new Promise(setImmediate);
  clock.advance(1_000);
  for (const row of [await first, await collector.collect(signal)]) {
    const values = valuesOf(collector.series, row);
    expect(values.get(`node_filesystem_device_error${nfs}`)).toBe(1);
    expect(values.has(`node_filesystem_size_bytes${nfs}`)).toBe(false);
    expect(values.get(`node_filesystem_size_bytes${root}`)).toBe(1);
    expect(values.get(`node_filesystem_size_bytes${data}`)).toBe(1);
    expect(row.errors).toEqual([{ reader: 'filesystem', message: 'statfs of /mnt/nfs has not come back' }]);
  }
  expect(asked.filter((path) => path === '/mnt/nfs')).toHaveLength(1);
  collector.close();
});

test('when two mounts hang, no third call is risked, and the third mount is unknown', async () => {
  const { asked, allAsked, clock, collector } = withHangingMounts(['/', '/data one']);
  const first = collector.collect(signal);
  await allAsked;
  clock.advance(1_000);
  await first;
  const values = valuesOf(collector.series, await collector.collect(signal));
  expect(asked).toEqual(['/', '/data one']);
  expect(values.get(`node_filesystem_device_error${root}`)).toBe(1);
  expect(values.has(`node_filesystem_device_error${nfs}`)).toBe(false);
  collector.close();
});

test('a mount that cannot be asked has device_error 1 and the reason', async () => {
  const { row, values } = await collectRecording('centos7-odd', { statfs: () => Promise.reject(new Error('EIO')) });
  expect(values.get('node_filesystem_device_error{device="/dev/sda1",fstype="xfs",mountpoint="/"}')).toBe(1);
  expect(row.errors).toEqual([{ reader: 'filesystem', message: 'statfs of / failed: EIO' }]);
});
