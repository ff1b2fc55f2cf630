import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../shared/src/errors.ts';
import { limits } from '../../shared/src/limits.ts';
import { encodeDictionary } from '../../shared/src/protocol/dictionary.ts';
import { frameBodyBytesMax } from '../../shared/src/protocol/envelope.ts';
import { decodeFrame, encodeFrame, type NumberedFrame } from '../../shared/src/protocol/frame.ts';
import { encodeSamples } from '../../shared/src/protocol/samples.ts';
import { hostRecording } from '../support/host-recording.ts';

const { series, rows } = hostRecording();
const messages: readonly { kind: string; bytes: Uint8Array }[] = [
  {
    kind: 'samples',
    bytes: encodeFrame({ kind: 'samples', bootId: 1_793_577_600_000, seq: 300, body: encodeSamples(rows.slice(0, 2)) }),
  },
  { kind: 'results', bytes: encodeFrame({ kind: 'results', bootId: 0, seq: 0, body: Buffer.from('{"results":[]}') }) },
  { kind: 'gap', bytes: encodeFrame({ kind: 'gap', bootId: 2 ** 53 - 1, seq: 2 ** 53 - 1, body: new Uint8Array(0) }) },
  { kind: 'dictionary', bytes: encodeDictionary({ kind: 'dictionary', bootId: 5, firstIndex: 7, series: series.slice(0, 20) }) },
];

const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError && error.code === 'FRAME_INVALID') return error.message;
    throw error;
  }
  throw new Error('it was not refused');
};

/** The message with a right checksum after its bytes were changed. */
const sealed = (hex: string): Uint8Array => {
  const content = Buffer.from(hex, 'hex');
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(content));
  return Buffer.concat([content, checksum]);
};

test('any numbered frame comes back as it was', () => {
  const frame: fc.Arbitrary<NumberedFrame> = fc.record({
    kind: fc.constantFrom('samples', 'results', 'gap', 'inventory'),
    bootId: fc.maxSafeNat(),
    seq: fc.maxSafeNat(),
    body: fc.uint8Array({ maxLength: 300, size: 'max' }),
  });
  fc.assert(
    fc.property(frame, (one) => {
      const back = decodeFrame(encodeFrame(one));
      if (back.kind === 'dictionary') throw new Error('a dictionary came back');
      expect({ ...back, body: Buffer.from(back.body) }).toStrictEqual({ ...one, body: Buffer.from(one.body) });
    }),
  );
});

test('a body is read where it lies, at any place of a larger buffer', () => {
  const bytes = encodeFrame({ kind: 'gap', bootId: 1, seq: 2, body: Buffer.from('body') });
  const larger = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')]);
  const frame = decodeFrame(larger.subarray(6, 6 + bytes.length));
  expect(frame.kind === 'gap' && Buffer.from(frame.body).toString()).toBe('body');
});

describe('damage is always seen', () => {
  for (const { kind, bytes } of messages) {
    test(`every beginning of a ${kind} message is refused`, () => {
      for (let length = 0; length < bytes.length; length += 1) refusal(() => decodeFrame(bytes.subarray(0, length)));
    });

    test(`every changed byte of a ${kind} message is refused`, () => {
      for (let place = 0; place < bytes.length; place += 1) {
        const changed = Uint8Array.from(bytes);
        // Each bit alone, and all of them.
        for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
          changed[place] = (bytes[place] ?? 0) ^ mask;
          refusal(() => decodeFrame(changed));
        }
      }
    });

    test(`a byte more than a ${kind} message is refused`, () => {
      refusal(() => decodeFrame(Buffer.concat([bytes, Buffer.from([0])])));
      refusal(() => decodeFrame(Buffer.concat([Buffer.from([0]), bytes])));
    });
  }
});

describe('a refusal says what is wrong', () => {
  const cases: readonly { why: string; bytes: Uint8Array; says: RegExp }[] = [
    { why: 'too short to be any', bytes: Buffer.from('010000', 'hex'), says: /3 bytes; at least 7/ },
    { why: 'a wrong checksum', bytes: Buffer.from('02000000000000', 'hex'), says: /checksum is 0/ },
    { why: 'a kind that is not known', bytes: sealed('060000'), says: /kind is 6; known are 1, 2, 3, 4, 5/ },
    { why: 'kind 0', bytes: sealed('000000'), says: /kind is 0/ },
    { why: 'no end of the boot id', bytes: sealed('028080'), says: /ends within the boot id/ },
    { why: 'no number', bytes: sealed('02ff01'), says: /ends within the number/ },
    { why: 'a number above 2^53', bytes: sealed('0200ffffffffffffff1f'), says: /at most 9007199254740991/ },
    { why: 'a number with a byte too many', bytes: sealed('0200ff00'), says: /more bytes than it needs/ },
    { why: 'more bytes than a message may have', bytes: new Uint8Array(limits.messageBytesMax + 1), says: /1048577 bytes/ },
  ];
  for (const { why, bytes, says } of cases) test(why, () => expect(refusal(() => decodeFrame(bytes))).toMatch(says));
});

describe('what does not fit is not written', () => {
  const cases: readonly { why: string; frame: NumberedFrame; says: RegExp }[] = [
    { why: 'a negative number', frame: { kind: 'gap', bootId: 1, seq: -1, body: new Uint8Array(0) }, says: /number is -1/ },
    { why: 'a fraction', frame: { kind: 'gap', bootId: 1.5, seq: 1, body: new Uint8Array(0) }, says: /boot id is 1\.5/ },
    { why: '2^53', frame: { kind: 'gap', bootId: 1, seq: 2 ** 53, body: new Uint8Array(0) }, says: /9007199254740992/ },
    {
      why: 'a body longer than a message',
      frame: { kind: 'gap', bootId: 1, seq: 1, body: new Uint8Array(limits.messageBytesMax) },
      says: /at most 1048576/,
    },
  ];
  for (const { why, frame, says } of cases) test(why, () => expect(refusal(() => encodeFrame(frame))).toMatch(says));

  test('the longest body fits whatever the numbers are', () => {
    const body = new Uint8Array(frameBodyBytesMax);
    expect(encodeFrame({ kind: 'gap', bootId: 2 ** 53 - 1, seq: 2 ** 53 - 1, body }).length).toBe(limits.messageBytesMax);
  });
});
