import type { EpochMs } from '@jiwei/shared/time.ts';

/** Things ordered by the instant they are due; of the same instant, the one put in first comes first. A binary heap. */
export interface DueQueue<Item> {
  put(item: Item, dueAtMs: EpochMs): void;
  /** The instant of the first, or null when there is none. */
  firstDueAtMs(): EpochMs | null;
  /** Takes out the first if it is due at `nowMs`. */
  takeDue(nowMs: EpochMs): Item | null;
}

interface Entry<Item> {
  readonly item: Item;
  readonly dueAtMs: EpochMs;
  readonly order: number;
}

/** An empty queue. */
export const createDueQueue = <Item>(): DueQueue<Item> => {
  const heap: Entry<Item>[] = [];
  let order = 0;
  const isBefore = (one: Entry<Item>, other: Entry<Item>): boolean =>
    one.dueAtMs < other.dueAtMs || (one.dueAtMs === other.dueAtMs && one.order < other.order);

  const rise = (entry: Entry<Item>, from: number): void => {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(entry, parent)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = entry;
  };

  const sink = (entry: Entry<Item>): void => {
    let place = 0;
    for (;;) {
      const left = heap[2 * place + 1];
      const right = heap[2 * place + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const least = isRight ? right : left;
      if (!isBefore(least, entry)) break;
      heap[place] = least;
      place = 2 * place + (isRight ? 2 : 1);
    }
    heap[place] = entry;
  };

  return {
    put: (item, dueAtMs) => {
      const entry = { item, dueAtMs, order };
      order += 1;
      heap.push(entry);
      rise(entry, heap.length - 1);
    },
    firstDueAtMs: () => heap[0]?.dueAtMs ?? null,
    takeDue: (nowMs) => {
      const first = heap[0];
      if (first === undefined || first.dueAtMs > nowMs) return null;
      const last = heap.pop();
      if (last !== undefined && last !== first) sink(last);
      return first.item;
    },
  };
};
