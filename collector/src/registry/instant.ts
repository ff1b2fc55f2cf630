import { hourMs, minuteMs } from '@jiwei/shared/time.ts';
import { z } from 'zod';

const pattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(?:Z|([+-])(\d\d):(\d\d))$/;
/** No clock of the earth is further from UTC. */
const offsetMsMax = 14 * hourMs;

/**
 * Epoch milliseconds of an instant in ISO 8601 with its offset, or null. A date or time that does not exist is no instant: Date.parse makes
 * December 1 of November 31, and figures that money hangs on would move by a day without a word.
 */
export const parseInstantMs = (text: string): number | null => {
  const match = pattern.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second, ms, offsetHours, offsetMinutes] = [
    ...match.slice(1, 7),
    (match[7] ?? '').padEnd(3, '0'),
    ...match.slice(9),
  ].map((digits) => Number(digits ?? 0)) as [number, number, number, number, number, number, number, number, number];
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  local.setUTCHours(hour, minute, second, ms);
  const offsetMs = offsetHours * hourMs + offsetMinutes * minuteMs;
  const isThere =
    local.getUTCMonth() === month - 1 &&
    local.getUTCDate() === day &&
    local.getUTCHours() === hour &&
    local.getUTCMinutes() === minute &&
    local.getUTCSeconds() === second;
  if (!isThere || offsetMinutes > 59 || offsetMs > offsetMsMax) return null;
  const atMs = local.getTime() - (match[8] === '-' ? -offsetMs : offsetMs);
  // As everywhere, instants begin with 1970.
  return atMs < 0 ? null : atMs;
};

/** An instant in ISO 8601; without its offset nobody knows which one is meant. */
export const instantSchema = z.string().transform((text, context): number => {
  const atMs = parseInstantMs(text);
  if (atMs !== null) return atMs;
  const isForm = pattern.test(text);
  const message = isForm
    ? 'needs a date and time that exist, and an offset of at most 14 hours'
    : 'needs an instant with its offset, such as 2026-12-01T22:00:00+08:00';
  context.addIssue({ code: 'custom', message, input: text });
  return z.NEVER;
});
