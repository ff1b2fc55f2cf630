import { type Observer, Violation } from '../observer.ts';
import type { JobCall } from '../world/jobs.ts';

/** Every call that is stored was truly made, and says what was said; one that was answered is stored, or a later one of the same job is. */
export const checkCalls = (observer: Observer, calls: readonly JobCall[]): void => {
  const latest = new Map<string, number>();
  for (const { number, heartbeat, isUp } of observer.calls) {
    const made = calls[number];
    if (made === undefined || made.heartbeat !== heartbeat || made.isUp !== isUp)
      throw new Violation(`call ${number} of ${heartbeat} is stored as ${isUp}; it was ${JSON.stringify(made)}`);
    const before = latest.get(heartbeat);
    if (before !== undefined && before >= number) throw new Violation(`call ${number} of ${heartbeat} is stored after ${before}`);
    latest.set(heartbeat, number);
  }
  for (const { number, heartbeat, isAnswered } of calls)
    if (isAnswered && (latest.get(heartbeat) ?? -1) < number)
      throw new Violation(`call ${number} of ${heartbeat} was answered, but is not stored`);
};
