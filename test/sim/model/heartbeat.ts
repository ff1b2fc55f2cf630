import { type ModelSpan, merged } from './spans.ts';

/** A job's call as the collector took it in. */
export interface TakenCall {
  readonly heartbeat: string;
  readonly atMs: number;
  readonly isUp: boolean;
}

/** The collector was away: from its last word in the store until it listened again. */
export interface Absence {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The history of a heartbeat from its definition: each call says how it is; a good one is owed again an interval later, and what has not come by
 * the end of the grace is down from that instant on, unless nobody listened then: that is unknown, and the first call that is owed since
 * somebody listens again counts anew. A reported failure lasts until a good call.
 * Before the first call nothing is known, and that call is owed as if there had been one an interval after the declaration.
 * @param calls ascending
 */
export const heartbeatHistory = (
  calls: readonly TakenCall[],
  { intervalMs, graceMs }: { readonly intervalMs: number; readonly graceMs: number },
  absences: readonly Absence[],
  nowMs: number,
  declaredAtMs: number | null,
): ModelSpan[] => {
  // Where a clock stands still, as the collector's does until it was set back to has passed again, the last word of an instant holds.
  const lasting = calls.filter(({ atMs }, place) => calls[place + 1]?.atMs !== atMs);
  const spans = lasting.flatMap(({ atMs, isUp }, place) => {
    const told = { fromMs: atMs, status: isUp ? ('up' as const) : ('down' as const), attributedTo: null };
    if (!isUp) return [told];
    const endsAtMs = lasting[place + 1]?.atMs ?? nowMs + 1;
    return [told, ...silence(atMs, endsAtMs, { intervalMs, graceMs }, absences)];
  });
  if (declaredAtMs === null) return merged(spans);
  const firstAtMs = lasting[0]?.atMs ?? nowMs + 1;
  const before = silence(declaredAtMs + intervalMs, firstAtMs, { intervalMs, graceMs }, absences);
  const unknown = { fromMs: declaredAtMs, status: 'unknown' as const, attributedTo: null };
  return merged([...[unknown, ...before].filter(({ fromMs }) => fromMs < firstAtMs), ...spans]);
};

/** What follows a good call until the next one. */
const silence = (
  calledAtMs: number,
  endsAtMs: number,
  { intervalMs, graceMs }: { readonly intervalMs: number; readonly graceMs: number },
  absences: readonly Absence[],
): ModelSpan[] => {
  const spans: ModelSpan[] = [];
  let dueAtMs = calledAtMs + intervalMs + graceMs;
  while (dueAtMs < endsAtMs) {
    const fromMs = dueAtMs;
    const absence = absences.find((one) => one.fromMs < fromMs && fromMs <= one.toMs);
    spans.push({ fromMs, status: absence === undefined ? 'down' : 'unknown', attributedTo: null });
    if (absence === undefined) break;
    dueAtMs = calledAtMs + Math.ceil((absence.toMs - calledAtMs) / intervalMs) * intervalMs + graceMs;
  }
  return spans;
};
