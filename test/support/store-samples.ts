import { asId } from '@jiwei/shared/ids.ts';
import type { Subject } from '../../collector/src/engine/effect.ts';
import type { Incident, TimelineEntry } from '../../collector/src/engine/incident.ts';
import type {
  AgentRecord,
  CommitBatch,
  JoinToken,
  OutboxRecord,
  StoredFrame,
  StoredResult,
} from '../../collector/src/store/port.ts';

/** A batch that writes nothing but what is given. */
export const batchOf = (part: Partial<CommitBatch> = {}): CommitBatch => ({
  atMs: 1_000,
  frames: [],
  dictionaries: [],
  results: [],
  gaps: [],
  inventories: [],
  positions: [],
  entities: [],
  spans: [],
  incidents: [],
  timeline: [],
  outbox: [],
  outboxDrops: [],
  ...part,
});

export const agentA = asId<'agent'>('agent-a');
export const agentB = asId<'agent'>('agent-b');
export const webCheck = asId<'check'>('web');
export const webAsset = asId<'asset'>('web-portal');
export const webSubject: Subject = { kind: 'check', id: webCheck };

export const frameOf = (part: Partial<StoredFrame> = {}): StoredFrame => ({
  agentId: agentA,
  bootId: 1,
  seq: 0,
  receivedAtMs: 1_000,
  firstAtMs: 1_000,
  lastAtMs: 1_000,
  clockOffsetMs: 0,
  body: new Uint8Array([1, 2, 3]),
  ...part,
});

export const resultOf = (part: Partial<StoredResult> = {}): StoredResult => ({
  checkId: webCheck,
  agentId: agentA,
  observedAtMs: 1_000,
  receivedAtMs: 1_005,
  outcome: 'up',
  reason: 'OK',
  latencyMs: 12.25,
  run: { ofDown: 0, ofUp: 1 },
  ...part,
});

export const incidentOf = (part: Partial<Incident> = {}): Incident => ({
  id: asId<'incident'>('inc-1'),
  assetId: webAsset,
  unitId: asId<'unit'>('tax'),
  zoneId: asId<'zone'>('east'),
  crew: 'East crew',
  problem: 'down',
  severity: 'critical',
  state: 'open',
  reason: 'TIMEOUT',
  summary: 'web-portal is down',
  details: { check: 'web', target: 'http://portal.invalid/', assetName: '政务服务网' },
  faultFromMs: 1_000,
  openedAtMs: 3_000,
  faultToMs: null,
  resolvedAtMs: null,
  cycles: [
    {
      number: 1,
      openedAtMs: 3_000,
      respondDueAtMs: 183_000,
      respondedAtMs: null,
      onsiteDueAtMs: null,
      arrivedAtMs: null,
      resolvedAtMs: null,
      excluded: null,
    },
  ],
  isNoData: false,
  isFlapping: false,
  isInMaintenance: false,
  attachedTo: null,
  isTold: false,
  ...part,
});

export const entryOf = (part: Partial<TimelineEntry> = {}): TimelineEntry => ({
  incidentId: asId<'incident'>('inc-1'),
  number: 1,
  atMs: 3_000,
  recordedAtMs: 3_000,
  kind: 'opened',
  actor: 'engine',
  text: 'opened: 超时',
  ...part,
});

export const outboxOf = (part: Partial<OutboxRecord> = {}): OutboxRecord => ({
  id: asId<'notification'>('inc-1.1.firing.duty'),
  routeId: asId<'route'>('duty'),
  incidentId: asId<'incident'>('inc-1'),
  notice: 'firing',
  incident: incidentOf(),
  createdAtMs: 3_000,
  state: 'waiting',
  tries: 0,
  mayHaveArrived: false,
  nextTryAtMs: 3_000,
  lastError: null,
  finishedAtMs: null,
  ...part,
});

export const agentOf = (part: Partial<AgentRecord> = {}): AgentRecord => ({
  id: agentA,
  publicKey: 'key-a',
  zoneId: asId<'zone'>('east'),
  labels: { room: '机房一' },
  enrolledAtMs: 1_000,
  revokedAtMs: null,
  hostname: 'host-a',
  platform: 'linux',
  architecture: 'x64',
  agentVersion: '0.1.0',
  lastSeenAtMs: 1_000,
  lastAddress: null,
  ...part,
});

export const tokenOf = (part: Partial<JoinToken> = {}): JoinToken => ({
  hash: 'hash-1',
  zoneId: null,
  labels: { room: '一' },
  usesLeft: 1,
  expiresAtMs: 5_000,
  createdAtMs: 1_000,
  needsApproval: false,
  revokedAtMs: null,
  ...part,
});
