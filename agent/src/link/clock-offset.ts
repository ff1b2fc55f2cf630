import type { EpochMs } from '@jiwei/shared/time.ts';

/** What one heartbeat and its answer tell. */
export interface ClockMeasurement {
  readonly roundTripMs: number;
  /** Collector's clock minus ours; right to within half the round trip. */
  readonly offsetMs: number;
}

/** The collector's time is taken to be of the middle between question and answer (as NTP does, RFC 5905, section 8). */
export const measureClock = (sentAtMs: EpochMs, heardAtMs: EpochMs, collectorTimeMs: EpochMs): ClockMeasurement => {
  const roundTripMs = Math.max(0, heardAtMs - sentAtMs);
  return { roundTripMs, offsetMs: collectorTimeMs - (sentAtMs + roundTripMs / 2) };
};
