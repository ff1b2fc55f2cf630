import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';

interface Entry {
  readonly atMs: EpochMs;
  readonly key: string;
}

/**
 * Named instants at which the engine wants to be called: at most one per key. A binary heap whose entries are never searched for: a moved
 * deadline leaves its old entry behind, which is recognised when it comes up. A deadline that only moves later (the usual case: every
 * result postpones its lane's staleness) does not even add an entry, so the heap stays about as large as the number of keys.
 */
export interface Deadlines {
  readonly heap: Entry[];
  /** What is wanted. */
  readonly wanted: Map<string, EpochMs>;
  /** Instant of the one live heap entry of a key; never later than what is wanted. */
  readonly queued: Map<string, EpochMs>;
}

/** Nothing wanted yet. */
export const createDeadlines = (): Deadlines => ({ heap: [], wanted: new Map(), queued: new Map() });

// Equal instants are ordered by key, not by arrival, so that a rebuilt heap fires in the same order as the one it replaces.
const isBefore = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.key < b.key);

const push = (heap: Entry[], entry: Entry): void => {
  let hole = heap.length;
  heap.push(entry);
  while (hole > 0) {
    const parent = (hole - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || !isBefore(entry, above)) break;
    heap[hole] = above;
    hole = parent;
  }
  heap[hole] = entry;
};

const pop = (heap: Entry[]): void => {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let hole = 0;
  for (;;) {
    const left = 2 * hole + 1;
    const right = left + 1;
    let child = heap[left];
    let at = left;
    const other = heap[right];
    if (child !== undefined && other !== undefined && isBefore(other, child)) {
      child = other;
      at = right;
    }
    if (child === undefined || !isBefore(child, last)) break;
    heap[hole] = child;
    hole = at;
  }
  heap[hole] = last;
};

/** Drops entries left behind once they outnumber the live ones: the bound of the heap. */
const compact = (deadlines: Deadlines): void => {
  if (deadlines.heap.length <= 64 + 2 * deadlines.wanted.size) return;
  deadlines.heap.length = 0;
  deadlines.queued.clear();
  for (const [key, atMs] of deadlines.wanted) {
    deadlines.queued.set(key, atMs);
    push(deadlines.heap, { atMs, key });
  }
};

/** Wants a call at `atMs`, instead of whatever was wanted for the key before; null wants none. */
export const setDeadline = (deadlines: Deadlines, key: string, atMs: EpochMs | null): void => {
  if (atMs === null) {
    deadlines.wanted.delete(key);
    compact(deadlines);
    return;
  }
  deadlines.wanted.set(key, atMs);
  const queuedAtMs = deadlines.queued.get(key);
  if (queuedAtMs !== undefined && queuedAtMs <= atMs) return;
  deadlines.queued.set(key, atMs);
  push(deadlines.heap, { atMs, key });
  compact(deadlines);
};

/** What may still be done in one go; used up as it is done. */
export interface Allowance {
  /** Deadlines to be dealt with. */
  deadlines: number;
  /** Postponed entries to be renewed: cheap, but after a silence a whole fleet's answers stand there at once. */
  renewals: number;
}

/** For what cannot be put off. */
export const noLimit = (): Allowance => ({ deadlines: Number.POSITIVE_INFINITY, renewals: Number.POSITIVE_INFINITY });

/** Replaces the top entry by what is wanted now. @returns false when it is just that already */
const renew = (deadlines: Deadlines, top: Entry): boolean => {
  const isLive = deadlines.queued.get(top.key) === top.atMs;
  const wantedAtMs = deadlines.wanted.get(top.key);
  if (isLive && wantedAtMs === top.atMs) return false;
  pop(deadlines.heap);
  if (!isLive) return true;
  deadlines.queued.delete(top.key);
  if (wantedAtMs === undefined) return true;
  deadlines.queued.set(top.key, wantedAtMs);
  push(deadlines.heap, { atMs: wantedAtMs, key: top.key });
  return true;
};

/** Brings the earliest deadline wanted by `untilMs` to the top; null when none is, or the allowance was used up before it was found. */
const settleTop = (deadlines: Deadlines, untilMs: EpochMs, allowance: Allowance): Entry | null => {
  for (;;) {
    const top = deadlines.heap[0];
    // Nothing is ever wanted earlier than its entry stands.
    if (top === undefined || top.atMs > untilMs) return null;
    if (!renew(deadlines, top)) return top;
    allowance.renewals -= 1;
    if (allowance.renewals <= 0) return null;
  }
};

/** The earliest wanted instant, or null. It may be told too early, never too late: finding it takes bounded time. */
export const nextDeadline = (deadlines: Deadlines): EpochMs | null => {
  const allowance = { deadlines: 0, renewals: limits.deadlineRenewalsMax };
  const top = settleTop(deadlines, Number.POSITIVE_INFINITY, allowance) ?? deadlines.heap[0];
  return top?.atMs ?? null;
};

/** A deadline that has come. */
export type Due = Readonly<Entry>;

/**
 * Takes out the earliest deadline at or before `untilMs`; null when nothing is due, the next one is not `isWanted`, or the allowance was used up.
 * Equal instants come by key.
 */
export const takeDue = (
  deadlines: Deadlines,
  untilMs: EpochMs,
  allowance: Allowance,
  isWanted: (due: Due) => boolean = () => true,
): Due | null => {
  if (allowance.deadlines <= 0) return null;
  const top = settleTop(deadlines, untilMs, allowance);
  if (top === null || !isWanted(top)) return null;
  allowance.deadlines -= 1;
  pop(deadlines.heap);
  deadlines.queued.delete(top.key);
  deadlines.wanted.delete(top.key);
  return top;
};
