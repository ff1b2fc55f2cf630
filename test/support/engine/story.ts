import type { CheckResult } from '@jiwei/shared/check.ts';
import type { AgentId, CheckId, IncidentId } from '@jiwei/shared/ids.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import fc from 'fast-check';
import type { CheckConfig, EngineConfig } from '../../../collector/src/engine/config.ts';
import type { Effect } from '../../../collector/src/engine/effect.ts';
import type { EngineEvent } from '../../../collector/src/engine/event.ts';
import { agentIds, configOf, startMs, type WorldParts } from './world.ts';

/** An answer with the facts that count. */
export const resultOf = (
  checkId: CheckId,
  observedAtMs: number,
  outcome: CheckResult['outcome'],
  reason: CheckResult['reason'] = outcome === 'up' ? 'OK' : outcome === 'down' ? 'TIMEOUT' : 'SLOW',
): CheckResult => ({
  checkId,
  observedAtMs,
  outcome,
  reason,
  latencyMs: outcome === 'down' ? null : 1,
  run: outcome === 'down' ? { ofDown: 1, ofUp: 0 } : { ofDown: 0, ofUp: 1 },
});

const outcome = fc.constantFrom('up', 'up', 'degraded', 'down', 'down');

const moment = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('results'),
      agent: fc.nat(2),
      lagMs: fc.constantFrom(0, 0, 0, 7_000, 50_000),
      outcomes: fc.array(outcome, { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('connected'), agent: fc.nat(2), run: fc.constantFrom(1, 1, 2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lost'), agent: fc.nat(2), silentMs: fc.constantFrom(0, 10_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('overdue'), agent: fc.nat(2), isOverdue: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('answer'), question: fc.nat(2), outcome }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('push'), check: fc.nat(4), isUp: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sample'), agent: fc.nat(2), value: fc.constantFrom(10, 90) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('human'),
      incident: fc.nat(5),
      act: fc.constantFrom('acknowledge', 'arrive', 'note', 'resolve'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('config'),
      dropCheck: fc.nat(4),
      dropAsset: fc.nat(4),
      quorum: fc.constantFrom(null, 1, 2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('asked'), checks: fc.subarray([0, 1, 2, 3, 4]), agents: fc.subarray(agentIds) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('tick') }) },
);

/** One thing that happens, some time after the one before; often at the same instant. */
export const moments = fc.array(
  fc.record({ afterMs: fc.constantFrom(0, 0, 1, 900, 1_000, 2_500, 5_000, 10_000, 31_000), what: moment }),
  {
    minLength: 10,
    maxLength: 60,
    size: 'max',
  },
);
export type Moment = typeof moments extends fc.Arbitrary<readonly (infer One)[]> ? One : never;

/** Turns moments into events: only what can happen does (answers to open questions, acts on known incidents, results in order). */
export const createTeller = (parts: WorldParts) => {
  let atMs = startMs;
  let config: EngineConfig = configOf(parts);
  const observedAtMs = new Map<string, number>();
  /** Whoever is told to ask a check asks from then on; nothing older can come. */
  const askedAtMs = new Map<string, number>();
  const questions: { agentId: AgentId; requestId: string }[] = [];
  const incidents: IncidentId[] = [];

  const resultsOf = (what: Extract<Moment['what'], { kind: 'results' }>): EngineEvent => {
    const agentId = agentIds[what.agent] ?? agentIds[0];
    const asked = [...config.checks.values()].filter((check) => agentId !== undefined && check.agentIds.includes(agentId));
    const results = what.outcomes.flatMap((one, at) => {
      const check = asked[at % Math.max(1, asked.length)];
      const key = `${check?.id} ${agentId}`;
      const whenMs = Math.max((observedAtMs.get(key) ?? 0) + 1, askedAtMs.get(key) ?? 0, atMs - what.lagMs + at * 1_000);
      if (check === undefined || whenMs > atMs) return [];
      observedAtMs.set(key, whenMs);
      return [resultOf(check.id, whenMs, one)];
    });
    return { kind: 'results', atMs, agentId: agentId ?? ('' as AgentId), results };
  };

  const changed = (what: Extract<Moment['what'], { kind: 'config' }>): EngineConfig => {
    const assets = parts.assets.filter((asset, at) => at === 0 || asset.id !== `a${what.dropAsset}`);
    const isThere = (id: string): boolean => assets.some((asset) => asset.id === id);
    const agents = parts.agents.filter((agent) => isThere(agent.assetId));
    const checks = parts.checks
      .filter((check) => check.id !== `c${what.dropCheck}` && isThere(check.assetId))
      .map((check) => ({ ...check, quorum: what.quorum }));
    return configOf(
      { ...parts, assets: assets.map((asset) => ({ ...asset, parentIds: asset.parentIds.filter(isThere) })), agents, checks },
      config.version + 1,
    );
  };

  const put = (next: EngineConfig): void => {
    for (const { id, agentIds: askers } of next.checks.values()) {
      const before = config.checks.get(id)?.agentIds ?? [];
      for (const agentId of askers) if (!before.includes(agentId)) askedAtMs.set(`${id} ${agentId}`, atMs);
    }
    config = next;
  };

  /** The same but for who asks some of its checks. */
  const handedOver = (what: Extract<Moment['what'], { kind: 'asked' }>): EngineConfig => {
    const askers = what.agents.filter((agentId) => config.agents.has(agentId));
    const isMoved = (check: CheckConfig): boolean =>
      check.probe.kind !== 'heartbeat' && what.checks.some((at) => check.id === `c${at}`);
    const checks = [...config.checks].map(([id, check]): [CheckId, CheckConfig] => [
      id,
      isMoved(check) ? { ...check, agentIds: askers } : check,
    ]);
    return { ...config, version: config.version + 1, checks: new Map(checks) };
  };

  const eventOf = ({ what }: Moment): EngineEvent => {
    const agentId = ('agent' in what ? agentIds[what.agent] : undefined) ?? ('g1' as AgentId);
    switch (what.kind) {
      case 'results':
        return resultsOf(what);
      case 'connected':
        return { kind: 'agentConnected', atMs, agentId, bootId: what.run };
      case 'lost':
        return { kind: 'agentLost', atMs, agentId, cause: 'closed', sinceMs: atMs - what.silentMs };
      case 'overdue':
        return { kind: 'agentOverdue', atMs, agentId, isOverdue: what.isOverdue };
      case 'answer': {
        const [question] = questions.splice(what.question % Math.max(1, questions.length), 1);
        if (question === undefined) return { kind: 'tick', atMs };
        return { kind: 'probeAnswer', atMs, ...question, result: resultOf('' as CheckId, atMs, what.outcome) };
      }
      case 'push':
        return { kind: 'push', atMs, checkId: `c${what.check}` as CheckId, isUp: what.isUp, detail: null };
      case 'sample':
        return {
          kind: 'samples',
          atMs,
          agentId,
          samples: [{ name: 'heat', labels: [['instance', agentId]], value: what.value, observedAtMs: atMs }],
        };
      case 'human': {
        const incidentId = incidents[what.incident % Math.max(1, incidents.length)] ?? ('none' as IncidentId);
        const act = what.act === 'note' ? { kind: what.act, note: 'seen' } : { kind: what.act, note: null };
        return { kind: 'human', atMs, incidentId, actor: 'ann', act };
      }
      case 'config': {
        put(changed(what));
        return { kind: 'config', atMs, config };
      }
      case 'asked': {
        const before = config;
        put(handedOver(what));
        const checkIds = [...config.checks.values()].filter((check) => before.checks.get(check.id) !== check).map(({ id }) => id);
        return { kind: 'config', atMs, config, handover: { before, checkIds } };
      }
      case 'tick':
        return { kind: 'tick', atMs };
      default:
        return what satisfies never;
    }
  };

  return {
    get config() {
      return config;
    },
    /** The next event. */
    next: (one: Moment): EngineEvent => {
      atMs += one.afterMs;
      return eventOf(one);
    },
    /** What the engine wanted, so that it can be answered. */
    hear: (effects: readonly Effect[]): void => {
      for (const effect of effects) {
        if (effect.kind === 'requestProbe') questions.push({ agentId: effect.agentId, requestId: effect.requestId });
        else if (effect.kind === 'incident' && !incidents.includes(effect.incident.id)) incidents.push(effect.incident.id);
      }
    },
  };
};

/** A quiet time after which every short clock has run out. */
export const afterwardsMs = 200 * secondMs;
