import type { Severity } from '@jiwei/shared/status.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { Incident } from './incident.ts';

/** A problem is there, on fresh knowledge. */
export interface BadFinding {
  readonly kind: 'bad';
  readonly severity: Severity;
  readonly reason: Incident['reason'];
  readonly summary: string;
  readonly details: Readonly<Record<string, string>>;
  readonly faultFromMs: EpochMs;
  /** What fails: check ids, or agent ids. */
  readonly failing: readonly string[];
  /** The severity is that of the fault as it is now, also when that is less grave than before; otherwise incidents only become graver. */
  readonly canEase?: boolean;
  /** The latest evidence of it. */
  readonly seenAtMs: EpochMs;
}

/** There is no such problem. */
export interface GoodFinding {
  readonly kind: 'good';
  /** When the fault ended; null: as of now. */
  readonly faultToMs: EpochMs | null;
  readonly text: string;
  /** Not seen good: what failed is no longer declared, so nobody will ever know. */
  readonly isRetired?: true;
}

/** What is known at the moment about one problem of one asset. `between`: neither proven nor disproven, everything stays as it is. */
export type Finding = BadFinding | GoodFinding | { readonly kind: 'unknown' } | { readonly kind: 'between' };
