import { statfsSync } from 'node:fs';
import type { Clock } from '@jiwei/shared/clock.ts';
import { messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { Series } from '@jiwei/shared/series.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { familiesOfReader } from './choice.ts';
import { createFileSource } from './file-source.ts';
import type { HostRoots, Reader, ReaderTools } from './reader.ts';
import { readersFor } from './registry.ts';
import { createRow } from './row.ts';
import { createRun, type Deadline, type Run } from './run.ts';
import { scrapeSeconds, scrapeSuccess, seriesDropped } from './self-metrics.ts';
import { createSeriesBook } from './series-book.ts';
import { createSpaceOf, type Space } from './statfs.ts';

/** A reader that told less than it should, and why; for the log. */
export interface ReaderFault {
  readonly reader: string;
  readonly message: string;
}

/** All values of the host at one instant. */
export interface HostRow {
  /** When reading began, by the agent's clock. */
  readonly atMs: EpochMs;
  /** Positions in `series`, ascending; a series without a value at this instant is not among them. */
  readonly indexes: Uint32Array;
  /** As many as indexes. */
  readonly values: Float64Array;
  readonly errors: readonly ReaderFault[];
}

/** The metrics of one host. */
export interface HostCollector {
  /** Append-only: a position means the same series until the process ends. */
  readonly series: readonly Series[];
  /** From the next collection on only these parts are read: names of readers, `all`, `essential`; null: all, as before the first call. */
  choose(collectors: readonly string[] | null): void;
  /**
   * Reads everything once; takes at most `limits.hostReadMsMax`, however the host hangs. Not to be called again before it is done.
   * @throws nothing: what could not be read is in `errors` and misses in the row
   */
  collect(signal: AbortSignal): Promise<HostRow>;
  /** Gives back the descriptors that are kept open. */
  close(): void;
}

/** What the collector needs to know; everything optional has the machine's own as default. */
export interface HostCollectorOptions {
  readonly clock: Clock;
  /** As process.platform has it: `linux` reads /proc and /sys, the others go through systeminformation. */
  readonly platform: string;
  readonly roots?: Partial<HostRoots>;
  /** Asks for a mount's space; statfs(2) by default. */
  readonly statfs?: (path: string) => Promise<Space>;
  readonly readers?: readonly Reader[];
  readonly seriesMax?: number;
  readonly readMsMax?: number;
}

/** Builds the collector; opens nothing before the first `collect`. */
export const createHostCollector = (options: HostCollectorOptions): HostCollector => {
  const { clock } = options;
  const files = createFileSource(clock);
  const tools: ReaderTools = {
    clock,
    files,
    roots: { proc: '/proc', sys: '/sys', run: '/run', etc: '/etc', ...options.roots },
    spaceOf: createSpaceOf(options.statfs),
    spaceAtOnce: options.statfs === undefined ? statfsSync : null,
  };
  const book = createSeriesBook(options.seriesMax ?? limits.seriesPerAgentMax);
  const row = createRow();
  const runs = (options.readers ?? readersFor(options.platform)).map((reader) => createRun(reader, tools, book, row));

  let chosen: readonly Run[] = runs;

  return {
    series: book.series,
    choose: (collectors) => {
      for (const run of runs) run.choose(familiesOfReader(collectors, run.name));
      chosen = runs.filter(({ families }) => families !== null);
    },
    collect: async (signal) => {
      const atMs = clock.nowMs();
      const startedMs = clock.monotonicMs();
      row.begin();
      await withDeadline(clock, options.readMsMax ?? limits.hostReadMsMax, signal, (deadline) =>
        Promise.all(chosen.map((run) => run.collect(startedMs, deadline)).filter((waiting) => waiting !== null)),
      );
      for (const run of chosen) {
        // Of a reader of which a part is wanted it is enough to know whether it works.
        if (run.families === 'all') row.put(book.indexOf(scrapeSeconds, [run.name]), run.tookMs / 1_000);
        row.put(book.indexOf(scrapeSuccess, [run.name]), run.hasSucceeded ? 1 : 0);
      }
      row.put(book.indexOf(seriesDropped, []), book.droppedCount);
      return { atMs, ...row.end(), errors: faultsOf(chosen) };
    },
    close: files.close,
  };
};

/** Runs `work` with a deadline that passes after `afterMs`, or when the caller's signal fires. */
const withDeadline = async (
  clock: Clock,
  afterMs: number,
  signal: AbortSignal,
  work: (deadline: Deadline) => Promise<unknown>,
): Promise<void> => {
  const controller = new AbortController();
  const { promise: passed, resolve } = Promise.withResolvers<'passed'>();
  const pass = () => {
    controller.abort();
    resolve('passed');
  };
  const cancel = clock.after(afterMs, pass);
  if (signal.aborted) pass();
  signal.addEventListener('abort', pass, { once: true });
  try {
    await work({ signal: controller.signal, passed });
  } finally {
    cancel();
    signal.removeEventListener('abort', pass);
  }
};

const faultsOf = (runs: readonly Run[]): ReaderFault[] =>
  runs.flatMap(({ name, fault }) => (fault === null ? [] : [{ reader: name, message: messageOf(fault) }]));
