import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
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

/** The recording, with one file replaced. */
const sourceWith = (changed: string, content: Buffer): FileSource => {
  const read: FileSource['readAtOnce'] = (path, _shape, parse) => {
    const name = path.slice(recorded.length + 1);
    const bytes = name === changed ? content : files.get(name);
    return bytes === undefined ? null : parse(new Scanner(bytes));
  };
  return { read, readAtOnce: read, close: () => undefined };
};
/** The systemd reader asks a socket, the agent's own reads this process; both are other targets or none. */
const readers = linuxReaders.filter(({ name }) => name !== 'systemd' && name !== 'agent');

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
  boundedInputs: 150,
  run: async (bytes) => {
    const [path, ...content] = partsOf(bytes, separator);
    const source = sourceWith(path?.toString('utf8') ?? '', Buffer.concat(content));
    const book = createSeriesBook(20_000);
    let puts = 0;
    const sink: Sink = {
      put: (doc, value, ...labels) => {
        puts += 1;
        assert.equal(typeof value, 'number');
        book.indexOf(doc, labels);
      },
    };
    const clock = createManualClock(1_795_467_078_000);
    const spaceOf = createSpaceOf(async () => ({ bsize: 4_096, blocks: 100, bfree: 40, bavail: 30, files: 20, ffree: 10 }));
    for (const reader of readers) {
      const read = reader.open({ roots, clock, files: source, spaceOf, spaceAtOnce: null });
      await read(sink, new AbortController().signal);
    }
    // What was read can be named on the wire, or the whole agent would stand still because of one odd line.
    encodeDictionaries(1, 0, book.series);
    return puts;
  },
};
