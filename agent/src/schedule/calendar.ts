import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { dayMs, hourMs, minuteMs, secondMs } from '@jiwei/shared/time.ts';
import { createTask, type ScheduledTask } from 'node-cron';
import type { NextCalendarTime } from './schedule.ts';

/** An expression that names no time within this span is taken to name none (29 February of a leap year lies within). */
const horizonMs = 9 * 366 * dayMs;
/** Offsets of time zones are whole quarters of an hour, so that every local hour and day begins at one. */
const quarterMs = 15 * minuteMs;

type Matches = (atMs: number) => boolean;

/** Coarse to fine: what an expression says of the day, of the hour too, of the minute too, and all of it. */
interface Matchers {
  readonly day: Matches;
  readonly hour: Matches;
  readonly minute: Matches;
  readonly second: Matches;
}

/**
 * Calendar times of cron expressions as node-cron 4 reads them: five fields, or six with seconds first. Its own look-ahead begins at the
 * machine's clock, so here its matcher is asked instead, and time stays an argument. An hour that a time zone skips has no times; one that
 * it repeats has them twice.
 * @returns a function that throws CONFIG_INVALID for an expression or a time zone that does not exist
 */
export const createCalendar = (): NextCalendarTime => {
  const known = new Map<string, Matchers>();
  return (cron, timeZone, afterMs) => {
    const key = `${timeZone}\n${cron}`;
    let matchers = known.get(key);
    if (matchers === undefined) {
      matchers = compile(cron, timeZone);
      known.set(key, matchers);
    }
    return nextMatchMs(matchers, afterMs);
  };
};

const compile = (cron: string, timeZone: string): Matchers => {
  try {
    const fields = cron.trim().split(/\s+/);
    const [second, minute, hour, ...day] = fields.length === 5 ? ['0', ...fields] : fields;
    const matcher = (expression: string): Matches => {
      const task: ScheduledTask = createTask(expression, () => undefined, { timezone: timeZone });
      // The library keeps a list of its tasks; of this one we only want the matcher.
      void task.destroy();
      return (atMs) => task.match(new Date(atMs));
    };
    const matchers = {
      day: matcher(['*', '*', '*', ...day].join(' ')),
      hour: matcher(['*', '*', hour, ...day].join(' ')),
      minute: matcher(['*', minute, hour, ...day].join(' ')),
      second: matcher([second, minute, hour, ...day].join(' ')),
    };
    matchers.second(0);
    return matchers;
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `cron "${cron}" in time zone "${timeZone}" cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
};

const nextMatchMs = ({ day, hour, minute, second }: Matchers, afterMs: number): number | null => {
  const endMs = afterMs + horizonMs;
  let atMs = (Math.floor(afterMs / secondMs) + 1) * secondMs;
  while (atMs < endMs) {
    if (!day(atMs)) atMs = skipDays(day, atMs, endMs);
    else if (!hour(atMs)) atMs = ceilTo(atMs + 1, quarterMs);
    else if (!minute(atMs)) atMs = ceilTo(atMs + 1, minuteMs);
    else if (!second(atMs)) atMs += secondMs;
    else return atMs;
  }
  return null;
};

/** A local day has at least 23 hours: no matching one lies between two looks twelve hours apart. */
const skipDays = (day: Matches, fromMs: number, endMs: number): number => {
  let beforeMs = fromMs;
  let atMs = fromMs + 12 * hourMs;
  while (!day(atMs) && atMs < endMs) {
    beforeMs = atMs;
    atMs += 12 * hourMs;
  }
  let startMs = ceilTo(beforeMs + 1, quarterMs);
  while (startMs < atMs && !day(startMs)) startMs += quarterMs;
  return startMs;
};

const ceilTo = (valueMs: number, stepMs: number): number => Math.ceil(valueMs / stepMs) * stepMs;
