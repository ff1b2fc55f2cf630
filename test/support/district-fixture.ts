import type { CheckResult } from '@jiwei/shared/check.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { probeSchema } from '@jiwei/shared/probes/registry.ts';
import type { AssetConfig, AssetKind, CheckConfig } from '../../collector/src/engine/config.ts';
import type { Incident } from '../../collector/src/engine/incident.ts';
import type { AgentSessionView } from '../../collector/src/runtime/service.ts';
import type { AgentRecord } from '../../collector/src/store/port.ts';
import { fixtureNowMs, type ViewParts } from './live-view.ts';

const minute = 60_000;
const hour = 60 * minute;

const asset = (id: string, name: string, kind: AssetKind, unit: string | null, importance = 3): AssetConfig => ({
  id: asId<'asset'>(id),
  name,
  kind,
  unitId: unit === null ? null : asId<'unit'>(unit),
  zoneId: asId<'zone'>('z1'),
  importance,
  parentIds: [],
  needsOnsite: true,
});

const check = (id: string, assetId: string, probe: unknown, agents: readonly string[]): CheckConfig => ({
  id: asId<'check'>(id),
  assetId: asId<'asset'>(assetId),
  probe: probeSchema.parse(probe),
  schedule: { intervalMs: 20_000 },
  timeoutMs: 5_000,
  confirm: { failures: 3, successes: 2, retryMs: 1_000 },
  critical: true,
  severity: 'major',
  agentIds: agents.map(asId<'agent'>),
  quorum: null,
  staleAfterMs: 60_000,
});

/** An incident as it might stand `ageMs` after its opening. */
export const incidentOf = (id: string, assetId: string, ageMs: number, changes: Partial<Incident> = {}): Incident => {
  const openedAtMs = fixtureNowMs - ageMs;
  return {
    id: asId<'incident'>(id),
    assetId: asId<'asset'>(assetId),
    unitId: asId<'unit'>('u1'),
    zoneId: asId<'zone'>('z1'),
    crew: '第一小组',
    problem: 'down',
    severity: 'critical',
    state: 'open',
    reason: 'CONNECTION_REFUSED',
    summary: 'portal refuses connections on 10.1.2.3:443',
    details: { target: '10.1.2.3:443' },
    faultFromMs: openedAtMs - 2_000,
    openedAtMs,
    faultToMs: null,
    resolvedAtMs: null,
    cycles: [
      {
        number: 1,
        openedAtMs,
        respondDueAtMs: openedAtMs + 3 * minute,
        respondedAtMs: null,
        onsiteDueAtMs: openedAtMs + 15 * minute,
        arrivedAtMs: null,
        resolvedAtMs: null,
        excluded: null,
      },
    ],
    isNoData: false,
    isFlapping: false,
    isInMaintenance: false,
    attachedTo: null,
    isTold: true,
    ...changes,
  };
};

const respondedAfter = (incident: Incident, afterMs: number): Incident => ({
  ...incident,
  state: 'acknowledged',
  cycles: incident.cycles.map((cycle) => ({ ...cycle, respondedAtMs: cycle.openedAtMs + afterMs })),
});

/** The agent could not ask. */
const unusable = (checkId: string, detail: string): CheckResult => ({
  ...{ checkId: asId<'check'>(checkId), observedAtMs: fixtureNowMs - 500, outcome: 'down', reason: 'NOT_PERMITTED' },
  ...{ latencyMs: null, run: { ofDown: 1, ofUp: 0 }, detail },
});

/** A small district: two units, five assets of every status, three incidents, two agents. */
export const districtParts: ViewParts = {
  zones: [{ id: asId<'zone'>('z1'), name: '第一片区', crew: '第一小组' }],
  units: [
    { id: asId<'unit'>('u1'), name: '区财政局', zoneId: asId<'zone'>('z1') },
    { id: asId<'unit'>('u2'), name: '区教育局 <Education>', zoneId: asId<'zone'>('z1') },
  ],
  assets: [
    asset('portal', '财政门户网站', 'website', 'u1', 5),
    asset('db', '预算数据库', 'database', 'u1', 4),
    asset('cam-1', '大门摄像机 & 云台', 'camera', 'u2'),
    asset('switch', '核心交换机', 'switch', 'u2'),
    asset('ups', '机房 UPS', 'ups', null),
  ],
  agentEntries: [
    { id: asId<'agent'>('a1'), assetId: asId<'asset'>('db'), zoneId: asId<'zone'>('z1'), address: '10.1.2.9' },
    { id: asId<'agent'>('a2'), assetId: asId<'asset'>('ups'), zoneId: asId<'zone'>('z1'), address: null },
  ],
  checks: [
    check('portal-tcp', 'portal', { kind: 'tcp', spec: { host: '10.1.2.3', port: 443 } }, ['a1', 'a2']),
    check('backup', 'db', { kind: 'heartbeat', spec: {} }, []),
  ],
  rules: [
    {
      id: asId<'rule'>('r1'),
      name: 'DiskFull',
      expr: 'node_filesystem_avail_bytes < 1',
      forMs: 0,
      keepFiringForMs: 0,
      evaluationMs: 15_000,
      labels: {},
      annotations: {},
    },
  ],
  assetViews: [
    {
      id: asId<'asset'>('portal'),
      status: 'down',
      sinceMs: fixtureNowMs - 2 * minute,
      isInMaintenance: false,
      openIncidentIds: [asId<'incident'>('i1')],
      heldIncidentIds: [asId<'incident'>('i-held')],
      hindrance: null,
    },
    {
      id: asId<'asset'>('db'),
      status: 'degraded',
      sinceMs: fixtureNowMs - 5 * hour,
      isInMaintenance: true,
      openIncidentIds: [],
      heldIncidentIds: [],
      hindrance: null,
    },
    {
      id: asId<'asset'>('cam-1'),
      status: 'unknown',
      sinceMs: fixtureNowMs - 30 * hour,
      isInMaintenance: false,
      openIncidentIds: [],
      heldIncidentIds: [],
      hindrance: {
        checkId: asId<'check'>('cam-ping'),
        agentId: asId<'agent'>('a1'),
        result: unusable('cam-ping', 'ping: <not found>'),
      },
    },
    {
      id: asId<'asset'>('switch'),
      status: 'up',
      sinceMs: fixtureNowMs - 100 * hour,
      isInMaintenance: false,
      openIncidentIds: [],
      heldIncidentIds: [],
      hindrance: null,
    },
  ],
  checkViews: [
    {
      id: asId<'check'>('portal-tcp'),
      assetId: asId<'asset'>('portal'),
      status: 'down',
      sinceMs: fixtureNowMs - 2 * minute,
      reason: 'CONNECTION_REFUSED',
      isSuspect: false,
      lanes: [
        {
          agentId: asId<'agent'>('a1'),
          status: 'down',
          sinceMs: fixtureNowMs - 2 * minute,
          lastResult: {
            checkId: asId<'check'>('portal-tcp'),
            observedAtMs: fixtureNowMs - 500,
            outcome: 'down',
            reason: 'CONNECTION_REFUSED',
            latencyMs: null,
            run: { ofDown: 6, ofUp: 0 },
            values: { probe_duration_seconds: 0.002 },
          },
          lastUnusable: null,
        },
        {
          agentId: asId<'agent'>('a2'),
          status: 'unknown',
          sinceMs: fixtureNowMs - hour,
          lastResult: null,
          lastUnusable: unusable('portal-tcp', 'caFile /nope cannot be read'),
        },
      ],
    },
  ],
  agentViews: [
    { id: asId<'agent'>('a1'), assetId: asId<'asset'>('db'), connection: 'connected', sinceMs: fixtureNowMs - 26 * hour },
    { id: asId<'agent'>('a2'), assetId: asId<'asset'>('ups'), connection: 'lost', sinceMs: fixtureNowMs - 8 * minute },
  ],
  incidents: [
    incidentOf('i1', 'portal', 2 * minute),
    respondedAfter(incidentOf('i2', 'cam-1', 40 * minute, { severity: 'minor', reason: 'NO_REPLY', isNoData: true }), 100_000),
    incidentOf('i3', 'ups', 20 * minute, { reason: 'HOST_DOWN', isFlapping: true, unitId: null }),
  ],
  alerts: [
    { ruleId: 'r1', labels: { instance: 'a1', mountpoint: '/' }, state: 'firing', activeAtMs: fixtureNowMs - hour, value: 0.5 },
    {
      ruleId: 'r1',
      labels: { instance: 'a2', mountpoint: '/' },
      state: 'pending',
      activeAtMs: fixtureNowMs - 10,
      value: Number.NaN,
    },
  ],
};

/** An enrolled agent. */
export const agentRecord = (id: string, changes: Partial<AgentRecord> = {}): AgentRecord => ({
  id: asId<'agent'>(id),
  publicKey: `key-of-${id}`,
  zoneId: asId<'zone'>('z1'),
  labels: { site: '总部' },
  enrolledAtMs: fixtureNowMs - 48 * hour,
  revokedAtMs: null,
  hostname: `${id}.example.test`,
  platform: 'linux',
  architecture: 'x64',
  agentVersion: '0.1.0',
  lastSeenAtMs: fixtureNowMs - 1_000,
  lastAddress: '10.1.2.9',
  ...changes,
});

/** The live link of an agent. */
export const sessionOf = (id: string): AgentSessionView => ({
  agentId: asId<'agent'>(id),
  connectedAtMs: fixtureNowMs - 26 * hour,
  address: '10.1.2.9',
  bootId: 1,
  clockSkewMs: 2_600,
  roundTripMs: 3.2,
  spoolFrames: 2,
  spoolBytes: 900,
  configVersion: 7,
  configErrors: [],
});
