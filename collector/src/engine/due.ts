import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { onAgentDue } from './agents.ts';
import { onRulesDue } from './alerts.ts';
import { assetOfKey, decide } from './assess.ts';
import { isQuietOver, openPromises, presentCycle } from './clocks.ts';
import { forgetClone } from './clones.ts';
import { type Due, noLimit, takeDue } from './deadlines.ts';
import type { IncidentRecord } from './incident-record.ts';
import { note, resolveIncident, save } from './incidents.ts';
import { tell } from './notices.ts';
import { onLaneDue } from './results.ts';
import { forgetIncident } from './state.ts';
import { affectedAsset, asAgentId, asIncidentId, zoneAssetIdOf } from './subject.ts';
import { keep, type Turn } from './turn.ts';
import { zoneFinding } from './zones.ts';

/**
 * Deals with the next deadline at or before `untilMs`. Lanes of the same instant go together: where two agents' words of a check end at the same
 * instant, one of them alone would decide for no time at all, and close or open an incident by it. Lanes of the instants after it go with them, up to
 * the next deadline of another kind: they look at nothing but themselves, and their checks and assets are computed once from the first instant on in
 * place of once for each. Not where something was corrected in this step: which part of a history mends what was shown is told instant by instant.
 * @returns whether there was one
 */
export const dealWithNext = (turn: Turn, untilMs: EpochMs): boolean => {
  const { deadlines } = turn.state;
  const first = takeDue(deadlines, untilMs, noLimit());
  if (first === null) return false;
  dealWith(turn, first, untilMs);
  if (!isLane(first)) return true;
  const lastMs = turn.hasCorrections ? first.atMs : untilMs;
  const another = (): Due | null => takeDue(deadlines, lastMs, noLimit(), isLane);
  for (let next = another(); next !== null; next = another()) dealWith(turn, next, untilMs);
  return true;
};

const isLane = ({ key }: Due): boolean => key.startsWith('lane|');

const dealWith = (turn: Turn, due: Due, untilMs: EpochMs): void => {
  const bar = due.key.indexOf('|');
  const kind = due.key.slice(0, bar);
  const id = due.key.slice(bar + 1);
  switch (kind) {
    case 'lane':
      onLaneDue(turn, id, due.atMs);
      break;
    case 'incident':
      onIncidentDue(turn, id, untilMs);
      break;
    case 'agent':
      if (onAgentDue(turn, asAgentId(id))) turn.gracesOver.add(asAgentId(id));
      break;
    case 'clone':
      forgetClone(turn, asAgentId(id));
      break;
    case 'wait':
      turn.assess.add(assetOfKey(id));
      break;
    case 'zone':
      turn.assess.add(zoneAssetIdOf(asId(id)));
      break;
    case 'maintenance':
      turn.isMaintenanceDue = true;
      break;
    case 'rules':
      onRulesDue(turn);
      break;
    default:
      throw new Error(`a deadline of unknown kind: ${due.key}`);
  }
};

/** Agents did not come back in time, unless they came just now: each may be one of many of its zone. */
export const decideLostZones = (turn: Turn): void => {
  const { state, gracesOver } = turn;
  for (const id of gracesOver) {
    const zoneId = state.config.agents.get(id)?.zoneId ?? null;
    const loss = state.agents.get(id)?.loss ?? null;
    const asset = zoneId === null ? null : affectedAsset(state.config, zoneAssetIdOf(zoneId));
    if (zoneId === null || loss === null || asset === null) continue;
    const finding = zoneFinding(state, zoneId, loss.atMs);
    if (finding.kind === 'bad') decide(turn, asset, 'zone', finding);
  }
  gracesOver.clear();
};

/** @param untilMs promises of a later instant are not broken yet: an act that comes at that very instant still keeps them */
const onIncidentDue = (turn: Turn, id: string, untilMs: EpochMs): void => {
  const { state, nowMs } = turn;
  const record = state.incidents.get(asIncidentId(id));
  if (record === undefined) return;
  const { resolvedAtMs } = record.incident;
  if (resolvedAtMs !== null && resolvedAtMs + limits.reopenMs <= nowMs) {
    forgetIncident(state, record);
    keep(turn, 'incident', id);
    return;
  }
  for (const promise of openPromises(record, state.config.timing)) {
    if (promise.atMs <= untilMs) breakPromise(turn, record, promise.kind, promise.atMs);
  }
  if (isQuietOver(record, state.config.timing, nowMs)) onQuiet(turn, record);
  if (record.incident.state !== 'resolved') save(turn, record);
};

/** Quiet long enough: a rule's alert is gone by now and nothing would look at it again; the rest is decided by what is known. */
const onQuiet = (turn: Turn, record: IncidentRecord): void => {
  if (record.incident.problem.startsWith('rule:')) {
    resolveIncident(turn, record, { faultToMs: record.goodSinceMs, actor: 'engine', text: 'it has been quiet long enough' });
  } else turn.assess.add(record.incident.assetId);
};

/** A person's instant has passed: it is put down at the instant itself, whenever it was noticed. */
const breakPromise = (turn: Turn, record: IncidentRecord, kind: 'warning' | 'respond' | 'onsite', atMs: EpochMs): void => {
  const cycle = presentCycle(record);
  switch (kind) {
    case 'warning':
      record.warnedCycle = cycle.number;
      note(turn, record, {
        kind: 'respondWarned',
        atMs,
        text: `nobody has acknowledged; due at ${new Date(cycle.respondDueAtMs).toISOString()}`,
      });
      // When the due instant has passed as well (after a restart), the warning would only repeat what the next notice says.
      if (turn.nowMs < cycle.respondDueAtMs) tell(turn, record, 'warning');
      return;
    case 'respond':
      record.overdueCycle = cycle.number;
      note(turn, record, { kind: 'respondOverdue', atMs, text: 'nobody acknowledged in time' });
      tell(turn, record, 'overdue');
      return;
    case 'onsite':
      record.onsiteOverdueCycle = cycle.number;
      note(turn, record, { kind: 'onsiteOverdue', atMs, text: 'nobody was on site in time' });
      tell(turn, record, 'overdue', '-onsite');
      return;
    default:
      return kind satisfies never;
  }
};
