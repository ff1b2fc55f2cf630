import { fingerprintOf } from '@jiwei/shared/protocol/handshake.ts';
import type { Status } from '@jiwei/shared/status.ts';
import type { AssetConfig, EngineConfig } from '../../engine/config.ts';
import type { Incident } from '../../engine/incident.ts';
import type { Hindrance, LiveView } from '../../engine/view.ts';
import type { CollectorService } from '../../runtime/service.ts';
import type { AgentRecord } from '../../store/port.ts';
import { linkSinceMs } from '../shapes/agent.ts';
import { assetViewOf } from '../shapes/asset.ts';
import { countStatuses, type StatusCounts } from '../shapes/status.ts';

/** Windows of the availability table, shortest first. */
export const pageWindows = ['hour', 'day', 'week', 'month'] as const;
export type PageWindow = (typeof pageWindows)[number];

/** What is known of one window. Texts are truncated percentages; null when nothing is known. */
export interface PageAvailability {
  readonly window: PageWindow;
  readonly observed: string | null;
  readonly coverage: string | null;
  /** Coverage is high enough for the figure to be used. */
  readonly isEnough: boolean;
  readonly worst: { readonly assetId: string; readonly observed: string } | null;
}

export interface PageAsset {
  readonly id: string;
  readonly name: string;
  readonly kind: AssetConfig['kind'];
  readonly unitName: string | null;
  readonly status: Status;
  readonly sinceMs: number;
  readonly isInMaintenance: boolean;
  /** A person closed an incident of it, and its fault goes on. */
  readonly isHeld: boolean;
  /** Why nothing is known of it, where an agent says so. */
  readonly hindrance: Hindrance | null;
}

export interface PageIncident {
  readonly incident: Incident;
  readonly assetName: string;
  readonly unitName: string | null;
  /** `below`: it belongs to the incident above it. `closed`: to one that a person closed while its fault goes on. */
  readonly attachment: 'none' | 'below' | 'closed';
}

export interface PageAgent {
  readonly id: string;
  readonly hostname: string;
  /** Shown while it waits for approval: what its own log says. */
  readonly keyFingerprint: string;
  readonly connection: 'connected' | 'lost' | 'never' | 'pending' | 'revoked';
  readonly sinceMs: number;
  readonly clockSkewMs: number | null;
  readonly roundTripMs: number | null;
  readonly spoolFrames: number | null;
}

/** Everything the page shows, of one moment. */
export interface PageModel {
  readonly atMs: number;
  readonly startedAtMs: number;
  readonly version: string;
  readonly declarationError: string | null;
  readonly counts: StatusCounts;
  /** At most pageRowsMax; each with those attached to it right below it. */
  readonly incidents: readonly PageIncident[];
  readonly incidentsLeftOut: number;
  readonly availability: readonly PageAvailability[];
  /** Worst first, at most pageRowsMax. */
  readonly assets: readonly PageAsset[];
  readonly assetsLeftOut: number;
  readonly agents: readonly PageAgent[];
  readonly agentsLeftOut: number;
  /** Names of all assets, for what is shown by id. */
  readonly nameOf: (assetId: string) => string;
}

/** Rows of one table: what a person can still take in, and a page of some 200 KiB. */
const pageRowsMax = 500;

const statusOrder: Readonly<Record<Status, number>> = { down: 0, degraded: 1, unknown: 2, up: 3 };
const connectionOrder: Readonly<Record<PageAgent['connection'], number>> = {
  pending: 0,
  lost: 1,
  never: 2,
  connected: 3,
  revoked: 4,
};

const unitNameOf = (config: EngineConfig, unitId: AssetConfig['unitId']): string | null =>
  unitId === null ? null : (config.units.get(unitId)?.name ?? unitId);

const assetsOf = ({ view, startedAtMs }: CollectorService): readonly PageAsset[] =>
  [...view.config.assets.values()]
    .map((asset) => {
      const { status, sinceMs, isInMaintenance, heldIncidentIds, hindrance } = assetViewOf(asset, view, startedAtMs);
      const isHeld = heldIncidentIds.length > 0;
      const { id, name, kind } = asset;
      return {
        id,
        name,
        kind,
        unitName: unitNameOf(view.config, asset.unitId),
        status,
        sinceMs,
        isInMaintenance,
        isHeld,
        hindrance,
      };
    })
    .sort((left, right) => statusOrder[left.status] - statusOrder[right.status] || left.name.localeCompare(right.name, 'zh-CN'));

const connectionOf = (record: AgentRecord, present: 'connected' | 'lost' | 'never' | undefined): PageAgent['connection'] => {
  if (record.revokedAtMs !== null) return 'revoked';
  return record.pendingSinceMs === undefined ? (present ?? 'never') : 'pending';
};

const agentsOf = async (service: CollectorService): Promise<readonly PageAgent[]> => {
  const sessions = new Map(service.sessions().map((session) => [session.agentId, session]));
  const records = await service.store.agents();
  return records
    .map((record): PageAgent => {
      const present = service.view.agent(record.id);
      const session = sessions.get(record.id);
      return {
        id: record.id,
        hostname: record.hostname,
        keyFingerprint: fingerprintOf(record.publicKey),
        connection: connectionOf(record, present?.connection),
        sinceMs: record.revokedAtMs ?? linkSinceMs(record, present),
        clockSkewMs: session?.clockSkewMs ?? null,
        roundTripMs: session?.roundTripMs ?? null,
        spoolFrames: session?.spoolFrames ?? null,
      };
    })
    .sort((left, right) => connectionOrder[left.connection] - connectionOrder[right.connection] || (left.id < right.id ? -1 : 1));
};

/** Open incidents, newest first, those that belong to another one right below it, so that nothing that fails is missing. */
const incidentsOf = (view: LiveView, nameOf: PageModel['nameOf']): readonly PageIncident[] => {
  const open = view.openIncidents();
  const openIds = new Set(open.map(({ id }) => id));
  const attached = Map.groupBy(open, ({ attachedTo }) => attachedTo);
  const rowOf = (incident: Incident, attachment: PageIncident['attachment']): PageIncident => ({
    incident,
    attachment,
    assetName: nameOf(incident.assetId),
    unitName: unitNameOf(view.config, incident.unitId),
  });
  return open
    .filter(({ attachedTo }) => attachedTo === null || !openIds.has(attachedTo))
    .flatMap((incident) => [
      rowOf(incident, incident.attachedTo === null ? 'none' : 'closed'),
      ...(attached.get(incident.id) ?? []).map((child) => rowOf(child, 'below')),
    ]);
};

/**
 * What the page shows at `atMs`.
 * @param availability figures of the windows, measured by the caller
 */
export const pageModel = async (
  service: CollectorService,
  atMs: number,
  availability: readonly PageAvailability[],
): Promise<PageModel> => {
  const { view } = service;
  const { config } = view;
  const assets = assetsOf(service);
  const agents = await agentsOf(service);
  const names = new Map<string, string>(Array.from(config.assets.values(), (asset) => [asset.id, asset.name]));
  const nameOf = (assetId: string): string => names.get(assetId) ?? assetId;
  const incidents = incidentsOf(view, nameOf);
  return {
    atMs,
    startedAtMs: service.startedAtMs,
    version: service.version,
    declarationError: service.declarationError,
    counts: countStatuses(assets.map((asset) => asset.status)),
    incidents: incidents.slice(0, pageRowsMax),
    incidentsLeftOut: Math.max(0, incidents.length - pageRowsMax),
    availability,
    assets: assets.slice(0, pageRowsMax),
    assetsLeftOut: Math.max(0, assets.length - pageRowsMax),
    agents: agents.slice(0, pageRowsMax),
    agentsLeftOut: Math.max(0, agents.length - pageRowsMax),
    nameOf,
  };
};
