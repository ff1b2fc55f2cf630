import type { ReasonCode } from '@jiwei/shared/reasons.ts';

/** A fault that ends a run early with its reason; thrown and caught inside one runner only. */
export class ProbeFault extends Error {
  readonly reason: ReasonCode;
  /** @param message what was found, for people */
  constructor(reason: ReasonCode, message: string) {
    super(message);
    this.name = 'ProbeFault';
    this.reason = reason;
  }
}
