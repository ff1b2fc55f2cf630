import { dayMs, hourMs, minuteMs, secondMs } from '@jiwei/shared/time.ts';
import { z } from 'zod';

const unitMs: Readonly<Record<string, number>> = {
  y: 365 * dayMs,
  w: 7 * dayMs,
  d: dayMs,
  h: hourMs,
  m: minuteMs,
  s: secondMs,
  ms: 1,
};
const durationPattern =
  /^(?:(\d{1,9})y)?(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/;

/** Milliseconds of a Prometheus duration (`1m30s`, `500ms`, units in falling order, each once), or null. */
export const parseDurationMs = (text: string): number | null => {
  const match = text === '' ? null : durationPattern.exec(text);
  if (match === null) return null;
  return Object.values(unitMs).reduce((sum, ms, position) => sum + Number(match[position + 1] ?? 0) * ms, 0);
};

/** A duration as people write it: the reverse of parseDurationMs. */
export const durationText = (ms: number): string => {
  if (ms === 0) return '0s';
  let rest = ms;
  let text = '';
  // Years and weeks read worse than days.
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const lengthMs = unitMs[unit] ?? 1;
    const count = Math.floor(rest / lengthMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * lengthMs;
  }
  return text;
};

/**
 * A duration within [leastMs, mostMs]. A bare number is refused: whether 20 means seconds or milliseconds has cost people outages. Only 0
 * needs no unit, as in Prometheus.
 */
export const durationSchema = (leastMs: number, mostMs: number) =>
  z.unknown().transform((value, context): number => {
    const ms = value === 0 ? 0 : typeof value === 'string' ? parseDurationMs(value) : null;
    const range = `${durationText(leastMs)} to ${durationText(mostMs)}`;
    if (ms === null) {
      const reason =
        typeof value === 'number' ? `such as ${value}s or ${value}ms: a bare number is refused` : 'such as 20s, 1m30s or 500ms';
      context.addIssue({ code: 'custom', message: `needs a duration with its unit, ${reason} (${range})`, input: value });
      return z.NEVER;
    }
    if (ms < leastMs || ms > mostMs) {
      context.addIssue({ code: 'custom', message: `needs ${range}`, input: value });
      return z.NEVER;
    }
    return ms;
  });
