import { type Severity, severities } from '@jiwei/shared/status.ts';
import { z } from 'zod';
import type { Incident } from '../../engine/incident.ts';
import type { Api, HttpContext } from '../context.ts';
import { answers, instant, spanMs } from '../schema.ts';
import { assetViewOf } from '../shapes/asset.ts';
import { presentCycle } from '../shapes/incident.ts';
import { countStatuses, statusCountsSchema } from '../shapes/status.ts';

const districtSchema = z
  .object({
    atMs: instant.describe('Collector time of this answer.'),
    startedAtMs: instant,
    upMs: spanMs.describe('How long the collector has been running.'),
    version: z.string(),
    zones: z.int(),
    units: z.int(),
    assets: statusCountsSchema,
    checks: statusCountsSchema,
    agents: z.object({ connected: z.int(), lost: z.int(), never: z.int() }),
    incidents: z.object({
      open: z.int().describe('Nobody has acknowledged.'),
      acknowledged: z.int(),
      respondOverdue: z.int().describe('Of the open ones: the response is overdue.'),
      onsiteOverdue: z.int(),
      bySeverity: z.object({ catastrophic: z.int(), critical: z.int(), major: z.int(), minor: z.int() }),
    }),
    alerts: z.object({ pending: z.int(), firing: z.int() }),
    declarationVersion: z.int().describe('Of the declaration in force, as `/declaration/versions` lists it; 0 before the first.'),
    declarationError: z.string().nullable().describe('Why the declared file was last refused; null when it is in force.'),
  })
  .meta({ id: 'District' });

const countBy = <Key extends string>(keys: readonly Key[], found: Iterable<Key>): Record<Key, number> => {
  const counts = new Map<Key, number>(keys.map((key) => [key, 0]));
  for (const key of found) counts.set(key, (counts.get(key) ?? 0) + 1);
  // Every key of the list is in the map.
  return Object.fromEntries(counts) as Record<Key, number>;
};

const incidentCounts = (incidents: readonly Incident[], atMs: number) => ({
  open: incidents.filter((incident) => incident.state === 'open').length,
  acknowledged: incidents.filter((incident) => incident.state === 'acknowledged').length,
  respondOverdue: incidents.filter((incident) => {
    const cycle = presentCycle(incident);
    return cycle !== null && cycle.respondedAtMs === null && cycle.respondDueAtMs < atMs;
  }).length,
  onsiteOverdue: incidents.filter((incident) => {
    const cycle = presentCycle(incident);
    return cycle !== null && cycle.onsiteDueAtMs !== null && cycle.arrivedAtMs === null && cycle.onsiteDueAtMs < atMs;
  }).length,
  bySeverity: countBy<Severity>(
    severities,
    incidents.map((incident) => incident.severity),
  ),
});

/** GET /district: the whole at a glance. */
export const districtRoutes = (api: Api, { service, clock }: HttpContext): void => {
  api.get('/district', {
    config: { permission: 'read' },
    schema: {
      tags: ['district'],
      summary: 'The whole district in numbers',
      querystring: z.strictObject({}),
      response: answers(districtSchema),
    },
    handler: async () => {
      const { view, startedAtMs, version, declarationError } = service;
      const { config } = view;
      const atMs = clock.nowMs();
      return {
        atMs,
        startedAtMs,
        upMs: Math.max(0, atMs - startedAtMs),
        version,
        zones: config.zones.size,
        units: config.units.size,
        assets: countStatuses([...config.assets.values()].map((asset) => assetViewOf(asset, view, startedAtMs).status)),
        checks: countStatuses([...config.checks.keys()].map((id) => view.check(id)?.status ?? 'unknown')),
        agents: countBy(
          ['connected', 'lost', 'never'],
          Array.from(view.agents(), (agent) => agent.connection),
        ),
        incidents: incidentCounts(view.openIncidents(), atMs),
        alerts: countBy(
          ['pending', 'firing'],
          Array.from(view.alerts(), (alert) => alert.state),
        ),
        declarationVersion: service.declarationVersion,
        declarationError,
      };
    },
  });
};
