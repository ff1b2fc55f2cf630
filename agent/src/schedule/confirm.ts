import type { Confirm, RunPlace } from '@jiwei/shared/check.ts';
import type { Outcome } from '@jiwei/shared/status.ts';

/** What a check is known to be, and the run of equal answers it is in. `settled` is null until the first run was long enough. */
export interface Confirmation {
  readonly settled: 'up' | 'down' | null;
  readonly place: RunPlace;
}

/** Before the first answer. */
export const unasked: Confirmation = { settled: null, place: { ofDown: 0, ofUp: 0 } };

/**
 * Takes one answer in. Degraded is a success.
 * @returns what is known now, and whether to ask again at the retry interval rather than at the next regular time: after a first failure
 *   until the failures are enough or a success comes, and likewise for the successes that end a downtime
 */
export const confirm = (
  known: Confirmation,
  outcome: Outcome,
  wanted: Pick<Confirm, 'failures' | 'successes'>,
): { readonly confirmation: Confirmation; readonly isRetryWanted: boolean } => {
  const isDown = outcome === 'down';
  const place: RunPlace = isDown ? { ofDown: known.place.ofDown + 1, ofUp: 0 } : { ofDown: 0, ofUp: known.place.ofUp + 1 };
  const [side, run, needed] = isDown
    ? (['down', place.ofDown, wanted.failures] as const)
    : (['up', place.ofUp, wanted.successes] as const);
  if (known.settled === side || run >= needed) return { confirmation: { settled: side, place }, isRetryWanted: false };
  return { confirmation: { settled: known.settled, place }, isRetryWanted: true };
};
