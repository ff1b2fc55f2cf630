import type { FrameKind } from '@jiwei/shared/protocol/frame.ts';
import type { RefusalCode } from '@jiwei/shared/protocol/refusals.ts';

/** What the writer and the links count; metrics/ turns it into Prometheus counters. */
export interface RuntimeCounters {
  frameStored(kind: Exclude<FrameKind, 'dictionary'>, messageBytes: number): void;
  frameDuplicate(): void;
  /** Frames that never came although later ones did: lost in a damaged spool. */
  framesMissing(count: number): void;
  framesDropped(count: number): void;
  frameParked(): void;
  samplesStored(count: number): void;
  resultsStored(count: number): void;
  /** Results of checks that are no longer declared, or that say nothing about their target. */
  resultsIgnored(count: number): void;
  linkRefused(code: RefusalCode): void;
  /** A link is not read from for a while because its agent sends too much (`true`), or is again. */
  linkThrottled(isThrottled: boolean): void;
  committed(seconds: number, eventCount: number): void;
  commitFailed(): void;
  queueLength(events: number, bytes: number): void;
}
