import type { Plan } from './plan.ts';
import { worldBeginsAtMs } from './world/machine.ts';
import { hostOfCheck } from './world/targets.ts';

/** Clocks of people and of detection in every world, ms: shorter than the product's own, so that a world need not run for hours. */
export const timing = {
  respondMs: 30_000,
  respondWarnMs: 20_000,
  onsiteMs: 60_000,
  agentGraceMs: 2_000,
  questionIntervalMs: 20_000,
  agentStormCount: 3,
  agentStormMs: 10_000,
  flapQuietMs: 60_000,
} as const;

const instant = (atMs: number): string => new Date(worldBeginsAtMs + Math.floor(atMs)).toISOString();
const duration = (ms: number): string => `${ms}ms`;

/** The register of the plan as people would write it: JSON is YAML. @param atMs windows declared later are not in it yet */
export const declarationText = (plan: Plan, atMs: number): string =>
  JSON.stringify({
    timing: {
      respond: duration(timing.respondMs),
      respondWarn: duration(timing.respondWarnMs),
      onsite: duration(timing.onsiteMs),
      agentGrace: duration(timing.agentGraceMs),
      questionInterval: duration(timing.questionIntervalMs),
      agentStormCount: timing.agentStormCount,
      agentStorm: duration(timing.agentStormMs),
      flapQuiet: duration(timing.flapQuietMs),
    },
    host: { interval: '10s' },
    zones: plan.zones.map((id) => ({ id, name: id, crew: `crew of ${id}` })),
    units: plan.zones.map((id) => ({ id: `unit-${id}`, name: id, zone: id })),
    assets: plan.assets.map(({ id, zone, parents, needsOnsite }) => ({
      ...{ id, name: id, kind: 'server', unit: `unit-${zone}`, parents, needsOnsite },
    })),
    agents: plan.agents.map(({ id, zone }) => ({ id, zone })),
    checks: [...plan.checks.map((check) => checkItem(plan, check)), ...plan.heartbeats.map(heartbeatItem)],
    maintenance: plan.windows
      .filter((window) => window.declaredAtMs <= atMs)
      .map(({ id, assets, fromMs, toMs, declaredAtMs }) => ({
        ...{ id, assets, from: instant(fromMs), to: instant(toMs), reason: 'sim', approvedBy: 'sim' },
        approvedAt: instant(declaredAtMs),
      })),
    notifiers: [{ id: 'duty', kind: 'log' }],
    routes: [{ id: 'all', notifier: 'duty' }],
  });

const checkItem = (plan: Plan, check: Plan['checks'][number]) => ({
  ...{ id: check.id, asset: check.asset, kind: 'tcp', host: hostOfCheck(check.id), port: 80 },
  interval: duration(check.intervalMs),
  timeout: duration(check.timeoutMs),
  confirm: { failures: check.failures, successes: check.successes, retry: duration(check.retryMs) },
  critical: check.critical,
  severity: check.severity,
  from: typeof check.from === 'number' ? { zone: zoneOf(plan, check.asset), count: check.from } : { agents: check.from },
  ...(check.quorum === null ? {} : { quorum: check.quorum }),
});

const heartbeatItem = ({ id, asset, intervalMs, graceMs, critical, severity }: Plan['heartbeats'][number]) => ({
  ...{ id, asset, kind: 'heartbeat', interval: duration(intervalMs), graceMs, critical, severity },
});

/** Zone of an asset. */
const zoneOf = (plan: Plan, assetId: string): string => plan.assets.find(({ id }) => id === assetId)?.zone ?? '';
