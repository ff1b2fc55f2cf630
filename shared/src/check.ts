import { z } from 'zod';
import { asId, type CheckId, declaredIdPattern } from './ids.ts';
import { limits } from './limits.ts';
import { type AgentProbe, probeSchema } from './probes/registry.ts';
import { type ReasonCode, reasonCodes } from './reasons.ts';
import { type Outcome, outcomes } from './status.ts';
import type { EpochMs } from './time.ts';

/** How often the same answer must come before it is believed. */
export const confirmSchema = z.strictObject({
  failures: z.int().min(1).max(10).default(3).describe('Failures in a row, 1 to 10, that make the check down.'),
  successes: z.int().min(1).max(10).default(2).describe('Successes in a row, 1 to 10, that end the downtime.'),
  retryMs: z
    .int()
    .min(limits.checkRetryMsMin)
    .max(60_000)
    .default(1_000)
    .describe('Time in ms between the runs of a confirmation.'),
});
export type Confirm = z.output<typeof confirmSchema>;

/** When a check runs: every so many ms, or at calendar times. */
export const checkScheduleSchema = z.union([
  z.strictObject({ intervalMs: z.int().min(limits.checkIntervalMsMin).max(limits.checkIntervalMsMax) }),
  z.strictObject({ cron: z.string().min(9).max(200), timeZone: z.string().min(1).max(64) }),
]);
export type CheckSchedule = z.output<typeof checkScheduleSchema>;

export const checkIdSchema = z
  .string()
  .regex(declaredIdPattern)
  .transform((text) => asId<'check'>(text));

/** A check as an agent is told to run it. */
export interface CheckAssignment {
  readonly id: CheckId;
  readonly probe: AgentProbe;
  readonly schedule: CheckSchedule;
  /** Deadline of one run, ms. */
  readonly timeoutMs: number;
  readonly confirm: Confirm;
}

export const checkAssignmentSchema: z.ZodType<CheckAssignment> = z.strictObject({
  id: checkIdSchema,
  probe: probeSchema.refine((probe): probe is AgentProbe => probe.kind !== 'heartbeat', {
    error: 'a heartbeat is not run by an agent',
  }) as unknown as z.ZodType<AgentProbe>,
  schedule: checkScheduleSchema,
  timeoutMs: z.int().min(1).max(limits.checkTimeoutMsMax),
  confirm: confirmSchema,
});

/**
 * Place of a result in its run of equal answers: `ofDown` counts failures in a row, `ofUp` successes (degraded is a success), each from 1.
 * Exactly one of them is not 0.
 */
export interface RunPlace {
  readonly ofDown: number;
  readonly ofUp: number;
}

/** One answer to a check. */
export interface CheckResult {
  readonly checkId: CheckId;
  /** When the question was asked, agent's clock: the start of the run, or later where it waited to be asked along with others. */
  readonly observedAtMs: EpochMs;
  readonly outcome: Outcome;
  readonly reason: ReasonCode;
  /** From question to answer in ms with fractions; null when there was no answer. */
  readonly latencyMs: number | null;
  readonly run: RunPlace;
  /** How it was asked where there is a choice: `ping`, `fping`, `tcp`. */
  readonly method?: string;
  /** For people: the error's text, the unexpected value. */
  readonly detail?: string;
  /** Measured series, keyed by their text form (`probe_http_duration_seconds{phase="tls"}`). Finite numbers only. */
  readonly values?: Readonly<Record<string, number>>;
}

export const checkResultSchema: z.ZodType<CheckResult> = z.object({
  checkId: checkIdSchema,
  observedAtMs: z.int().min(0),
  outcome: z.enum(outcomes),
  reason: z.enum(reasonCodes as [ReasonCode, ...ReasonCode[]]),
  latencyMs: z.number().min(0).nullable(),
  run: z.object({ ofDown: z.int().min(0), ofUp: z.int().min(0) }),
  method: z.string().max(32).exactOptional(),
  detail: z.string().max(limits.detailCharactersMax).exactOptional(),
  values: z
    .record(z.string().max(limits.metricNameBytesMax + limits.labelValueBytesMax), z.number())
    .refine((values) => Object.keys(values).length <= limits.valuesPerResultMax, {
      error: `at most ${limits.valuesPerResultMax} values`,
    })
    .exactOptional(),
}) as unknown as z.ZodType<CheckResult>;
