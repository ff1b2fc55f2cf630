import { expect } from 'vitest';
import type { ProbeOutcome } from '../../../../agent/src/probes/probe.ts';
import { runProbe } from '../../../../agent/src/probes/run-probe.ts';
import { createProbeTools, type ProbeTools } from '../../../../agent/src/probes/tools.ts';
import { checkResultSchema } from '../../../../shared/src/check.ts';
import { type Clock, systemClock } from '../../../../shared/src/clock.ts';
import { type AgentProbe, type AgentProbeKind, probeKinds, probeSchema } from '../../../../shared/src/probes/registry.ts';

/** What a test changes about the world of a run. */
export interface World {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly tools?: Partial<ProbeTools>;
}

/** The tools of this machine, without systemd, and some of them replaced. */
export const toolsWith = (replaced: Partial<ProbeTools> = {}, clock: Clock = systemClock): ProbeTools => ({
  ...createProbeTools({ clock, unitState: async () => null }),
  ...replaced,
});

/** A probe as the configuration would give it. */
export const probeOf = (kind: AgentProbeKind, spec: Readonly<Record<string, unknown>>): AgentProbe => {
  const probe = probeSchema.parse({ kind, spec });
  if (probe.kind === 'heartbeat') throw new Error('a heartbeat is not run by an agent');
  return probe;
};

/**
 * Runs a probe as the agent does, and holds every outcome to the rules all of them share: it fits a CheckResult, its values are declared
 * by its kind with exactly those labels, and only what is `up` or slow is OK.
 */
export const run = async (
  kind: AgentProbeKind,
  spec: Readonly<Record<string, unknown>>,
  world: World = {},
): Promise<ProbeOutcome> => {
  const clock = world.clock ?? systemClock;
  const outcome = await runProbe(probeOf(kind, spec), world.timeoutMs ?? 10_000, {
    signal: world.signal ?? new AbortController().signal,
    clock,
    tools: toolsWith(world.tools, clock),
  });
  checkOutcome(kind, outcome);
  return outcome;
};

/** The rules of `run`, for outcomes that came another way. */
export const checkOutcome = (kind: AgentProbeKind, outcome: ProbeOutcome): void => {
  checkResultSchema.parse({ ...outcome, checkId: 'check', observedAtMs: 0, run: { ofDown: 0, ofUp: 1 } });
  expect(outcome.outcome === 'up').toBe(outcome.reason === 'OK');
  if (outcome.outcome !== 'down') expect(outcome.latencyMs).not.toBeNull();
  // Without an answer the time it took is a value; else it is the latency, and told once.
  const { probe_duration_seconds: durationS, ...values } = outcome.values ?? {};
  expect(durationS === undefined).toBe(outcome.latencyMs !== null);
  const declared = probeKinds[kind].metrics.map(({ name, labels }) => `${name} ${labels.join(' ')}`.trim());
  for (const key of Object.keys(values)) expect(declared).toContain(declarationOf(key));
};

/** `name{a="1",b="2"}` as `name a b`. */
export const declarationOf = (key: string): string => {
  const [name = '', labels = ''] = key.split('{', 2);
  return [name, ...Array.from(labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g), (match) => match[1])].join(' ');
};
