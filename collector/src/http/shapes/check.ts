import type { CheckResult } from '@jiwei/shared/check.ts';
import { type ProbeKind, probeKindNames, probeTarget } from '@jiwei/shared/probes/registry.ts';
import { outcomes, severities } from '@jiwei/shared/status.ts';
import { z } from 'zod';
import type { CheckConfig } from '../../engine/config.ts';
import type { LiveView } from '../../engine/view.ts';
import type { StoredResult } from '../../store/port.ts';
import { instant } from '../schema.ts';
import { statusSchema } from './status.ts';

const resultFields = {
  observedAtMs: instant.describe('When it was asked, by the clock of the collector (corrected).'),
  outcome: z.enum(outcomes),
  reason: z.string(),
  latencyMs: z.number().nullable().describe('null when no answer came.'),
  run: z.object({ ofDown: z.int(), ofUp: z.int() }).describe('Place in the run of equal answers.'),
  method: z.string().nullable(),
  detail: z.string().nullable(),
  values: z.record(z.string(), z.number()).describe('Measured series by their text form.'),
};

/** A result inside its check, where the check is known. */
export const resultSchema = z.object(resultFields).meta({ id: 'Result' });

/** A result of the history. */
export const storedResultSchema = z
  .object({ ...resultFields, agentId: z.string(), receivedAtMs: instant })
  .meta({ id: 'StoredResult' });

/** A check with its present status and each agent's latest result. */
export const checkSchema = z
  .object({
    id: z.string(),
    assetId: z.string(),
    kind: z.enum(probeKindNames as [ProbeKind, ...ProbeKind[]]),
    target: z.string().describe('What is asked, as people read it.'),
    intervalMs: z.int().nullable().describe('null when it runs at calendar times.'),
    cron: z.string().nullable(),
    timeoutMs: z.int(),
    confirm: z.object({ failures: z.int(), successes: z.int(), retryMs: z.int() }),
    critical: z.boolean().describe("Whether it takes part in its asset's status and availability."),
    severity: z.enum(severities),
    staleAfterMs: z.int(),
    status: statusSchema,
    sinceMs: instant,
    reason: z.string().nullable().describe('Of an unknown check: why its agents cannot ask; null when they say nothing.'),
    isSuspect: z.boolean().describe('A failing run is under way and not yet confirmed.'),
    lanes: z
      .array(
        z.object({
          agentId: z.string().nullable().describe('null: the collector itself (heartbeats).'),
          status: statusSchema,
          sinceMs: instant,
          lastResult: resultSchema.nullable(),
          lastUnusable: resultSchema
            .nullable()
            .describe(
              'Its agent could not ask (NOT_PERMITTED, PROBE_ERROR) and has given no answer since; `detail` says what is missing.',
            ),
        }),
      )
      .describe("Each agent's view."),
  })
  .meta({ id: 'Check' });

/** A result as the API tells it: what was not measured is null, not left out. */
export const resultBody = (result: CheckResult): z.input<typeof resultSchema> => ({
  observedAtMs: result.observedAtMs,
  outcome: result.outcome,
  reason: result.reason,
  latencyMs: result.latencyMs,
  run: { ...result.run },
  method: result.method ?? null,
  detail: result.detail ?? null,
  values: { ...result.values },
});

/** A result of the history, with who asked and when it came. */
export const storedResultBody = (result: StoredResult): z.input<typeof storedResultSchema> => ({
  ...resultBody(result),
  agentId: result.agentId,
  receivedAtMs: result.receivedAtMs,
});

/** The spec itself is not told: it may hold headers with secrets. */
export const checkBody = (check: CheckConfig, view: LiveView, startedAtMs: number): z.input<typeof checkSchema> => {
  const present = view.check(check.id);
  return {
    id: check.id,
    assetId: check.assetId,
    kind: check.probe.kind,
    target: probeTarget(check.probe),
    intervalMs: 'intervalMs' in check.schedule ? check.schedule.intervalMs : null,
    cron: 'cron' in check.schedule ? check.schedule.cron : null,
    timeoutMs: check.timeoutMs,
    confirm: { ...check.confirm },
    critical: check.critical,
    severity: check.severity,
    staleAfterMs: check.staleAfterMs,
    status: present?.status ?? 'unknown',
    sinceMs: present?.sinceMs ?? startedAtMs,
    reason: present?.reason ?? null,
    isSuspect: present?.isSuspect ?? false,
    lanes: (present?.lanes ?? []).map((lane) => ({
      agentId: lane.agentId,
      status: lane.status,
      sinceMs: lane.sinceMs,
      lastResult: lane.lastResult === null ? null : resultBody(lane.lastResult),
      lastUnusable: lane.lastUnusable === null ? null : resultBody(lane.lastUnusable),
    })),
  };
};
