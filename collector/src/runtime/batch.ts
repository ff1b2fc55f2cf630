import type { EpochMs } from '@jiwei/shared/time.ts';
import type { Effect } from '../engine/effect.ts';
import type { Incident } from '../engine/incident.ts';
import type { CommitBatch, OutboxRecord, StoredEntity } from '../store/port.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K] };

/** A commit batch being filled, and the outward effects that wait for it. */
export interface OpenBatch {
  readonly rows: Mutable<Omit<CommitBatch, 'atMs' | 'entities' | 'incidents' | 'positions'>>;
  readonly entities: Map<string, StoredEntity>;
  readonly incidents: Map<string, Incident>;
  readonly positions: Map<string, CommitBatch['positions'][number]>;
  /** In the order in which they happened, for after the commit. */
  readonly outward: Effect[];
}

/** An empty batch. */
export const openBatch = (): OpenBatch => ({
  rows: {
    frames: [],
    dictionaries: [],
    results: [],
    gaps: [],
    inventories: [],
    spans: [],
    timeline: [],
    outbox: [],
    outboxDrops: [],
  },
  entities: new Map(),
  incidents: new Map(),
  positions: new Map(),
  outward: [],
});

/** Sorts one effect into the rows it becomes. Of what changes twice in one batch the last state is written once. */
export const addEffect = (batch: OpenBatch, effect: Effect): void => {
  batch.outward.push(effect);
  switch (effect.kind) {
    case 'spans':
      batch.rows.spans.push(effect);
      return;
    case 'incident':
      batch.incidents.set(effect.incident.id, effect.incident);
      batch.rows.timeline.push(...effect.entries);
      return;
    case 'notify':
      batch.rows.outbox.push(outboxRecordOf(effect));
      return;
    case 'dropNotices':
      batch.rows.outboxDrops.push(...effect.ids);
      return;
    case 'entity':
      batch.entities.set(`${effect.entity}\n${effect.id}`, { entity: effect.entity, id: effect.id, value: effect.value });
      return;
    case 'requestProbe':
    case 'rejected':
      return;
    default:
      return effect satisfies never;
  }
};

const outboxRecordOf = (effect: Extract<Effect, { kind: 'notify' }>): OutboxRecord => ({
  id: effect.id,
  routeId: effect.routeId,
  incidentId: effect.incidentId,
  notice: effect.notice,
  incident: effect.incident,
  createdAtMs: effect.atMs,
  state: 'waiting',
  tries: 0,
  mayHaveArrived: false,
  nextTryAtMs: effect.atMs,
  lastError: null,
  finishedAtMs: null,
});

/** The batch as the store takes it. */
export const closeBatch = (batch: OpenBatch, atMs: EpochMs): CommitBatch => ({
  atMs,
  ...batch.rows,
  entities: [...batch.entities.values()],
  incidents: [...batch.incidents.values()],
  positions: [...batch.positions.values()],
});
