import { asId } from '@jiwei/shared/ids.ts';
import type { LiveView } from '../../engine/view.ts';
import type { LiveEvent } from '../../runtime/service.ts';
import { incidentBody, timelineBody } from './incident.ts';

/** Kinds of live events a stream may choose from; `hello` and `reset` always come. */
export const liveEventKinds = [
  'check',
  'asset',
  'agent',
  'incident',
  'declaration',
] as const satisfies readonly LiveEvent['kind'][];

/** What listeners are told: enough to repaint the row without asking again. A subject that is gone has status null. */
export const liveEventBody = (event: LiveEvent, view: LiveView): Readonly<Record<string, unknown>> => {
  switch (event.kind) {
    case 'check': {
      const check = view.check(event.id);
      return {
        id: event.id,
        status: check?.status ?? null,
        sinceMs: check?.sinceMs ?? null,
        reason: check?.reason ?? null,
        isSuspect: check?.isSuspect ?? false,
      };
    }
    case 'asset': {
      const asset = view.asset(asId<'asset'>(event.id));
      return {
        id: event.id,
        status: asset?.status ?? null,
        sinceMs: asset?.sinceMs ?? null,
        isInMaintenance: asset?.isInMaintenance ?? false,
        openIncidentIds: asset?.openIncidentIds ?? [],
      };
    }
    case 'agent': {
      const agent = view.agent(event.id);
      return { id: event.id, connection: agent?.connection ?? null, sinceMs: agent?.sinceMs ?? null };
    }
    case 'incident':
      return { incident: incidentBody(event.incident), entries: event.entries.map(timelineBody) };
    case 'declaration':
      return { version: event.version };
    default:
      return event satisfies never;
  }
};
