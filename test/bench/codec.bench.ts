// Size and speed of sample frames beside what else could be sent, on the values of a real host, all in one run.
// node test/bench/codec.bench.ts [form]      (all forms by default; else those whose name holds the word, and the frame)
import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  deflateRawSync,
  inflateRawSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';
import { decodeFrame, encodeFrame } from '../../shared/src/protocol/frame.ts';
import { decodeSamples, encodeSamples, type SampleRow } from '../../shared/src/protocol/samples.ts';
import { type Series, seriesText } from '../../shared/src/series.ts';
import { hostRecording } from '../support/host-recording.ts';
import { decodeWriteRequest, encodeWriteRequest } from './remote-write.ts';

interface Form {
  readonly name: string;
  encode(rows: readonly SampleRow[]): Uint8Array;
  /** The values found, to be compared and so that nothing is optimised away. */
  decode(bytes: Uint8Array): readonly ArrayLike<number>[];
}

const { series, rows: recorded } = hostRecording();
const head = { kind: 'samples', bootId: 1_793_577_600_000, seq: 100_000 } as const;

const namesOf = (some: readonly Series[]): string[] => some.map(({ family, labels }) => seriesText(family.name, labels));
const jsonWithNames = (names: readonly string[], rows: readonly SampleRow[]): Buffer =>
  Buffer.from(
    JSON.stringify(
      rows.map(({ atMs, values }) => ({ t: atMs, v: Object.fromEntries(names.map((name, index) => [name, values[index]])) })),
    ),
  );
const jsonArrays = (rows: readonly SampleRow[]): Buffer =>
  Buffer.from(JSON.stringify(rows.map(({ atMs, values }) => [atMs, ...values])));
const readNames = (bytes: Uint8Array): number[][] =>
  JSON.parse(Buffer.from(bytes).toString()).map(({ v }: { v: Record<string, number> }) => Object.values(v));
const readArrays = (bytes: Uint8Array): number[][] =>
  JSON.parse(Buffer.from(bytes).toString()).map((row: readonly number[]) => row.slice(1));
const quickBrotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

const wantedForm = process.argv[2] ?? '';

const formsOf = (some: readonly Series[]): readonly Form[] => {
  const names = namesOf(some);
  const forms: readonly Form[] = [
    {
      name: 'jiwei frame',
      encode: (rows) => encodeFrame({ ...head, body: encodeSamples(rows) }),
      decode: (bytes) => {
        const frame = decodeFrame(bytes);
        return frame.kind === 'samples' ? decodeSamples(frame.body).map(({ values }) => values) : [];
      },
    },
    { name: 'JSON arrays', encode: jsonArrays, decode: readArrays },
    {
      name: 'JSON arrays, deflate',
      encode: (rows) => deflateRawSync(jsonArrays(rows)),
      decode: (bytes) => readArrays(inflateRawSync(bytes)),
    },
    {
      name: 'JSON arrays, zstd',
      encode: (rows) => zstdCompressSync(jsonArrays(rows)),
      decode: (bytes) => readArrays(zstdDecompressSync(bytes)),
    },
    { name: 'JSON with names', encode: (rows) => jsonWithNames(names, rows), decode: readNames },
    {
      name: 'JSON with names, deflate',
      encode: (rows) => deflateRawSync(jsonWithNames(names, rows)),
      decode: (bytes) => readNames(inflateRawSync(bytes)),
    },
    { name: 'remote write 1.0, no compression', encode: (rows) => encodeWriteRequest(some, rows), decode: decodeWriteRequest },
    // Its own compression, snappy, is not in Node; brotli at its quickest stands for it and packs better.
    {
      name: 'remote write 1.0, brotli 1',
      encode: (rows) => brotliCompressSync(encodeWriteRequest(some, rows), quickBrotli),
      decode: (bytes) => decodeWriteRequest(brotliDecompressSync(bytes)),
    },
  ];
  return forms.filter(({ name }, index) => index === 0 || name.includes(wantedForm));
};

/** CPU each figure is looked for: long enough for the compiler to be done, and for some rounds nobody disturbs. */
const searchCpuMs = 300;
const cpuMs = (): number => process.cpuUsage().user / 1000;

/** The quickest of several rounds, in ns per sample: the machine's other work only ever adds. */
const nsPerSample = (run: () => void, sampleCount: number): number => {
  const repeats = Math.max(1, Math.ceil(20_000 / sampleCount));
  let bestMs = Number.POSITIVE_INFINITY;
  // Not wall time: on a busy machine most of that is not ours.
  const endMs = cpuMs() + searchCpuMs;
  for (let round = 0; round < 8 || cpuMs() < endMs; round += 1) {
    const fromMs = performance.now();
    for (let repeat = 0; repeat < repeats; repeat += 1) run();
    bestMs = Math.min(bestMs, performance.now() - fromMs);
  }
  return (bestMs * 1e6) / (repeats * sampleCount);
};

const isSame = (rows: readonly SampleRow[], found: readonly ArrayLike<number>[]): boolean =>
  rows.every(({ values }, row) => values.every((value, index) => Object.is(value, found[row]?.[index])));

const measure = (title: string, some: readonly Series[], rows: readonly SampleRow[]): void => {
  const sampleCount = rows.length * some.length;
  const measured = formsOf(some).map((form) => {
    const bytes = form.encode(rows);
    if (!isSame(rows, form.decode(bytes))) throw new Error(`${form.name} does not bring the values back`);
    const encodeNs = nsPerSample(() => form.encode(rows), sampleCount);
    const decodeNs = nsPerSample(() => form.decode(bytes), sampleCount);
    return { name: form.name, bytesPerSample: bytes.length / sampleCount, encodeNs, decodeNs, bothNs: encodeNs + decodeNs };
  });
  const [own] = measured;
  if (own === undefined) return;
  console.log(`\n${title}: ${rows.length} rows of ${some.length} series`);
  console.table(
    measured.map((one) => ({
      form: one.name,
      'B/sample': Number(one.bytesPerSample.toFixed(2)),
      'encode ns': Math.round(one.encodeNs),
      'decode ns': Math.round(one.decodeNs),
      'bytes, times ours': Number((one.bytesPerSample / own.bytesPerSample).toFixed(1)),
      'time, times ours': Number((one.bothNs / own.bothNs).toFixed(1)),
    })),
  );
};

const changing = series.map((_, index) => index).filter((index) => new Set(recorded.map(({ values }) => values[index])).size > 4);
const indexes = Uint32Array.from(changing, (_, index) => index);
const changingSeries = changing.flatMap((index) => series[index] ?? []);
const changingRows = recorded.map(({ atMs, values }) => ({
  atMs,
  indexes,
  values: Float64Array.from(changing, (index) => values[index] ?? 0),
}));

/**
 * Not recorded but reckoned: every counter is higher by what it would have gained in half a year at the pace of the recording. The steps stay;
 * an offset is an integer, so that decimals stay too.
 */
const halfYearMs = 182 * 24 * 3_600_000;
const [earliest, latest] = [recorded.at(0), recorded.at(-1)];
const spanMs = (latest?.atMs ?? 0) - (earliest?.atMs ?? 0);
const gains = series.map(({ family }, index) =>
  family.type === 'counter'
    ? Math.round((((latest?.values[index] ?? 0) - (earliest?.values[index] ?? 0)) * halfYearMs) / spanMs)
    : 0,
);
const grownRows = recorded.map((row) => ({ ...row, values: row.values.map((value, index) => value + (gains[index] ?? 0)) }));

for (const count of [1, 8, 40]) measure('a host', series, recorded.slice(-count));
for (const count of [1, 8]) measure('its counters half a year older (reckoned)', series, grownRows.slice(-count));
for (const count of [1, 8]) measure('only what changes on it', changingSeries, changingRows.slice(-count));
