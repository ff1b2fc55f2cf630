import type { CheckResult } from '@jiwei/shared/check.ts';
import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { ResultsBody } from '@jiwei/shared/protocol/control.ts';
import type { FrameDraft } from '../spool/spool.ts';

/** Results that come within this time share a frame, ms: enough for those of one moment, too little to be felt. */
const gatherMs = 20;
/** Characters of results in one frame: an eighth of what a message may hold, were each of them four bytes. */
const charactersMax = limits.messageBytesMax / 8;

/** Gathers results into frames. */
export interface ResultBatch {
  /** @param holdMs how long it may wait for others; what waited already goes with one that may not */
  add(result: CheckResult, holdMs: number): void;
  /** Gives on at once what was gathered. */
  flush(): void;
}

/** An empty batch. @param record takes each full frame */
export const createResultBatch = (clock: Clock, record: (draft: FrameDraft) => void): ResultBatch => {
  let texts: string[] = [];
  let characters = 0;
  let firstAtMs = 0;
  let cancelTimer: CancelTimer | null = null;
  let flushAtMs = Number.POSITIVE_INFINITY;
  const encoder = new TextEncoder();
  const flush = (): void => {
    cancelTimer?.();
    cancelTimer = null;
    flushAtMs = Number.POSITIVE_INFINITY;
    if (texts.length === 0) return;
    const body = encoder.encode(`{"results":[${texts.join(',')}]}`);
    texts = [];
    characters = 0;
    record({ kind: 'results', body, atMs: firstAtMs });
  };
  return {
    add: (result, holdMs) => {
      const text = JSON.stringify(result satisfies ResultsBody['results'][number]);
      if (texts.length >= limits.resultsPerFrameMax || characters + text.length > charactersMax) flush();
      if (texts.length === 0) firstAtMs = result.observedAtMs;
      texts.push(text);
      characters += text.length;
      const waitMs = Math.max(gatherMs, holdMs);
      const atMs = clock.monotonicMs() + waitMs;
      if (atMs >= flushAtMs) return;
      cancelTimer?.();
      cancelTimer = clock.after(waitMs, flush);
      flushAtMs = atMs;
    },
    flush,
  };
};
