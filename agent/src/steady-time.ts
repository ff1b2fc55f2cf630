import type { EpochMs } from '@jiwei/shared/time.ts';

/** Wall and steady clock may differ this much before the stamps follow the wall clock: more than adjusting does, less than a step, ms. */
export const stepMs = 1_000;

/** Where the stamps of an agent come from: a wall time and the steady time that was measured with it. */
export interface TimeAnchor {
  readonly wallMs: EpochMs;
  readonly steadyMs: number;
}

/** What the two clocks of a machine say at one moment. */
export interface ClockReading {
  readonly wallMs: EpochMs;
  /** Monotonic, with fractions. */
  readonly steadyMs: number;
}

/** Trusts the machine's clock as it is now. */
export const anchorAt = (reading: ClockReading): TimeAnchor => ({ wallMs: reading.wallMs, steadyMs: reading.steadyMs });

/** Time in whole ms as the steady clock carries the anchor on: it neither stops nor jumps while the machine's clock is adjusted. */
export const stampAt = (anchor: TimeAnchor, steadyMs: number): EpochMs =>
  Math.floor(anchor.wallMs + (steadyMs - anchor.steadyMs));

/**
 * The anchor to go on with. A new one when the wall clock was set, or the machine slept (a steady clock may stand still meanwhile).
 * @returns the same object when nothing happened
 */
export const followWall = (anchor: TimeAnchor, reading: ClockReading): TimeAnchor =>
  Math.abs(reading.wallMs - stampAt(anchor, reading.steadyMs)) > stepMs ? anchorAt(reading) : anchor;
