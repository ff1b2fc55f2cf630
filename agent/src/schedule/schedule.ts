import type { CheckAssignment, RunPlace } from '@jiwei/shared/check.ts';
import type { AgentId, CheckId } from '@jiwei/shared/ids.ts';
import type { Outcome } from '@jiwei/shared/status.ts';
import { type EpochMs, minuteMs, secondMs } from '@jiwei/shared/time.ts';
import { type Confirmation, confirm, unasked } from './confirm.ts';
import { createDueQueue, type DueQueue } from './due-queue.ts';
import { batchedPerSlotMax, firstDelayMs, nextTickMs, phaseMs, singlePerSlotMax, slotCountOf } from './phase.ts';
import { type Batches, createPlaces, noBatches } from './places.ts';

/** A check that is new is asked within this time, spread like its phase: people who add one want to see it, a restart must not be a storm. */
export const firstRunMsMax = 15 * secondMs;
/** A calendar time that is past by more than this was missed: it meant that minute, not a later one. */
const calendarLateMsMax = 1 * minuteMs;
/**
 * Checks that are due at the same instant are begun one after the other, each as soon as the one before has its answer: so the work of one is
 * not in the latency of another. None waits longer than this for the one before …
 */
const turnMsMax = 20;
/** … and the last of many that are due no longer than this for its turn. */
const turnsMsMax = 500;

/** The next time after `afterMs` that a cron expression names, or null when it names none. */
export type NextCalendarTime = (cron: string, timeZone: string, afterMs: EpochMs) => EpochMs | null;

/** One asking of a check, to be begun now. */
export interface Run {
  readonly check: CheckAssignment;
  /** When it should have begun. */
  readonly dueAtMs: EpochMs;
  /** Tells it from runs of what the check was before it was changed. */
  readonly generation: number;
}

export interface ScheduleCounts {
  /** Runs begun, and of these those that had to wait for others to end. */
  readonly runs: number;
  readonly lateRuns: number;
  /** Regular times that passed while the check was waiting, running, or the process stood still. */
  readonly missedRuns: number;
  readonly running: number;
  readonly waiting: number;
}

/**
 * When to ask which check. It holds no clock and starts nothing: it is told the time and what came out, and says what to begin. No check is
 * ever asked twice at once, and a time that was missed is not made up for.
 */
export interface Schedule {
  /** Puts checks in force. One that did not change keeps its times and its confirmation. @returns ids whose running run is void */
  apply(checks: readonly CheckAssignment[], agentId: AgentId, nowMs: EpochMs): readonly CheckId[];
  /** The runs to begin now; in the order in which they were due. */
  take(nowMs: EpochMs): readonly Run[];
  /** @returns the place of the answer in its run, or null when the check was changed or removed meanwhile: then there is no answer to give */
  finish(run: Run, answer: { readonly outcome: Outcome; readonly startedAtMs: EpochMs }, nowMs: EpochMs): RunPlace | null;
  /** To be called when the time jumped: all times are reckoned anew. */
  rebase(nowMs: EpochMs): void;
  /** When `take` should be called next, or null. A finished run is another reason to call it. */
  nextDueAtMs(): EpochMs | null;
  counts(): ScheduleCounts;
}

interface Entry {
  readonly check: CheckAssignment;
  /** To see whether a new configuration changed it. */
  readonly text: string;
  readonly generation: number;
  confirmation: Confirmation;
  isRetrying: boolean;
  /** Null: never again. */
  dueAtMs: EpochMs | null;
  status: 'idle' | 'waiting' | 'running';
  /** Whether it waits because there was no place for it. */
  isLate: boolean;
}

/**
 * A schedule without checks.
 * @param options runsAtOnceMax bounds the runs under way, where a batch counts as one; more wait in turn. Without `batches` each is asked alone.
 */
export const createSchedule = (options: {
  readonly runsAtOnceMax: number;
  readonly nextCalendarTime: NextCalendarTime;
  readonly batches?: Batches;
}): Schedule => {
  const { batches = noBatches } = options;
  let agentId = '';
  let entries = new Map<CheckId, Entry>();
  let due: DueQueue<Entry> = createDueQueue();
  let waiting: Entry[] = [];
  /** Of checks that are being asked, in whatever generation. */
  const places = createPlaces(options.runsAtOnceMax, batches);
  /** Slots by interval, of checks that are asked alone and of those made for batches. */
  let slotsOfSingle: ReadonlyMap<number, number> = new Map();
  let slotsOfBatched: ReadonlyMap<number, number> = new Map();
  /** The check that was begun last and has no answer yet: others wait for it, until `turnEndsAtMs`. */
  let inTurn: CheckId | null = null;
  let turnEndsAtMs = 0;
  /** Of the most that waited together, until all of them are begun. */
  let turnMs = turnMsMax;
  /** When `take` has something to begin although nothing becomes due. */
  let nextTurnAtMs: EpochMs | null = null;
  let generation = 0;
  let runs = 0;
  let lateRuns = 0;
  let missedRuns = 0;

  const isCurrent = (entry: Entry): boolean => entries.get(entry.check.id) === entry;

  const regularAfter = ({ check }: Entry, afterMs: EpochMs): EpochMs | null => {
    const { schedule } = check;
    if ('cron' in schedule) return options.nextCalendarTime(schedule.cron, schedule.timeZone, afterMs);
    const { intervalMs } = schedule;
    return nextTickMs(afterMs, intervalMs, phaseMs(agentId, check.id, { intervalMs, slotCount: slotsOf(check, intervalMs) }));
  };

  const slotsOf = (check: CheckAssignment, intervalMs: number): number =>
    (batches.isBatched(check) ? slotsOfBatched : slotsOfSingle).get(intervalMs) ?? 1;

  const plan = (entry: Entry, dueAtMs: EpochMs | null): void => {
    entry.status = 'idle';
    entry.isLate = false;
    entry.dueAtMs = dueAtMs;
    if (dueAtMs !== null) due.put(entry, dueAtMs);
  };

  const firstDueAtMs = (entry: Entry, nowMs: EpochMs): EpochMs | null => {
    const { check } = entry;
    const { id, schedule } = check;
    if ('cron' in schedule) return regularAfter(entry, nowMs);
    const spreadMs = Math.min(schedule.intervalMs, firstRunMsMax);
    const slotCount = batches.isBatched(check) ? slotsOf(check, schedule.intervalMs) : null;
    return nowMs + firstDelayMs(agentId, id, { spreadMs, slotCount });
  };

  /** Regular times that lie in the past of one that is being begun or given up. */
  const missedBy = ({ check: { schedule } }: Entry, dueAtMs: EpochMs, nowMs: EpochMs): number => {
    const lateMs = nowMs - dueAtMs;
    if ('cron' in schedule) return lateMs > calendarLateMsMax ? 1 : 0;
    return Math.max(0, Math.floor(lateMs / schedule.intervalMs));
  };

  const collectDue = (nowMs: EpochMs): void => {
    const waitingCount = waiting.length;
    for (let entry = due.takeDue(nowMs); entry !== null; entry = due.takeDue(nowMs)) {
      // What was planned anew since lies in the queue twice; only the entry's own instant counts.
      if (!isCurrent(entry) || entry.status !== 'idle' || entry.dueAtMs === null || entry.dueAtMs > nowMs) continue;
      const missed = missedBy(entry, entry.dueAtMs, nowMs);
      if (missed > 0) {
        // The process stood still. Asking everything at once now would be a storm, and tell nothing about the time that is past.
        missedRuns += missed;
        plan(entry, regularAfter(entry, nowMs));
        continue;
      }
      entry.status = 'waiting';
      waiting.push(entry);
    }
    if (waiting.length > waitingCount) turnMs = Math.min(turnMs, turnsMsMax / turnCountOf(waiting));
  };

  /** Turns that all of them take, where a batch takes one. */
  const turnCountOf = (those: readonly Entry[]): number => {
    const keys = new Set<string>();
    let aloneCount = 0;
    for (const { check } of those) {
      const key = batches.keyOf(check);
      if (key === null) aloneCount += 1;
      else keys.add(key);
    }
    return aloneCount + keys.size;
  };

  const mayBegin = (entry: Entry, nowMs: EpochMs): boolean => {
    if (places.isFull() || places.has(entry.check.id)) {
      entry.isLate = true;
      return false;
    }
    // Confirming is what seconds are counted in: it waits for no turn.
    if (entry.isRetrying || inTurn === null || nowMs >= turnEndsAtMs) return true;
    nextTurnAtMs = Math.ceil(turnEndsAtMs);
    return false;
  };

  const takeTurn = ({ check, isRetrying }: Entry, nowMs: EpochMs): void => {
    if (isRetrying) return;
    inTurn = check.id;
    // Turns shorter than the timer's ms follow on each other, so that several are begun at once then.
    const beganAtMs = turnEndsAtMs <= nowMs && turnEndsAtMs > nowMs - turnMsMax ? turnEndsAtMs : nowMs;
    turnEndsAtMs = beganAtMs + turnMs;
  };

  const beginWaiting = (nowMs: EpochMs): readonly Run[] => {
    const begun: Run[] = [];
    const still: Entry[] = [];
    for (const entry of waiting) {
      if (!isCurrent(entry)) continue;
      // Whoever can be asked by a process that was just begun for others needs neither a place nor a turn.
      const isJoining = !places.has(entry.check.id) && places.canJoin(entry.check, nowMs);
      if (!isJoining && !mayBegin(entry, nowMs)) {
        still.push(entry);
        continue;
      }
      if (!isJoining) takeTurn(entry, nowMs);
      const dueAtMs = entry.dueAtMs ?? nowMs;
      entry.status = 'running';
      places.take(entry.check, nowMs);
      runs += 1;
      if (entry.isLate) lateRuns += 1;
      missedRuns += missedBy(entry, dueAtMs, nowMs);
      begun.push({ check: entry.check, dueAtMs, generation: entry.generation });
    }
    waiting = still;
    if (waiting.length === 0) turnMs = turnMsMax;
    return begun;
  };

  return {
    apply: (checks, newAgentId, nowMs) => {
      const isSameAgent = agentId === newAgentId;
      agentId = newAgentId;
      const before = entries;
      entries = new Map();
      slotsOfBatched = slotCountsOf(checks.filter(batches.isBatched), batchedPerSlotMax);
      slotsOfSingle = slotCountsOf(
        checks.filter((check) => !batches.isBatched(check)),
        singlePerSlotMax,
      );
      for (const check of checks) {
        const text = JSON.stringify(check);
        const known = before.get(check.id);
        if (known !== undefined && known.text === text && isSameAgent) {
          entries.set(check.id, known);
          continue;
        }
        generation += 1;
        const fresh = { confirmation: unasked, isRetrying: false, dueAtMs: null, status: 'idle', isLate: false } as const;
        const entry: Entry = { check, text, generation, ...fresh };
        entries.set(check.id, entry);
        plan(entry, firstDueAtMs(entry, nowMs));
      }
      return places.ids().filter((id) => {
        const entry = before.get(id);
        return entry !== undefined && entry.status === 'running' && !isCurrent(entry);
      });
    },
    take: (nowMs) => {
      nextTurnAtMs = null;
      collectDue(nowMs);
      return waiting.length === 0 ? [] : beginWaiting(nowMs);
    },
    finish: (run, { outcome, startedAtMs }, nowMs) => {
      const { id, confirm: wanted, schedule } = run.check;
      places.giveBack(id);
      if (inTurn === id) inTurn = null;
      const entry = entries.get(id);
      if (entry === undefined || entry.generation !== run.generation) return null;
      const { confirmation, isRetryWanted } = confirm(entry.confirmation, outcome, wanted);
      entry.confirmation = confirmation;
      entry.isRetrying = isRetryWanted;
      // The time may have been set back during the run.
      const startMs = Math.min(startedAtMs, nowMs);
      const retryAtMs = Math.max(nowMs, startMs + wanted.retryMs);
      // A regular time just after the last of a confirmation would only ask the same again.
      const quietMs = 'cron' in schedule ? 0 : Math.min(wanted.retryMs, schedule.intervalMs / 2);
      plan(entry, isRetryWanted ? retryAtMs : regularAfter(entry, Math.max(nowMs, Math.ceil(startMs + quietMs) - 1)));
      return confirmation.place;
    },
    rebase: (nowMs) => {
      due = createDueQueue();
      inTurn = null;
      for (const entry of entries.values()) {
        if (entry.status === 'waiting') entry.dueAtMs = nowMs;
        if (entry.status !== 'idle') continue;
        plan(entry, entry.isRetrying ? nowMs + entry.check.confirm.retryMs : regularAfter(entry, nowMs));
      }
    },
    nextDueAtMs: () => {
      const dueAtMs = due.firstDueAtMs();
      return nextTurnAtMs === null ? dueAtMs : Math.min(nextTurnAtMs, dueAtMs ?? nextTurnAtMs);
    },
    counts: () => ({ runs, lateRuns, missedRuns, running: places.runCount, waiting: waiting.length }),
  };
};

/** Slots by interval, of as many checks as there are. */
const slotCountsOf = (checks: readonly CheckAssignment[], perSlotMax: number): ReadonlyMap<number, number> => {
  const counts = new Map<number, number>();
  for (const { schedule } of checks) {
    if ('intervalMs' in schedule) counts.set(schedule.intervalMs, (counts.get(schedule.intervalMs) ?? 0) + 1);
  }
  return new Map([...counts].map(([intervalMs, count]) => [intervalMs, slotCountOf(count, perSlotMax)]));
};
