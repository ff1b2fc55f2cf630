import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { encodeDictionaries } from '@jiwei/shared/protocol/dictionary.ts';
import type { FileSource } from '../../../agent/src/host/file-source.ts';
import type { Sink } from '../../../agent/src/host/reader.ts';
import { linuxReaders } from '../../../agent/src/host/registry.ts';
import { Scanner } from '../../../agent/src/host/scanner.ts';
import { createSeriesBook } from '../../../agent/src/host/series-book.ts';
import { createSpaceOf } from '../../../agent/src/host/statfs.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { type FuzzTarget, partsOf } from '../target.ts';

/** Between the path of a file and its content. */
const separator = '\n~~\n';
const folder = join(import.meta.dirname, '../../fixtures/proc');
const recorded = join(folder, 'debian12-two-cpus');
const roots = {
  proc: join(recorded, 'proc'),
  sys: join(recorded, 'sys'),
  run: join(recorded, 'run'),
  etc: join(recorded, 'etc'),
};

const filesOf = (recording: string): Map<string, Buffer> => {
  const root = join(folder, recording);
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  return new Map(
    paths.filter((path) => statSync(join(root, path)).isFile()).map((path) => [path, readFileSync(join(root, path))]),
  );
};
const files = filesOf('debian12-two-cpus');
const corpus = [...files, ...filesOf('centos7-odd')].map(([path, content]) =>
  Buffer.concat([Buffer.from(`${path}${separator}`), content]),
);

/** The recording, with one file replaced. @param onRead told the path of each file that is read */
const sourceWith = (changed: string, content: Buffer, onRead: (path: string) => void = () => undefined): FileSource => {
  const read: FileSource['readAtOnce'] = (path, _shape, parse) => {
    const name = path.slice(recorded.length + 1);
    onRead(name);
    const bytes = name === changed ? content : files.get(name);
    return bytes === undefined ? null : parse(new Scanner(bytes));
  };
  return { read, readAtOnce: read, close: () => undefined };
};
const clock = createManualClock(1_795_467_078_000);
const spaceOf = createSpaceOf(async () => ({ bsize: 4_096, blocks: 100, bfree: 40, bavail: 30, files: 20, ffree: 10 }));
type Reader = (typeof linuxReaders)[number];
const readWith = async (reader: Reader, source: FileSource, sink: Sink): Promise<unknown> =>
  reader.open({ roots, clock, files: source, spaceOf, spaceAtOnce: null })(sink, new AbortController().signal);

/** Who reads a file: the others say the same whatever it holds, and reading a whole host for each input took twenty times as long. */
const readersOf = new Map<string, Reader[]>();
for (const reader of linuxReaders) {
  // The systemd reader asks a socket, the agent's own reads this process; both are other targets or none.
  if (reader.name === 'systemd' || reader.name === 'agent') continue;
  const readOnce = new Set<string>();
  await readWith(
    reader,
    sourceWith('', Buffer.alloc(0), (path) => void readOnce.add(path)),
    { put: () => undefined },
  );
  for (const path of readOnce) readersOf.set(path, [...(readersOf.get(path) ?? []), reader]);
}
const pathsRead = [...readersOf.keys()].sort();
/** The file of that path; any other path stands for one of those that are read, so that no input is wasted. */
const fileOf = (path: Buffer): string =>
  readersOf.has(path.toString('utf8')) ? path.toString('utf8') : (pathsRead[crc32(path) % pathsRead.length] ?? '');

/** Texts of /proc, /sys and /run that a kernel, a driver, a container or another tool may write. */
export const target: FuzzTarget = {
  name: 'host-files',
  corpus,
  words: [
    ...[
      'proc/stat',
      'proc/diskstats',
      'proc/self/mounts',
      'proc/self/net/dev',
      'cpu0 ',
      'cpu ',
      'intr ',
      '8 0 sda ',
      '\n',
      ': ',
      '\\040',
    ],
    '9'.repeat(400),
    'nan',
  ],
  inputBytesMax: 24_576,
  separator,
  refusals: [],
  workMax: 40_000,
  boundedInputs: 1_000,
  run: async (bytes) => {
    const [path = Buffer.alloc(0), ...content] = partsOf(bytes, separator);
    const changed = fileOf(path);
    const source = sourceWith(changed, Buffer.concat(content));
    const book = createSeriesBook(20_000);
    let puts = 0;
    const sink: Sink = {
      put: (doc, value, ...labels) => {
        puts += 1;
        assert.equal(typeof value, 'number');
        book.indexOf(doc, labels);
      },
    };
    for (const reader of readersOf.get(changed) ?? []) await readWith(reader, source, sink);
    // What was read can be named on the wire, or the whole agent would stand still because of one odd line.
    encodeDictionaries(1, 0, book.series);
    return puts;
  },
};
