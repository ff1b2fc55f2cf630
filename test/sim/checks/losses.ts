import { limits } from '../../../shared/src/limits.ts';
import { minuteMs } from '../../../shared/src/time.ts';
import { type Ending, type Observer, Violation } from '../observer.ts';
import type { Plan } from '../plan.ts';
import type { Asking } from '../world/targets.ts';

/** Answers of one turn share a frame. */
const gatherMsMax = 100;
/** Rows wait for each other while the collector cannot be reached. */
const rowHoldMsMax = 1 * minuteMs;
/** A disk that was full is tried again within this. */
const diskAgainMsMax = 70_000;

/** Something an agent had in its hands, and how long it may have kept it there. */
interface Piece {
  readonly agent: string;
  readonly atMs: number;
  readonly holdMsMax: number;
  readonly text: string;
}

/** Nothing an agent knew is missing without a word: it is stored, or its process ended too soon after, or the agent said that frames are lost. */
export const checkNothingMissing = (plan: Plan, observer: Observer, askings: readonly Asking[], nowMs: number): void => {
  const missing = Map.groupBy(
    [...missingAnswers(observer, askings), ...missingReadings(observer)].filter(
      (piece) => !observer.isDistrusted(piece.agent) && !isExcused(piece, observer.endingsOf(piece.agent), nowMs),
    ),
    ({ agent }) => agent,
  );
  for (const [agent, pieces] of missing) {
    const told = observer.framesToldLost.get(agent) ?? 0;
    // How much one lost frame held nobody knows; without one that is told nothing may be missing.
    const untold = told > 0 ? [] : pieces.filter(({ atMs }) => !hadFullDisk(plan, agent, atMs));
    if (untold.length > 0)
      throw new Violation(`${untold.length} of ${agent} never came (${told} frames told as lost): ${untold[0]?.text}`);
  }
};

/**
 * No number of a stream is skipped unless its agent told that the frame is lost. The collector does not say whose they are, so all agents are taken
 * together; where a box changed the order of messages, what it let overtake is skipped, and that is the box's doing.
 */
export const checkNoneSkipped = (plan: Plan, observer: Observer): void => {
  if (plan.agents.some(({ id }) => observer.isDistrusted(id))) return;
  const told = [...observer.framesToldLost.values()].reduce((sum, frames) => sum + frames, 0);
  // A gap frame that has to be given up is none of the lost frames: what it told is told again, by the next one. There is at most one for each.
  if (observer.framesMissing > 2 * told)
    throw new Violation(`${observer.framesMissing} frames are missing; agents told of ${told}`);
};

const missingAnswers = (observer: Observer, askings: readonly Asking[]): Piece[] =>
  askings.flatMap((asking) => {
    const { number, agent, answeredAtMs, outcome } = asking;
    if (answeredAtMs === null || observer.stored.has(number) || wasTakenAway(observer, asking, answeredAtMs)) return [];
    // Bad news never waits.
    const holdMsMax = outcome === 'up' ? limits.resultHoldMsMax + gatherMsMax : gatherMsMax;
    return [{ agent, atMs: answeredAtMs, holdMsMax, text: JSON.stringify(asking) }];
  });

/** The answer of a check that was taken from the agent while it asked is nobody's. */
const wasTakenAway = (observer: Observer, { agent, check, askedAtMs }: Asking, answeredAtMs: number): boolean =>
  observer.configs.some(
    (config) => config.agent === agent && config.atMs > askedAtMs && config.atMs <= answeredAtMs && !config.checks.has(check),
  );

const missingReadings = (observer: Observer): Piece[] =>
  [...observer.taken].flatMap(([reading, { agent, atMs }]) =>
    observer.readings.has(reading) ? [] : [{ agent, atMs, holdMsMax: rowHoldMsMax, text: `reading ${reading} of ${atMs}` }],
  );

const isExcused = ({ atMs, holdMsMax }: Piece, endings: readonly Ending[], nowMs: number): boolean =>
  atMs > nowMs - holdMsMax - gatherMsMax ||
  endings.some((ending) => {
    const unwrittenFromMs = ending.how === 'powerLost' ? ending.unsyncedFromMs : ending.atMs;
    const lostFromMs = ending.how === 'stopped' ? ending.fromMs : unwrittenFromMs - holdMsMax;
    return atMs >= lostFromMs && atMs <= ending.atMs;
  });

const hadFullDisk = (plan: Plan, agent: string, atMs: number): boolean =>
  plan.faults.some(
    (fault) =>
      fault.kind === 'diskFull' &&
      fault.agent === agent &&
      atMs >= fault.atMs - rowHoldMsMax &&
      atMs <= fault.atMs + fault.forMs + diskAgainMsMax,
  );
