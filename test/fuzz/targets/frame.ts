import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { limits } from '@jiwei/shared/limits.ts';
import { encodeDictionaries } from '@jiwei/shared/protocol/dictionary.ts';
import { decodeFrame, encodeFrame } from '@jiwei/shared/protocol/frame.ts';
import { decodeSamples, encodeSamples } from '@jiwei/shared/protocol/samples.ts';
import { readFrame } from '../../../collector/src/ingest/delivery.ts';
import { bytesOf, type Part, vectorsOf } from '../../support/vectors.ts';
import { type FuzzTarget, jsonBytes } from '../target.ts';

const result = { checkId: 'web', observedAtMs: 1, outcome: 'up', reason: 'OK', latencyMs: 1.5, run: { ofDown: 0, ofUp: 1 } };
const bodies = {
  results: { results: [{ ...result, method: 'get', detail: '好', values: { probe_success: 1, 'a{b="c"}': 2 } }, result] },
  gap: { fromMs: 1, toMs: 2, frames: 1, bytes: 10, cause: 'spool-full' },
  inventory: { sections: { cpu: [{ model: '龙芯 3A6000', cores: 4, isVirtual: false, speed: null }] } },
} as const;
const jsonFrames = Object.entries(bodies).map(([kind, body]) =>
  encodeFrame({ kind: kind as keyof typeof bodies, bootId: 1, seq: 0, body: jsonBytes(body) }),
);
const names = Array.from({ length: 60 }, (_, index) => ({
  family: { name: `m${index % 7}`, type: 'gauge', help: '' } as const,
  labels: [['a', `值${index}`]] as const,
}));
const sampleFrames = [
  [
    [1, 2, 3],
    [
      [0, 1, 2],
      [1, 2],
      [0, 2],
    ],
  ],
  [
    [5, 1_000, 20],
    [[7], [7], [7]],
  ],
] as const;

/** Whatever a frame means, it says the same after one more trip through our own encoder. */
const assertStable = (bytes: Uint8Array): number => {
  const frame = decodeFrame(bytes);
  if (frame.kind === 'dictionary') {
    const again = encodeDictionaries(frame.bootId, frame.firstIndex, frame.series).flatMap((message) => {
      const decoded = decodeFrame(message);
      return decoded.kind === 'dictionary' ? decoded.series : [];
    });
    assert.deepEqual(again, frame.series);
    return frame.series.length;
  }
  if (frame.kind !== 'samples') return 0;
  const rows = decodeSamples(frame.body);
  const plain = (from: ReturnType<typeof decodeSamples>) =>
    from.map(({ atMs, indexes, values }) => ({ atMs, indexes: [...indexes], values: [...values] }));
  // As numbers: NaN has many bit patterns, of which one is written.
  assert.deepEqual(plain(decodeSamples(encodeSamples(rows))), plain(rows));
  return rows.reduce((count, row) => count + row.indexes.length, 0);
};

/** The sum of CRC-32 behind whatever stands before it. */
export const withChecksum = (bytes: Uint8Array): Uint8Array => {
  if (bytes.length < 5) return bytes;
  const mended = Buffer.from(bytes);
  mended.writeUInt32LE(crc32(mended.subarray(0, -4)), mended.length - 4);
  return mended;
};

/** Every binary message an agent can send, as far as the queue of the writer: frames and dictionaries with all they hold. */
export const target: FuzzTarget = {
  name: 'frame',
  corpus: [
    ...vectorsOf<{ readonly parts: readonly Part[] }>('frames').map(({ parts }) => bytesOf(parts)),
    ...jsonFrames,
    ...encodeDictionaries(1, 0, names),
    ...sampleFrames.map(([times, indexes], seq) => {
      const rows = indexes.map((row, place) => ({
        atMs: times[place] ?? 0,
        indexes: Uint32Array.from(row),
        values: Float64Array.from(row, (index) => index * 1.25 + place),
      }));
      return encodeFrame({ kind: 'samples', bootId: 1, seq, body: encodeSamples(rows) });
    }),
  ],
  words: ['"results":', '"checkId"', '"values":{', '"sections":', '"spool-damaged"', '"down"', '"TIMEOUT"', '\u0002', '\u0003'],
  inputBytesMax: 16_384,
  refusals: ['FRAME_INVALID', 'TOO_LARGE'],
  workMax: limits.samplesPerFrameMax + limits.seriesPerAgentMax + limits.resultsPerFrameMax,
  boundedInputs: 4_000,
  mend: withChecksum,
  run: (bytes) => {
    // As on a connection that named every series it may, and as on one that named none.
    const context = { offsetMs: 0, receivedAtMs: 1, seriesCounts: new Map<number, number>() };
    const { bootId } = decodeFrame(bytes);
    const known = new Map([[bootId, limits.seriesPerAgentMax]]);
    const delivery = readFrame(bytes, { ...context, seriesCounts: known });
    const work = assertStable(bytes) + (delivery.kind === 'results' ? delivery.results.length : 0);
    readFrame(bytes, context);
    return work;
  },
};
