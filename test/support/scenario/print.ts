import type { Effect, Span } from '../../../collector/src/engine/effect.ts';
import type { Incident, TimelineEntry } from '../../../collector/src/engine/incident.ts';
import { clockText } from './text.ts';

const spanText = ({ fromMs, status, reason, attributedTo }: Span): string =>
  [status, clockText(fromMs), reason, attributedTo === null ? null : `(${attributedTo})`]
    .filter((word) => word !== null)
    .join(' ');

/** What people call an incident: its asset and problem, with the time of its opening when there was an earlier one of the same name. */
export const createNames = (): ((incident: Pick<Incident, 'id' | 'assetId' | 'problem' | 'openedAtMs'>) => string) => {
  const idOf = new Map<string, string>();
  return ({ id, assetId, problem, openedAtMs }) => {
    const name = `${assetId}/${problem}`;
    const first = idOf.get(name) ?? id;
    idOf.set(name, first);
    return first === id ? name : `${name}@${clockText(openedAtMs)}`;
  };
};

const cycleText = (incident: Incident): string => {
  const cycle = incident.cycles.at(-1);
  if (cycle === undefined) return 'no cycle';
  return [
    `cycle ${cycle.number} from ${clockText(cycle.openedAtMs)}`,
    cycle.respondedAtMs === null ? `answer due ${clockText(cycle.respondDueAtMs)}` : `answered ${clockText(cycle.respondedAtMs)}`,
    ...(cycle.onsiteDueAtMs === null
      ? []
      : [
          cycle.arrivedAtMs === null
            ? `on site due ${clockText(cycle.onsiteDueAtMs)}`
            : `on site ${clockText(cycle.arrivedAtMs)}`,
        ]),
    ...(cycle.excluded === null ? [] : [`not counted: ${cycle.excluded}`]),
  ].join(', ');
};

const incidentText = (incident: Incident): string =>
  [
    `${incident.state} ${incident.severity} ${incident.reason}`,
    `fault ${clockText(incident.faultFromMs)}–${incident.faultToMs === null ? '' : clockText(incident.faultToMs)}`,
    cycleText(incident),
    ...(incident.isNoData ? ['no data'] : []),
    ...(incident.isFlapping ? ['flapping'] : []),
    ...(incident.isInMaintenance ? ['in maintenance'] : []),
    ...(incident.attachedTo === null ? [] : ['attached']),
    ...(incident.isTold ? ['told'] : []),
  ].join('; ');

/** Ids hold instants in base 36; in texts of entries they are replaced by names. */
export type TextOfIds = (text: string) => string;

const entryText = ({ kind, actor, atMs, recordedAtMs, text }: TimelineEntry, name: TextOfIds): string =>
  [
    `+ ${kind}`,
    actor === 'engine' ? null : `by ${actor}`,
    atMs === recordedAtMs ? null : `at ${clockText(atMs)}, put down ${clockText(recordedAtMs)}`,
  ]
    .filter((word) => word !== null)
    .join(' ') + (text === '' ? '' : `: ${name(text)}`);

/** Lines of one effect; none for what is only stored. */
export const effectLines = (
  effect: Effect,
  names: ReturnType<typeof createNames>,
  name: TextOfIds,
  isLaneShown: boolean,
): string[] => {
  switch (effect.kind) {
    case 'spans': {
      const { subject, fromMs, spans, isCorrection } = effect;
      if (subject.kind === 'lane' && !isLaneShown) return [];
      const from = spans[0]?.fromMs === fromMs ? '' : `from ${clockText(fromMs)} `;
      const list = spans.length === 0 ? 'nothing' : spans.map(spanText).join(', ');
      return [`${subject.kind} ${subject.id}: ${from}${list}${isCorrection ? ' (corrected)' : ''}`];
    }
    case 'incident':
      return [
        `incident ${names(effect.incident)}: ${incidentText(effect.incident)}`,
        ...effect.entries.map((entry) => `  ${entryText(entry, name)}`),
      ];
    case 'notify':
      return [`tell ${effect.routeId}: ${effect.notice} ${names(effect.incident)}`];
    case 'dropNotices':
      return [`drop ${effect.ids.map(name).join(', ')}`];
    case 'requestProbe':
      return [`ask ${effect.agentId}: ${effect.requestId.split('/')[0]}'s host, ${effect.timeoutMs} ms`];
    case 'rejected':
      return [`rejected ${effect.code}: ${effect.message}`];
    case 'entity':
      return [];
    default:
      return effect satisfies never;
  }
};
