import type { StoredAnswer } from '../model/history.ts';
import { type Observer, Violation } from '../observer.ts';
import type { Asking } from '../world/targets.ts';

/** Nothing invented: every stored result is the answer to a question that was truly put, and says what was answered. */
export const checkStoredResults = (observer: Observer, askings: readonly Asking[]): void => {
  for (const [number, { answer }] of observer.stored) checkResult(number, answer, askings[number]);
};

const checkResult = (number: number, answer: StoredAnswer, asking: Asking | undefined): void => {
  if (asking === undefined || asking.answeredAtMs === null) throw new Violation(`asking ${number} was never answered`);
  if (answer.check !== asking.check || answer.agent !== asking.agent || answer.outcome !== asking.outcome)
    throw new Violation(`asking ${number} is stored as ${JSON.stringify(answer)}; it was ${JSON.stringify(asking)}`);
};

/** Nothing acknowledged is lost: whatever an agent was told is stored is in the store. */
export const checkAcknowledged = (observer: Observer): void => {
  for (const { agent, place, content } of observer.acknowledged()) {
    const lost = content.askings.find((number) => !observer.stored.has(number));
    const gone = content.readings.find((reading) => !observer.readings.has(`${agent}/${reading}`));
    if (lost === undefined && gone === undefined) continue;
    const what = lost === undefined ? `reading ${gone}` : `the result of asking ${lost}`;
    throw new Violation(`frame ${place.bootId}/${place.seq} of ${agent} was acknowledged, but ${what} is not stored`);
  }
};
