import { limits } from '../../../shared/src/limits.ts';
import type { StoredAnswer } from '../model/history.ts';
import { type Observer, Violation } from '../observer.ts';
import type { Plan, PlannedFault } from '../plan.ts';
import { worldBeginsAtMs } from '../world/machine.ts';
import type { Asking } from '../world/targets.ts';

/** Nothing invented: every stored result is the answer to a question that was truly put, and says what was answered. */
export const checkStoredResults = (plan: Plan, observer: Observer, askings: readonly Asking[]): void => {
  const isTimeSure = timeSureness(plan);
  for (const [number, { answer }] of observer.stored) {
    checkResult(number, answer, askings[number]);
    const offMs = answer.atMs - worldBeginsAtMs - (askings[number]?.askedAtMs ?? 0);
    if (isTimeSure(answer.agent) && Math.abs(offMs) > stampOffMsMax)
      throw new Violation(`asking ${number} is stamped ${offMs} ms off its true time`);
  }
};

/**
 * Where nobody sets a clock, what an agent with a right clock says is stamped right, however long messages are held back; the skew of a wrong one
 * is measured to within the tolerance and the way only where none is.
 */
const timeSureness = (plan: Plan): ((agent: string) => boolean) => {
  const has = (kinds: readonly PlannedFault['kind'][]): boolean => plan.faults.some(({ kind }) => kinds.includes(kind));
  if (has(['agentClock', 'collectorClock'])) return () => false;
  if (!has(['partition', 'burst', 'slowLink'])) return () => true;
  const right = new Set(plan.agents.filter(({ skewMs }) => Math.abs(skewMs) <= rightClockMsMax).map(({ id }) => id));
  return (agent) => right.has(agent);
};
/** Such a clock stays within the tolerance while it drifts, in the longest world. */
const rightClockMsMax = 1_000;
const stampOffMsMax = limits.clockToleranceMs + 500;

const checkResult = (number: number, answer: StoredAnswer, asking: Asking | undefined): void => {
  if (asking === undefined || asking.answeredAtMs === null) throw new Violation(`asking ${number} was never answered`);
  if (answer.check !== asking.check || answer.agent !== asking.agent || answer.outcome !== asking.outcome)
    throw new Violation(`asking ${number} is stored as ${JSON.stringify(answer)}; it was ${JSON.stringify(asking)}`);
};

/**
 * Nothing acknowledged is lost: whatever an agent was told is stored is in the store, or was given up before because its disk was full or
 * damaged, and then as many frames are told as lost.
 */
export const checkAcknowledged = (observer: Observer, askings: readonly Asking[], isAtRest: boolean): void => {
  const missing = new Map<string, string[]>();
  for (const { agent, place, content } of observer.acknowledged()) {
    const lost = content.askings.find((number) => !observer.stored.has(number));
    const gone = content.readings.find((reading) => !observer.readings.has(`${agent}/${reading}`));
    if (lost === undefined && gone === undefined) continue;
    const what = lost === undefined ? `reading ${gone}` : JSON.stringify(askings[lost]);
    const known = missing.get(agent) ?? [];
    missing.set(agent, known);
    known.push(`frame ${place.bootId}/${place.seq} with ${what}`);
  }
  for (const [agent, frames] of missing) {
    const told = observer.framesToldLost.get(agent) ?? 0;
    // A loss is told with the next frame that is written.
    if (frames.length <= told || (!isAtRest && observer.mayLose.has(agent))) continue;
    throw new Violation(`acknowledged by ${agent}, but not stored (${told} told as lost): ${frames.join(', ')}`);
  }
};
