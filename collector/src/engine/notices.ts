import type { RouteId } from '@jiwei/shared/ids.ts';
import type { RouteConfig } from './config.ts';
import type { NoticeKind } from './effect.ts';
import { worseSeverity } from './findings.ts';
import type { Incident } from './incident.ts';
import type { IncidentRecord } from './incident-record.ts';
import { notifyRoute, type Turn } from './turn.ts';

const holds = <T>(wanted: readonly T[], value: T | null): boolean =>
  wanted.length === 0 || (value !== null && wanted.includes(value));

/** Whether the route wants to hear of the incident: every condition it names must hold. */
export const isRouteOf = (route: RouteConfig, incident: Pick<Incident, 'severity' | 'zoneId' | 'unitId' | 'assetId'>): boolean =>
  holds(route.severities, incident.severity) &&
  holds(route.zoneIds, incident.zoneId) &&
  holds(route.unitIds, incident.unitId) &&
  holds(route.assetIds, incident.assetId);

/** People are told of it now: it belongs to no other incident and no maintenance is running. */
export const isAudible = (incident: Incident): boolean => incident.attachedTo === null && !incident.isInMaintenance;

/**
 * Tells every route that matches, unless notices of the incident are held back, and remembers who was told.
 * @param rank sets apart a second notice of the same kind within one cycle
 */
export const tell = (turn: Turn, record: IncidentRecord, notice: NoticeKind, rank = ''): void => {
  if (!isAudible(record.incident)) return;
  const routeIds = turn.state.config.routes.filter((route) => isRouteOf(route, record.incident)).map((route) => route.id);
  remember(record, routeIds);
  if (notice === 'firing' || notice === 'flapping') record.toldSeverity = record.incident.severity;
  for (const routeId of routeIds) notifyRoute(turn, record, notice, routeId, rank);
};

const remember = (record: IncidentRecord, routeIds: readonly RouteId[]): void => {
  record.toldRoutes = [...record.toldRoutes, ...routeIds.filter((routeId) => !record.toldRoutes.includes(routeId))];
  if (record.toldRoutes.length > 0) record.incident = { ...record.incident, isTold: true };
};

/** A fault that has become graver than people were told is news; held back for now, it is told when it may be. */
export const tellGraver = (turn: Turn, record: IncidentRecord): void => {
  const { incident, toldSeverity } = record;
  if (!incident.isTold || toldSeverity === null || toldSeverity === incident.severity) return;
  if (worseSeverity(toldSeverity, incident.severity) === incident.severity) tell(turn, record, 'firing', `-${incident.severity}`);
};

/** Calls off what was told, to exactly those who were told, whatever has come in between. */
export const tellResolved = (turn: Turn, record: IncidentRecord): void => {
  const routeIds = record.toldRoutes;
  record.toldRoutes = [];
  record.toldSeverity = null;
  record.incident = { ...record.incident, isTold: false };
  for (const routeId of routeIds) notifyRoute(turn, record, 'resolved', routeId);
};
