import { machine } from 'node:os';
import { minuteMs } from '@jiwei/shared/time.ts';
import { describe, type Reader } from '../reader.ts';

const info = describe('node_uname_info', 'gauge', 'Labeled system information as provided by the uname system call.', [
  'domainname',
  'machine',
  'nodename',
  'release',
  'sysname',
  'version',
]);
/** Files of /proc/sys/kernel, in the order of the labels without `machine`. */
const files = ['domainname', 'hostname', 'osrelease', 'ostype', 'version'] as const;

/** What uname(2) tells: kernel, its version, host name, architecture. */
export const unameReader: Reader = {
  name: 'uname',
  metrics: [info],
  everyMs: minuteMs,
  open: ({ files: source, roots }) => {
    return async (sink) => {
      const texts = await Promise.all(
        files.map((file) => source.readAtOnce(`${roots.proc}/sys/kernel/${file}`, 'whole', (scanner) => scanner.rest())),
      );
      const [domainname, nodename, release, sysname, version] = texts.map((text) => text ?? '');
      if (sysname === undefined || sysname === '') return false;
      sink.put(info, 1, domainname ?? '', machine(), nodename ?? '', release ?? '', sysname, version ?? '');
      return true;
    };
  },
};
