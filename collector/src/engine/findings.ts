import { probeTarget } from '@jiwei/shared/probes/registry.ts';
import { type Severity, severities } from '@jiwei/shared/status.ts';
import type { CheckConfig } from './config.ts';
import { heartbeatSilenceMs } from './config-index.ts';
import type { Finding } from './finding.ts';
import { isLaneSuspect } from './lane.ts';
import type { EngineState, Lane } from './state.ts';
import type { AffectedAsset } from './subject.ts';
import { presentSpan, recoveredAtMs } from './timeline.ts';

const isAsked = ({ state: { retiredAtMs } }: Lane): boolean => retiredAtMs === null || retiredAtMs === undefined;

/** The lanes whose word counts, as in the history of the check. */
const lanesOf = (state: EngineState, check: CheckConfig): readonly Lane[] => {
  const lanes = state.lanesOf.get(check.id) ?? [];
  if (lanes.length <= 1 || lanes.every(isAsked)) return lanes;
  const asked = lanes.filter(isAsked);
  const isKnown = asked.some(({ timeline }) => (presentSpan(timeline)?.status ?? 'unknown') !== 'unknown');
  return isKnown ? asked : lanes;
};

const isFresh = (lane: Lane, check: CheckConfig, nowMs: number): boolean =>
  heartbeatSilenceMs(check) !== null || (lane.state.lastAtMs ?? Number.NEGATIVE_INFINITY) + check.staleAfterMs > nowMs;

const isSuspect = (state: EngineState, check: CheckConfig, nowMs: number): boolean =>
  lanesOf(state, check).some((lane) => isLaneSuspect(lane.state) && isFresh(lane, check, nowMs));

/** The present status of a check, as of now: histories are brought up to date before anybody looks. */
const statusOf = (state: EngineState, check: CheckConfig) => presentSpan(state.checks.get(check.id));

/**
 * The latest evidence that the check fails: a lane's last answer, if it was a failure (a success on the way to recovery is none). The
 * silence of a heartbeat goes on, so as evidence it is never too old.
 */
const failureSeenAtMs = (state: EngineState, check: CheckConfig): number =>
  lanesOf(state, check)
    .filter((lane) => lane.state.belief === 'down')
    .map(({ state: { lastOutcome, lastReason, lastAtMs } }) => {
      if (lastReason === 'HEARTBEAT_MISSED') return Number.POSITIVE_INFINITY;
      return lastOutcome === 'down' ? (lastAtMs ?? 0) : 0;
    })
    .reduce((latest, atMs) => Math.max(latest, atMs), 0);

/** The worse of two severities. */
export const worseSeverity = (a: Severity, b: Severity): Severity => (severities.indexOf(a) <= severities.indexOf(b) ? a : b);

const describe = (check: CheckConfig): string => `${check.probe.kind} ${probeTarget(check.probe)}`;

const allWell = { kind: 'good', faultToMs: null, text: 'nothing fails' } as const;

/** What failed is no longer declared. */
export const retired = {
  kind: 'good',
  faultToMs: null,
  text: 'what failed was taken out of the register',
  isRetired: true,
} as const;

/**
 * What is known of checks being down.
 * @param failing checks that were failing before and must be proven good; those no longer declared prove nothing and count for nothing
 */
const downFinding = (
  state: EngineState,
  asset: AffectedAsset,
  checks: readonly CheckConfig[],
  failing: readonly string[],
  nowMs: number,
): Finding => {
  const down = checks.filter((check) => statusOf(state, check)?.status === 'down');
  // What nearly every look at an asset finds.
  if (down.length === 0 && failing.length === 0) return allWell;
  const [first] = down;
  if (first !== undefined) {
    const spans = down.map((check) => ({ check, span: statusOf(state, check) }));
    return {
      kind: 'bad',
      severity: down.reduce((worst, check) => worseSeverity(worst, check.severity), first.severity),
      reason: statusOf(state, first)?.reason ?? 'NO_REPLY',
      summary: `${asset.name}: ${down.map(describe).join(', ')} ${down.length === 1 ? 'is' : 'are'} down`,
      details: Object.fromEntries(
        spans.flatMap(({ check, span }) => factsOf(check, span?.reason ?? '', downDetailOf(state, check))),
      ),
      faultFromMs: Math.min(...spans.map(({ span }) => span?.fromMs ?? nowMs)),
      failing: down.map((check) => check.id),
      seenAtMs: Math.max(...down.map((check) => failureSeenAtMs(state, check))),
    };
  }
  const watched = checks.filter((check) => failing.includes(check.id));
  if (watched.some((check) => isSuspect(state, check, nowMs))) return { kind: 'between' };
  if (watched.some((check) => (statusOf(state, check)?.status ?? 'unknown') === 'unknown')) return { kind: 'unknown' };
  if (watched.length === 0 && failing.length > 0) return retired;
  const recovered = watched.map((check) => recoveredAtMs(state.checks.get(check.id)?.spans ?? []) ?? nowMs);
  return {
    kind: 'good',
    faultToMs: recovered.length === 0 ? null : Math.max(...recovered),
    text: `${watched.map(describe).join(', ')} answered again`,
  };
};

const downDetailOf = (state: EngineState, check: CheckConfig): string | undefined =>
  lanesOf(state, check).find((lane) => lane.lastResult?.outcome === 'down')?.lastResult?.detail;

/** What an incident's details say of one check. */
const factsOf = (check: CheckConfig, reason: string, detail: string | undefined): readonly [string, string][] => [
  [`${check.id}.target`, describe(check)],
  [`${check.id}.reason`, reason],
  ...(detail === undefined ? [] : [[`${check.id}.detail`, detail] as [string, string]]),
];

const criticalChecks = (state: EngineState, asset: AffectedAsset): readonly CheckConfig[] =>
  state.index.criticalOf.get(asset.id) ?? [];

/** Problem `down`: some critical check of the asset is down. */
export const assetDownFinding = (state: EngineState, asset: AffectedAsset, failing: readonly string[], nowMs: number): Finding =>
  downFinding(state, asset, criticalChecks(state, asset), failing, nowMs);

/** Problem `check:<id>`: one check that is not critical is down. */
export const checkDownFinding = (state: EngineState, asset: AffectedAsset, check: CheckConfig, nowMs: number): Finding =>
  downFinding(state, asset, [check], [check.id], nowMs);

/** A lane that makes its check less than up, and surely so: degraded as often in a row as a failure needs, or down but outvoted. */
const isSurelyWorse = (state: EngineState, { state: lane }: Lane, check: CheckConfig): boolean => {
  const isOutvoted = lane.belief === 'down' && lane.lastOutcome === 'down' && statusOf(state, check)?.status === 'degraded';
  return isOutvoted || lane.degradedCount >= check.confirm.failures;
};

/** Problem `degraded`: a critical check is surely worse than up, and nothing is down. */
export const degradedFinding = (state: EngineState, asset: AffectedAsset, failing: readonly string[], nowMs: number): Finding => {
  const checks = criticalChecks(state, asset);
  let downFromMs = Number.POSITIVE_INFINITY;
  for (const check of checks) {
    const span = statusOf(state, check);
    if (span?.status === 'down') downFromMs = Math.min(downFromMs, span.fromMs);
  }
  if (Number.isFinite(downFromMs))
    return { kind: 'good', faultToMs: downFromMs, text: 'it is down now, which has an incident of its own' };
  const degraded: { readonly check: CheckConfig; readonly lane: Lane }[] = [];
  for (const check of checks) {
    for (const lane of lanesOf(state, check)) {
      if (isSurelyWorse(state, lane, check) && isFresh(lane, check, nowMs)) degraded.push({ check, lane });
    }
  }
  if (degraded.length === 0 && failing.length === 0) return allWell;
  const [first] = degraded;
  if (first !== undefined) {
    return {
      kind: 'bad',
      severity: 'minor',
      reason: first.lane.state.lastReason,
      summary: `${asset.name}: ${degraded.map(({ check }) => describe(check)).join(', ')} degraded`,
      details: Object.fromEntries(
        degraded.flatMap(({ check, lane }) => factsOf(check, lane.state.lastReason, lane.lastResult?.detail)),
      ),
      faultFromMs: statusOf(state, first.check)?.fromMs ?? nowMs,
      failing: [...new Set(degraded.map(({ check }) => check.id))],
      seenAtMs: Math.max(...degraded.map(({ lane }) => lane.state.lastAtMs ?? 0)),
    };
  }
  const watched = checks.filter((check) => failing.includes(check.id));
  if (watched.length === 0 && failing.length > 0) return retired;
  const lanes = watched.flatMap((check) => lanesOf(state, check).map((lane) => ({ check, lane })));
  const fresh = lanes.filter(({ check, lane }) => isFresh(lane, check, nowMs));
  if (watched.length > 0 && fresh.length === 0) return { kind: 'unknown' };
  const isProven = fresh.every(({ check, lane }) => lane.state.upCount >= check.confirm.successes);
  if (!isProven) return { kind: 'between' };
  const sinceMs = watched.map((check) => statusOf(state, check)?.fromMs ?? nowMs);
  return { kind: 'good', faultToMs: sinceMs.length === 0 ? null : Math.max(...sinceMs), text: 'all answers are plain again' };
};
