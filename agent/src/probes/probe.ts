import type { Clock } from '@jiwei/shared/clock.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { AgentProbeKind, SpecOf } from '@jiwei/shared/probes/registry.ts';
import type { ReasonCode } from '@jiwei/shared/reasons.ts';
import type { Outcome } from '@jiwei/shared/status.ts';
import type { ProbeTools } from './tools.ts';

/** The parsed spec of each kind; a map, so that TypeScript can follow kind and spec together. */
export type Specs = { readonly [K in AgentProbeKind]: SpecOf<K> };

/** What one run found: the part of a `CheckResult` that only the probe can know. */
export interface ProbeOutcome {
  readonly outcome: Outcome;
  readonly reason: ReasonCode;
  /** From question to answer in ms with fractions; null when there was no answer. */
  readonly latencyMs: number | null;
  /** From the start of the run to when the target was asked, ms, where that was later: it waited for others to be asked along with it. */
  readonly askedAfterMs?: number;
  /** How it was asked where there is a choice: `ping`, `fping`, `tcp`. */
  readonly method?: string;
  /** For people; at most `limits.detailCharactersMax` characters. */
  readonly detail?: string;
  /** Series declared in the kind's `metrics`, keyed by `seriesText`; finite numbers. */
  readonly values?: Readonly<Record<string, number>>;
}

/** What a run is given. */
export interface ProbeContext {
  /** Ends the run: every socket and process of it is closed at once. */
  readonly signal: AbortSignal;
  /** Phases are measured with `monotonicMs()`, certificates are judged at `nowMs()`. */
  readonly clock: Clock;
  readonly tools: ProbeTools;
}

/** The same for a runner, which also learns when it will be cut off, so that it can conclude in time by itself. */
export interface RunContext extends ProbeContext {
  /** `clock.monotonicMs()` at which `signal` fires. */
  readonly deadlineMonotonicMs: number;
}

/** How one kind of probe is run. */
export interface ProbeRunner<K extends AgentProbeKind> {
  readonly kind: K;
  /** Only of kinds of which many runs may share a process: which ones can at present, by a common key; null when each needs its own. */
  batchKey?(spec: Specs[K], tools: ProbeTools): string | null;
  /**
   * Asks the question once. Whatever the network, the target or the deadline did comes back as a value; what is thrown is a bug.
   * When the signal fires, everything opened is closed and the answer is TIMEOUT (or what was concluded until then).
   */
  run(spec: Specs[K], context: RunContext): Promise<ProbeOutcome>;
}

/** Cuts a text to what a result may carry, with control characters shown as spaces. */
export const toDetail = (text: string): string => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: text from a target must not move the cursor of whoever reads the log.
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  if (clean.length <= limits.detailCharactersMax) return clean;
  // A cut through a surrogate pair would leave half a character, which is not valid text.
  return `${clean
    .slice(0, limits.detailCharactersMax - 1)
    .toWellFormed()
    .replace(/\ufffd$/, '')}…`;
};

/** A text of the target as it is quoted in a detail: short, in quotation marks. */
export const quote = (text: string): string =>
  JSON.stringify(text.length <= 120 ? text : `${text.slice(0, 119).toWellFormed()}…`);
