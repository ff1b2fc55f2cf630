/** How many there are of each. */
export interface Tally {
  readonly totalCount: number;
  of(key: string): number;
  add(key: string): void;
  /** To be called for what was added. */
  remove(key: string): void;
}

/** An empty tally; it holds no more than what is counted at the moment. */
export const createTally = (): Tally => {
  const counts = new Map<string, number>();
  let totalCount = 0;
  const of = (key: string): number => counts.get(key) ?? 0;
  return {
    get totalCount() {
      return totalCount;
    },
    of,
    add: (key) => {
      totalCount += 1;
      counts.set(key, of(key) + 1);
    },
    remove: (key) => {
      totalCount -= 1;
      if (of(key) > 1) counts.set(key, of(key) - 1);
      else counts.delete(key);
    },
  };
};
