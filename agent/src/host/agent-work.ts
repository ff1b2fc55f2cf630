import { describe, type Reader } from './reader.ts';

/** How the agent's own work goes, as it knows by itself. */
export interface AgentWork {
  /** Frames that the collector has not acknowledged, and the bytes of the files that hold them. */
  readonly pendingFrames: number;
  readonly pendingBytes: number;
  /** Frames lost since the start: the spool was full or failed; files were damaged or frames refused. */
  readonly droppedFrames: number;
  readonly damagedFrames: number;
  /** Runs of checks begun since the start, those of them that had to wait for others, and regular times left out. */
  readonly runs: number;
  readonly lateRuns: number;
  readonly missedRuns: number;
  /** Agent's clock minus the collector's in ms, right to within half the round trip; null before the first measurement. */
  readonly clockOffsetMs: number | null;
}

const spoolFrames = describe('jiwei_agent_spool_pending_frames', 'gauge', 'Frames the collector has not acknowledged.');
const spoolBytes = describe('jiwei_agent_spool_pending_bytes', 'gauge', 'Bytes of the spool files that hold them.');
const droppedFrames = describe(
  'jiwei_agent_frames_dropped_total',
  'counter',
  'Frames lost before the collector had them: spool-full (or a failing disk), spool-damaged (or refused by the collector).',
  ['cause'],
);
const checkRuns = describe('jiwei_agent_check_runs_total', 'counter', 'Runs of checks begun.');
const lateRuns = describe(
  'jiwei_agent_check_runs_late_total',
  'counter',
  'Runs of checks that had to wait because too many others were under way.',
);
const missedRuns = describe(
  'jiwei_agent_check_runs_missed_total',
  'counter',
  'Regular times of checks left out because the one before was not done or the agent stood still.',
);
const clockOffset = describe(
  'jiwei_agent_clock_offset_seconds',
  'gauge',
  "Agent's clock minus the collector's in seconds, as last measured over the link.",
);

/** Tells the agent's own work in each row. @param tell null while no agent runs, as between two boots in one process */
export const createAgentWorkReader = (tell: () => AgentWork | null): Reader => ({
  name: 'agent_work',
  metrics: [spoolFrames, spoolBytes, droppedFrames, checkRuns, lateRuns, missedRuns, clockOffset],
  everyMs: 0,
  open: () => (sink) => {
    const work = tell();
    if (work === null) return false;
    sink.put(spoolFrames, work.pendingFrames);
    sink.put(spoolBytes, work.pendingBytes);
    sink.put(droppedFrames, work.droppedFrames, 'spool-full');
    sink.put(droppedFrames, work.damagedFrames, 'spool-damaged');
    sink.put(checkRuns, work.runs);
    sink.put(lateRuns, work.lateRuns);
    sink.put(missedRuns, work.missedRuns);
    sink.put(clockOffset, work.clockOffsetMs === null ? Number.NaN : work.clockOffsetMs / 1_000);
    return true;
  },
});
