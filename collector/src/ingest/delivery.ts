import type { CheckResult } from '@jiwei/shared/check.ts';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { cleaned } from '@jiwei/shared/plain-text.ts';
import {
  type FramePosition,
  type GapBody,
  gapBodySchema,
  type InventoryBody,
  inventoryBodySchema,
  type ResultsBody,
  resultsBodySchema,
} from '@jiwei/shared/protocol/control.ts';
import { decodeFrame, type NumberedFrame } from '@jiwei/shared/protocol/frame.ts';
import { decodeSamples, type SampleRow } from '@jiwei/shared/protocol/samples.ts';
import type { Series } from '@jiwei/shared/series.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { z } from 'zod';
import { plainResults } from './plain-results.ts';

/** What one binary message brought, decoded and checked. Times inside are still the agent's; `offsetMs` is what to add. */
export type Delivery =
  | {
      readonly kind: 'dictionary';
      readonly bootId: number;
      readonly firstIndex: number;
      readonly series: readonly Series[];
      readonly bytes: Uint8Array;
    }
  | (FrameHead & { readonly kind: 'samples'; readonly rows: readonly SampleRow[]; readonly body: Uint8Array })
  | (FrameHead & { readonly kind: 'results'; readonly results: readonly CheckResult[] })
  | (FrameHead & { readonly kind: 'gap'; readonly gap: GapBody })
  | (FrameHead & { readonly kind: 'inventory'; readonly inventory: InventoryBody });

export interface FrameHead extends FramePosition {
  readonly offsetMs: number;
  readonly receivedAtMs: EpochMs;
  /** Length of the whole message, for flow control. */
  readonly messageBytes: number;
}

/**
 * Reads one binary message.
 * @throws AppError FRAME_INVALID for anything malformed or out of place, TOO_LARGE for a documented limit
 */
export const readFrame = (
  bytes: Uint8Array,
  context: { readonly offsetMs: number; readonly receivedAtMs: EpochMs; readonly seriesCounts: Map<number, number> },
): Delivery => {
  const frame = decodeFrame(bytes);
  if (frame.kind === 'dictionary') {
    noteSeries(context.seriesCounts, frame.bootId, frame.firstIndex, frame.series.length);
    return { ...frame, bytes };
  }
  const head: FrameHead = {
    bootId: frame.bootId,
    seq: frame.seq,
    offsetMs: context.offsetMs,
    receivedAtMs: context.receivedAtMs,
    messageBytes: bytes.length,
  };
  switch (frame.kind) {
    case 'samples':
      return { ...head, kind: 'samples', rows: readRows(frame, context.seriesCounts), body: frame.body };
    case 'results':
      return { ...head, kind: 'results', results: readResults(frame) };
    case 'gap':
      return { ...head, kind: 'gap', gap: parseBody(frame, gapBodySchema) };
    case 'inventory':
      return { ...head, kind: 'inventory', inventory: parseBody(frame, inventoryBodySchema) };
    default:
      return frame satisfies never;
  }
};

/** A dictionary may repeat what was named before, but leave no hole: an index without a series could never be read back. */
const noteSeries = (seriesCounts: Map<number, number>, bootId: number, firstIndex: number, seriesCount: number): void => {
  const known = seriesCounts.get(bootId) ?? 0;
  if (firstIndex > known)
    throw new AppError(
      'FRAME_INVALID',
      `dictionary of boot ${bootId} begins at ${firstIndex}, but only ${known} series are named so far`,
    );
  // No more than `limits.seriesPerAgentMax`: a dictionary beyond it does not even decode.
  const count = Math.max(known, firstIndex + seriesCount);
  // A connection carries the boots left in one spool; only the newest few are ever in use at once.
  if (!seriesCounts.has(bootId) && seriesCounts.size >= bootsPerConnectionMax)
    seriesCounts.delete(Math.min(...seriesCounts.keys()));
  seriesCounts.set(bootId, count);
};
const bootsPerConnectionMax = 16;

const readRows = (frame: NumberedFrame, seriesCounts: ReadonlyMap<number, number>): SampleRow[] => {
  const rows = decodeSamples(frame.body);
  const known = seriesCounts.get(frame.bootId) ?? 0;
  for (const row of rows) {
    const last = row.indexes.at(-1);
    if (last !== undefined && last >= known) {
      throw new AppError(
        'FRAME_INVALID',
        `frame ${frame.bootId}/${frame.seq} uses series ${last}, but only ${known} are named on this connection`,
      );
    }
  }
  return rows;
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

const readResults = (frame: NumberedFrame): readonly CheckResult[] => {
  const json = parseJson(frame);
  const results = plainResults(json) ?? (checkBody(frame, json, resultsBodySchema) satisfies ResultsBody).results;
  return results.some(isUnclean) ? results.map(cleanedResult) : results;
};

/** Texts of results quote what targets said, and go on to terminals, logs and mails. */
const isUnclean = ({ detail = '', method = '' }: CheckResult): boolean =>
  (detail !== '' && cleaned(detail) !== detail) || (method !== '' && cleaned(method) !== method);

/** The result with texts that do no more than say something. */
export const cleanedResult = (result: CheckResult): CheckResult => ({
  ...result,
  ...(result.detail === undefined ? {} : { detail: cleaned(result.detail) }),
  ...(result.method === undefined ? {} : { method: cleaned(result.method) }),
});

const parseBody = <T>(frame: NumberedFrame, schema: z.ZodType<T>): T => checkBody(frame, parseJson(frame), schema);

const parseJson = (frame: NumberedFrame): unknown => {
  try {
    return JSON.parse(utf8.decode(frame.body));
  } catch (error) {
    throw new AppError(
      'FRAME_INVALID',
      `body of ${frame.kind} frame ${frame.bootId}/${frame.seq} is not JSON in UTF-8: ${messageOf(error)}`,
    );
  }
};

const checkBody = <T>(frame: NumberedFrame, json: unknown, schema: z.ZodType<T>): T => {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AppError(
    'FRAME_INVALID',
    `${frame.kind} frame ${frame.bootId}/${frame.seq}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`,
  );
};
