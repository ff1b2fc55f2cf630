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

/** Brings the earliest wanted deadline to the top and returns it; null when none is wanted. */
const settleTop = (deadlines: Deadlines): Entry | null => {
  for (;;) {
    const top = deadlines.heap[0];
    if (top === undefined) return null;
    const isLive = deadlines.queued.get(top.key) === top.atMs;
    const wantedAtMs = deadlines.wanted.get(top.key);
    if (isLive && wantedAtMs === top.atMs) return top;
    pop(deadlines.heap);
    if (!isLive) continue;
    deadlines.queued.delete(top.key);
    if (wantedAtMs !== undefined) {
      deadlines.queued.set(top.key, wantedAtMs);
      push(deadlines.heap, { atMs: wantedAtMs, key: top.key });
    }
  }
};

/** The earliest wanted instant, or null. */
export const nextDeadline = (deadlines: Deadlines): EpochMs | null => settleTop(deadlines)?.atMs ?? null;

/** Takes out the earliest deadline at or before `nowMs`; null when nothing is due. Earliest first, equal instants by key. */
export const takeDue = (deadlines: Deadlines, nowMs: EpochMs): { readonly key: string; readonly atMs: EpochMs } | null => {
  const top = settleTop(deadlines);
  if (top === null || top.atMs > nowMs) return null;
  pop(deadlines.heap);
  deadlines.queued.delete(top.key);
  deadlines.wanted.delete(top.key);
  return top;
};
