import { type BackoffPolicy, fullJitterMs } from '@jiwei/shared/backoff.ts';
import type { RefusalClass } from '@jiwei/shared/protocol/refusals.ts';
import { hourMs, minuteMs, secondMs } from '@jiwei/shared/time.ts';

/** Waits after a link was lost or could not be made. */
export const reconnectPolicy: BackoffPolicy = { firstMs: 500, mostMs: 30 * secondMs };
/** A link that streamed for less does not count as success: else a collector that throws us out at once would be asked without pause. */
export const stableLinkMs = 10 * secondMs;
/** Somebody has to act first; soon enough that they see it work, rarely enough not to fill their log. */
export const askAPersonMs = 1 * minuteMs;
/** This build or this data will not be taken (and no collector can tell an agent to stay away for longer); only an update of either side changes that. */
export const giveUpMs = 1 * hourMs;

/** Why there is no link. `broken`: we closed it, because what came was not the protocol. */
export type LinkEnd =
  | { readonly kind: 'lost' }
  | { readonly kind: 'broken' }
  | { readonly kind: 'refused'; readonly class: RefusalClass; readonly retryAfterMs: number };

export interface Retry {
  readonly delayMs: number;
  /** Failures in a row, this one included. */
  readonly attempt: number;
}

/**
 * When to try again.
 * @param attempt failures in a row before this one
 * @param streamedMs how long the link streamed; 0 when it never did
 * @param random from [0, 1)
 */
export const planRetry = (
  end: LinkEnd,
  { attempt, streamedMs, random }: { readonly attempt: number; readonly streamedMs: number; readonly random: number },
): Retry => {
  const failures = streamedMs >= stableLinkMs ? 0 : attempt;
  const next = (delayMs: number): Retry => ({ delayMs, attempt: failures + 1 });
  if (end.kind === 'lost') return next(fullJitterMs(reconnectPolicy, failures, random));
  if (end.kind === 'broken') return next(spread(askAPersonMs, random));
  switch (end.class) {
    case 'retry-now':
      return next(fullJitterMs(reconnectPolicy, failures, random));
    case 'retry-later':
      // The time told is the earliest; all who were told the same must not come at the same moment.
      return next(Math.min(end.retryAfterMs, giveUpMs) + fullJitterMs(reconnectPolicy, failures + 1, random));
    case 'ask-a-person':
      return next(Math.max(Math.min(end.retryAfterMs, giveUpMs), spread(askAPersonMs, random)));
    case 'give-up':
      return next(Math.max(Math.min(end.retryAfterMs, giveUpMs), spread(giveUpMs, random)));
    default:
      return end.class satisfies never;
  }
};

/** Evenly from three quarters to five quarters of a time. */
const spread = (ms: number, random: number): number => Math.floor(ms * (0.75 + random / 2));
