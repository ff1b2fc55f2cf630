import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import { encodeSamples, type SampleRow } from '@jiwei/shared/protocol/samples.ts';
import { minuteMs } from '@jiwei/shared/time.ts';
import { errorFields, type Log } from '../log.ts';
import { gridOffsetMs, nextTickMs } from '../schedule/phase.ts';
import type { FrameDraft } from '../spool/spool.ts';
import type { Stamps } from '../stamps.ts';
import type { HostSource } from './host-source.ts';

/** Rows that share a frame while there is no link: later ones then cost a third of the first. */
const backlogRowsMax = 12;
/** Values in one frame; at up to 14 bytes each they stay below the size of a message. */
const valuesPerFrameMax = 50_000;
/** A row is not kept in memory for longer than this: so much is lost when the agent is killed without a link. */
const holdMsMax = 1 * minuteMs;

export interface HostSampler {
  /** Begins, or goes on with another interval. @param agentName spreads the agents over the interval */
  start(intervalMs: number, agentName: string): void;
  /** Gives on the rows held back. */
  flush(): void;
  stop(): void;
}

/** Reads the host at whole intervals on the grid of its agent, and makes frames of what it read. */
export const createHostSampler = (options: {
  readonly source: HostSource;
  readonly clock: Clock;
  readonly stamps: Stamps;
  readonly log: Log;
  readonly record: (draft: FrameDraft) => void;
  /** Whether a frame would be sent at once; if not, rows are gathered to save space in the spool. */
  readonly isLive: () => boolean;
}): HostSampler => {
  const { source, clock, stamps, log } = options;
  let rows: SampleRow[] = [];
  let heldValues = 0;
  let cancelTick: CancelTimer = () => undefined;
  let current: { readonly intervalMs: number; readonly phase: number } | null = null;
  let reading: AbortController | null = null;
  let readingSinceMs = 0;

  const flush = (): void => {
    const [first] = rows;
    if (first === undefined) return;
    const draft: FrameDraft = { kind: 'samples', body: encodeSamples(rows), atMs: first.atMs };
    rows = [];
    heldValues = 0;
    options.record(draft);
  };

  const keep = (row: SampleRow): void => {
    const isTooMuch = heldValues + row.values.length > valuesPerFrameMax;
    // A time that was set back must not stand behind a later one in the same frame.
    const isBack = row.atMs <= (rows.at(-1)?.atMs ?? -1);
    if (isTooMuch || isBack) flush();
    rows.push(row);
    heldValues += row.values.length;
    const isOld = row.atMs - (rows[0]?.atMs ?? row.atMs) >= holdMsMax - (current?.intervalMs ?? 0);
    if (options.isLive() || isOld || rows.length >= backlogRowsMax) flush();
  };

  const tick = (): void => {
    if (current === null) return;
    const { intervalMs } = current;
    arm();
    // One that takes longer than an interval is not joined by a second one.
    const atMs = stamps.nowMs();
    if (reading !== null) {
      // The first reading is at once, and the first regular time may follow within milliseconds: that is no reason to warn.
      if (atMs - readingSinceMs < intervalMs / 2) return;
      return log.warn('reading the host takes longer than its interval; one sample is left out', { intervalMs });
    }
    const control = new AbortController();
    reading = control;
    readingSinceMs = atMs;
    source
      .collect(control.signal)
      .then((read) => {
        if (control.signal.aborted) return;
        for (const { reader, message } of read.errors) log.warn(`the host's ${reader} cannot be read`, { error: message });
        if (read.indexes.length > 0) keep({ atMs, indexes: read.indexes, values: read.values });
      })
      .catch((error: unknown) => log.error('the host cannot be read', errorFields(error)))
      .finally(() => {
        if (reading === control) reading = null;
      });
  };

  const arm = (): void => {
    cancelTick();
    if (current === null) return;
    const nowMs = stamps.nowMs();
    cancelTick = clock.after(nextTickMs(nowMs, current.intervalMs, current.phase) - nowMs, tick);
  };

  return {
    start: (intervalMs, agentName) => {
      const isFirst = current === null;
      current = { intervalMs, phase: gridOffsetMs(agentName) % intervalMs };
      // The first at once: people who start an agent want to see it.
      if (isFirst) tick();
      else arm();
    },
    flush,
    stop: () => {
      cancelTick();
      current = null;
      reading?.abort(new Error('the agent stops'));
      flush();
    },
  };
};
