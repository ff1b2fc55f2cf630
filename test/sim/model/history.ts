import type { Plan, PlannedCheck } from '../plan.ts';
import { type Absence, heartbeatHistory, type TakenCall } from './heartbeat.ts';
import { type Answer, laneHistory } from './lane.ts';
import { at, type ModelSpan, overlaid } from './spans.ts';

/** A result that reached the store, with the agent that gave it. */
export interface StoredAnswer extends Answer {
  readonly check: string;
  readonly agent: string;
}

/** A time in which an agent was not asked; `toMs` null while it goes on. */
export interface Unasked {
  readonly fromMs: number;
  readonly toMs: number | null;
}

/** What reached the store, and what the world knows of it. */
export interface Evidence {
  /** In the order in which they reached the store. */
  readonly answers: readonly StoredAnswer[];
  readonly unasked: ReadonlyMap<string, readonly Unasked[]>;
  readonly askedFrom: ReadonlyMap<string, number>;
  readonly calls: readonly TakenCall[];
  readonly absences: readonly Absence[];
}

export interface ModelHistories {
  readonly lanes: ReadonlyMap<string, readonly ModelSpan[]>;
  readonly checks: ReadonlyMap<string, readonly ModelSpan[]>;
  readonly assets: ReadonlyMap<string, readonly ModelSpan[]>;
}

/** Age at which an answer of the check says nothing any more, as the register defines it. */
const staleAfterMsOf = (check: PlannedCheck): number => 2 * check.intervalMs + check.timeoutMs + 5_000;

/** All histories as they must be by `nowMs`, made of nothing but what reached the store. */
export const modelHistories = (
  plan: Plan,
  { answers, unasked, askedFrom, calls, absences }: Evidence,
  nowMs: number,
): ModelHistories => {
  const lanes = new Map<string, readonly ModelSpan[]>();
  const checks = new Map<string, readonly ModelSpan[]>();
  const assets = new Map<string, readonly ModelSpan[]>();
  const byCheck = Map.groupBy(answers, ({ check }) => check);
  for (const check of plan.checks) {
    const rules = { failures: check.failures, successes: check.successes, staleAfterMs: staleAfterMsOf(check) };
    const given = Map.groupBy(byCheck.get(check.id) ?? [], ({ agent }) => `${check.id}@${agent}`);
    const ids = new Set([...given.keys(), ...[...askedFrom.keys()].filter((id) => id.startsWith(`${check.id}@`))]);
    const own = [...ids].map((id) => [id, laneHistory(given.get(id) ?? [], rules, nowMs, askedFrom.get(id) ?? null)] as const);
    for (const [id, spans] of own) lanes.set(id, spans);
    const away = own.map(([id]) => awaySpans(unasked.get(id) ?? []));
    checks.set(
      check.id,
      overlaid([...own.map(([, spans]) => spans), ...away], (parts) =>
        checkStatus(votesOf(parts.slice(0, own.length), parts.slice(own.length)), check.quorum),
      ),
    );
  }
  const callsOf = Map.groupBy(calls, ({ heartbeat }) => heartbeat);
  for (const heartbeat of plan.heartbeats) {
    const taken = callsOf.get(heartbeat.id);
    const lane = `${heartbeat.id}@collector`;
    const declaredAtMs = askedFrom.get(lane) ?? null;
    const spans = heartbeatHistory(taken ?? [], heartbeat, absences, nowMs, declaredAtMs);
    if (taken !== undefined || declaredAtMs !== null) lanes.set(lane, spans);
    checks.set(heartbeat.id, spans);
  }
  for (const asset of parentsFirst(plan)) {
    const sources = [...plan.checks, ...plan.heartbeats].filter((check) => check.asset === asset.id && check.critical);
    const ancestors = ancestorsOf(plan, asset.id);
    const own = sources.map(({ id }) => checks.get(id) ?? []);
    const begins = Math.min(...own.map((spans) => spans[0]?.fromMs ?? Number.POSITIVE_INFINITY));
    const above = ancestors.map((id) => assets.get(id) ?? []);
    assets.set(
      asset.id,
      overlaid([...own, ...above], (parts) => assetStatus(parts.slice(0, own.length), ancestors, parts.slice(own.length))).filter(
        ({ fromMs }) => fromMs >= begins,
      ),
    );
  }
  return { lanes, checks, assets };
};

/** Down: the agent is not asked. */
const awaySpans = (stretches: readonly Unasked[]): ModelSpan[] =>
  stretches.flatMap(({ fromMs, toMs }) => [
    { fromMs, status: 'down' as const, attributedTo: null },
    ...(toMs === null ? [] : [{ fromMs: toMs, status: 'up' as const, attributedTo: null }]),
  ]);

/** One that is no longer asked has no vote once one that is asked knows something. */
const votesOf = (said: readonly (ModelSpan | null)[], away: readonly (ModelSpan | null)[]): (ModelSpan | null)[] => {
  const asked = said.filter((_, lane) => away[lane]?.status !== 'down');
  return asked.some((part) => part !== null && part.status !== 'unknown') ? asked : [...said];
};

/** Down when at least the quorum (or the majority) of those that know says so; degraded when any of them is not well; unknown when none knows. */
const checkStatus = (parts: readonly (ModelSpan | null)[], quorum: number | null) => {
  const present = parts.flatMap((part) => (part === null ? [] : [part.status]));
  if (present.length === 0) return null;
  const known = present.filter((status) => status !== 'unknown');
  const downCount = known.filter((status) => status === 'down').length;
  const needed = quorum ?? Math.floor(known.length / 2) + 1;
  const isDown = downCount > 0 && downCount >= needed;
  const isWorse = known.some((status) => status !== 'up');
  const status = known.length === 0 ? 'unknown' : isDown ? 'down' : isWorse ? 'degraded' : 'up';
  return { status, attributedTo: null } as const;
};

/** The worst of the checks that know; whose fault a downtime is: the nearest of those above that is down as well. */
const assetStatus = (
  own: readonly (ModelSpan | null)[],
  ancestors: readonly string[],
  above: readonly (ModelSpan | null)[],
): Omit<ModelSpan, 'fromMs'> | null => {
  const present = own.flatMap((part) => (part === null ? [] : [part.status]));
  if (present.length === 0) return null;
  const status = (['down', 'degraded', 'up'] as const).find((one) => present.includes(one)) ?? 'unknown';
  const guilty = status === 'down' ? above.findIndex((part) => part?.status === 'down') : -1;
  return { status, attributedTo: ancestors[guilty] ?? null };
};

/** Parents, their parents and so on, nearest first. */
export const ancestorsOf = (plan: Plan, assetId: string): string[] => {
  const found: string[] = [];
  let level = [assetId];
  while (level.length > 0) {
    level = level
      .flatMap((id) => plan.assets.find((asset) => asset.id === id)?.parents ?? [])
      .filter((id, place, all) => !found.includes(id) && all.indexOf(id) === place);
    found.push(...level);
  }
  return found;
};

const parentsFirst = (plan: Plan): Plan['assets'] =>
  plan.assets.toSorted((a, b) => ancestorsOf(plan, a.id).length - ancestorsOf(plan, b.id).length);

/** What the model says of an asset now. */
export const presentStatus = (histories: ModelHistories, asset: string, nowMs: number) =>
  at(histories.assets.get(asset) ?? [], nowMs)?.status ?? null;
