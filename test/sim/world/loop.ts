/** The one line of events of a world, on its true time: ms since it began, with fractions. */
export interface Loop {
  nowMs(): number;
  /** What an act returns must not wait for time to pass: until it has come to rest no time does. @returns calls it off */
  at(atMs: number, act: () => void | Promise<void>): () => void;
  /** Works off all events up to the instant, each to the end of everything it sets going. Throws what `fail` was told first. */
  run(untilMs: number): Promise<void>;
  /** Lets everything that is under way come to rest, without any time passing. */
  settle(): Promise<void>;
  /** Ends the run with an error, from inside an event. */
  fail(error: unknown): void;
  readonly eventCount: number;
}

interface Entry {
  readonly atMs: number;
  readonly order: number;
  act: (() => void | Promise<void>) | null;
}

const isBefore = (one: Entry, other: Entry): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);

/** An event that wakes another one at the same instant for ever is a defect of what is simulated. */
const eventsAtOneInstantMax = 100_000;
/** Turns of the real event loop one event may need to come to rest. */
const turnsMax = 10_000;

/**
 * The product puts work off by promises and by setImmediate. While a world runs, setImmediate is watched, so that the end of all work is
 * seen, not guessed. Only one world runs at a time.
 */
const watchImmediates = () => {
  const real = globalThis.setImmediate;
  let pending = 0;
  const watched = (callback: (...args: unknown[]) => void, ...args: unknown[]): NodeJS.Immediate => {
    pending += 1;
    return real(() => {
      pending -= 1;
      callback(...args);
    });
  };
  return {
    install: () => {
      globalThis.setImmediate = watched as typeof setImmediate;
    },
    remove: () => {
      globalThis.setImmediate = real;
    },
    rest: async () => {
      for (let turn = 0; turn < turnsMax; turn += 1) {
        await new Promise<void>((resolve) => {
          real(resolve);
        });
        if (pending === 0) return;
      }
      throw new Error(`the world does not come to rest within ${turnsMax} turns`);
    },
  };
};

/** An empty line of events at instant 0. */
export const createLoop = (): Loop => {
  const heap: Entry[] = [];
  const immediates = watchImmediates();
  let nowMs = 0;
  let order = 0;
  let eventCount = 0;
  let failure: { readonly error: unknown } | null = null;

  const push = (entry: Entry): void => {
    let place = heap.length;
    heap.push(entry);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(entry, parent)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = entry;
  };

  const pop = (): Entry | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      const left = heap[2 * place + 1];
      const right = heap[2 * place + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const least = isRight ? right : left;
      if (!isBefore(least, last)) break;
      heap[place] = least;
      place = 2 * place + (isRight ? 2 : 1);
    }
    heap[place] = last;
    return first;
  };

  const settle = async (): Promise<void> => {
    immediates.install();
    try {
      await immediates.rest();
    } finally {
      immediates.remove();
    }
    if (failure !== null) throw failure.error;
  };

  return {
    nowMs: () => nowMs,
    at: (atMs, act) => {
      const entry: Entry = { atMs: Math.max(nowMs, atMs), order, act };
      order += 1;
      push(entry);
      return () => {
        entry.act = null;
      };
    },
    run: async (untilMs) => {
      immediates.install();
      let atOneInstant = 0;
      try {
        for (let next = heap[0]; next !== undefined && next.atMs <= untilMs; next = heap[0]) {
          pop();
          if (next.act === null) continue;
          atOneInstant = next.atMs > nowMs ? 0 : atOneInstant + 1;
          if (atOneInstant > eventsAtOneInstantMax) throw new Error(`more than ${eventsAtOneInstantMax} events at ${nowMs} ms`);
          nowMs = next.atMs;
          eventCount += 1;
          await next.act();
          await immediates.rest();
          if (failure !== null) throw failure.error;
        }
      } finally {
        immediates.remove();
      }
      nowMs = untilMs;
    },
    settle,
    fail: (error) => {
      failure ??= { error };
    },
    get eventCount() {
      return eventCount;
    },
  };
};
