import { presentCycle, reviseCycle } from './clocks.ts';
import type { EngineEvent, HumanAct } from './event.ts';
import type { IncidentRecord } from './incident-record.ts';
import { note, resolveIncident, save } from './incidents.ts';
import type { Turn } from './turn.ts';

/** What a person did; an act that the incident's state does not allow is rejected and changes nothing. */
export const onHuman = (turn: Turn, event: Extract<EngineEvent, { kind: 'human' }>): void => {
  const record = turn.state.incidents.get(event.incidentId);
  const reject = (code: 'CONFLICT' | 'NOT_FOUND', message: string): void => {
    turn.rejections.push({ kind: 'rejected', code, incidentId: event.incidentId, message });
  };
  if (record === undefined) return reject('CONFLICT', 'the incident is closed: it was resolved too long ago to be changed');
  const problem = objectionTo(event.act, record);
  if (problem !== null) return reject('CONFLICT', problem);
  perform(turn, record, event.actor, event.act);
};

/** @returns why the act is not allowed now, or null */
const objectionTo = (act: HumanAct, { incident }: IncidentRecord): string | null => {
  const isResolved = incident.state === 'resolved';
  switch (act.kind) {
    case 'acknowledge':
      if (isResolved) return 'it is resolved already';
      return incident.state === 'acknowledged' ? 'somebody has acknowledged it already' : null;
    case 'arrive':
      if (isResolved) return 'it is resolved already';
      return incident.cycles.at(-1)?.arrivedAtMs === null ? null : 'somebody has arrived already';
    case 'resolve':
      return isResolved ? 'it is resolved already' : null;
    case 'note':
      return null;
    default:
      return act satisfies never;
  }
};

const perform = (turn: Turn, record: IncidentRecord, actor: string, act: HumanAct): void => {
  const { nowMs } = turn;
  switch (act.kind) {
    case 'acknowledge':
      if (presentCycle(record).respondedAtMs === null) reviseCycle(record, { respondedAtMs: nowMs });
      record.incident = { ...record.incident, state: 'acknowledged' };
      note(turn, record, { kind: 'acknowledged', actor, text: act.note ?? '' });
      break;
    case 'arrive': {
      // Who stands in front of it has also answered the call.
      const cycle = presentCycle(record);
      reviseCycle(record, { arrivedAtMs: nowMs, respondedAtMs: cycle.respondedAtMs ?? nowMs });
      record.incident = { ...record.incident, state: 'acknowledged' };
      note(turn, record, { kind: 'arrived', actor, text: act.note ?? '' });
      break;
    }
    case 'note':
      note(turn, record, { kind: 'noted', actor, text: act.note });
      break;
    case 'resolve':
      record.isHeld = true;
      // Who declares it done has answered the call.
      if (presentCycle(record).respondedAtMs === null) reviseCycle(record, { respondedAtMs: nowMs });
      resolveIncident(turn, record, { faultToMs: null, actor, text: act.note ?? 'resolved by hand' });
      // Where it is good by now, as in the quiet time after flapping, nothing is held back.
      turn.assess.add(record.incident.assetId);
      return;
    default:
      return act satisfies never;
  }
  save(turn, record);
};
