import { describe, expect, test } from 'vitest';
import {
  agentMessageSchema,
  collectorMessageSchema,
  gapBodySchema,
  inventoryBodySchema,
  resultsBodySchema,
} from '../../shared/src/protocol/control.ts';
import { encodeDictionary } from '../../shared/src/protocol/dictionary.ts';
import { decodeFrame, encodeFrame, frameKinds, type NumberedFrameKind } from '../../shared/src/protocol/frame.ts';
import { decodeSamples, encodeSamples } from '../../shared/src/protocol/samples.ts';
import type { Series } from '../../shared/src/series.ts';
import { bytesOf, type Part, vectorsOf } from '../support/vectors.ts';

type Message = { readonly bootId: number } & (
  | { readonly kind: 'dictionary'; readonly firstIndex: number; readonly series: readonly Series[] }
  | {
      readonly kind: 'samples';
      readonly seq: number;
      readonly rows: readonly {
        readonly atMs: number;
        readonly indexes: readonly number[];
        readonly values: readonly (number | string)[];
      }[];
    }
  | { readonly kind: Exclude<NumberedFrameKind, 'samples'>; readonly seq: number; readonly body: unknown }
);
const vectors = vectorsOf<{ readonly name: string; readonly message: Message; readonly parts: readonly Part[] }>('frames');
const bodySchemas = { results: resultsBodySchema, gap: gapBodySchema, inventory: inventoryBodySchema };

const encoded = (message: Message): Uint8Array => {
  switch (message.kind) {
    case 'dictionary':
      return encodeDictionary(message);
    case 'samples': {
      const rows = message.rows.map(({ atMs, indexes, values }) => ({
        atMs,
        indexes: Uint32Array.from(indexes),
        values: Float64Array.from(values, Number),
      }));
      return encodeFrame({ ...message, body: encodeSamples(rows) });
    }
    default:
      return encodeFrame({ ...message, body: Buffer.from(JSON.stringify(message.body)) });
  }
};

const decoded = (bytes: Uint8Array): unknown => {
  const frame = decodeFrame(bytes);
  if (frame.kind === 'dictionary') return frame;
  const { body, ...head } = frame;
  if (frame.kind !== 'samples') return { ...head, body: bodySchemas[frame.kind].parse(JSON.parse(Buffer.from(body).toString())) };
  const rows = decodeSamples(body).map(({ atMs, indexes, values }) => ({ atMs, indexes: [...indexes], values: [...values] }));
  return { ...head, rows };
};

describe('frames of the vectors', () => {
  for (const { name, message, parts } of vectors) {
    test(`${name} is read`, () => {
      const expected =
        message.kind === 'samples'
          ? { ...message, rows: message.rows.map((row) => ({ ...row, values: row.values.map(Number) })) }
          : message;
      expect(decoded(bytesOf(parts))).toStrictEqual(expected);
    });
    test(`${name} is written`, () => {
      expect(Buffer.from(encoded(message)).toString('hex')).toBe(bytesOf(parts).toString('hex'));
    });
  }

  test('there is one of every kind', () => {
    expect([...new Set(vectors.map(({ message }) => message.kind))].sort()).toStrictEqual(Object.keys(frameKinds).sort());
  });
});

describe('control messages of the vectors', () => {
  const control = vectorsOf<{
    readonly name: string;
    readonly direction: string;
    readonly valid: boolean;
    readonly message: { readonly type?: string };
  }>('control');

  for (const { name, direction, valid, message } of control) {
    test(`${name} is ${valid ? 'taken' : 'refused'}`, () => {
      const schema = direction === 'agent → collector' ? agentMessageSchema : collectorMessageSchema;
      const parsed = schema.safeParse(message);
      expect(parsed.success).toBe(valid);
      if (!parsed.success) return;
      // What was understood says the same again; fields that are not known are left out, defaults are filled in.
      expect(schema.parse(JSON.parse(JSON.stringify(parsed.data)))).toStrictEqual(parsed.data);
      expect({ ...message, ...parsed.data }).toMatchObject(message);
    });
  }

  test('there is one of every type', () => {
    const known = [...agentMessageSchema.options, ...collectorMessageSchema.options].map((schema) => schema.shape.type.value);
    const shown = control.filter(({ valid }) => valid).map(({ message }) => message.type);
    expect([...new Set(shown)].sort()).toStrictEqual([...known].sort());
  });
});
