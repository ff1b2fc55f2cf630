import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { nextDeadlineMs, step } from '../../../collector/src/engine/step.ts';
import { checkEntities } from '../../../collector/src/store/entity-shapes.ts';
import { openHandle } from '../../../collector/src/store/sqlite/dialect.ts';
import { openSqliteStore } from '../../../collector/src/store/sqlite.ts';
import { livedWith } from '../../support/engine/lived.ts';
import { restoreFrom } from '../../support/engine/memory.ts';
import {
  agentA,
  agentOf,
  batchOf,
  incidentOf,
  outboxOf,
  resultOf,
  tokenOf,
  webCheck,
  webSubject,
} from '../../support/store-samples.ts';
import { type FuzzTarget, joinParts, partsOf } from '../target.ts';

/** Between the place of a value and the value. */
const separator = '\n~~\n';
const folder = mkdtempSync(join(tmpdir(), 'jiwei-stored-'));
const store = await openSqliteStore({ path: join(folder, 'jiwei.db') });
await store.saveAgent(agentOf());
await store.saveJoinToken(tokenOf());
await store.saveMaintenance([
  {
    ...{ id: asId<'maintenance'>('m-1'), fromMs: 100, toMs: 200, assetIds: [], unitIds: [], zoneIds: [asId<'zone'>('east')] },
    ...{ reason: '升级', approvedBy: '李', approvedAtMs: 50, cancelledAtMs: null },
  },
]);
const down = { fromMs: 1_000, status: 'down', reason: 'TIMEOUT', attributedTo: null } as const;
await store.commit(
  batchOf({
    results: [resultOf({ values: { 'x{a="b"}': 1.5 } })],
    gaps: [{ agentId: agentA, receivedAtMs: 5, fromMs: 1, toMs: 4, frames: 3, bytes: 900, cause: 'spool-full' }],
    inventories: [{ agentId: agentA, atMs: 5, body: { sections: { os: [{ name: 'Kylin' }] } } }],
    incidents: [incidentOf()],
    outbox: [outboxOf()],
    spans: [{ kind: 'spans', subject: webSubject, fromMs: 1_000, isCorrection: false, spans: [down] }],
  }),
);
await store.commit(
  batchOf({
    spans: [{ kind: 'spans', subject: webSubject, fromMs: 1_000, isCorrection: true, spans: [{ ...down, reason: 'SLOW' }] }],
  }),
);

const page = { limit: 10, cursor: null };
const always = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
/** Every JSON column but the engine's state, and what reads it. */
const readers: Readonly<Record<string, () => Promise<unknown>>> = {
  'correction.before_json': () => store.corrections(null, page),
  'correction.after_json': () => store.corrections(null, page),
  'result.values_json': () => store.results(webCheck, always, page),
  'outbox.incident_json': () => store.outboxOf(asId<'incident'>('inc-1')),
  'incident.incident_json': () => store.incident(asId<'incident'>('inc-1')),
  'maintenance.window_json': () => store.maintenance(),
  'gap.body_json': () => store.gaps(agentA, always),
  'inventory.body_json': () => store.inventory(agentA),
  'agent.record_json': () => store.agents(),
  'join_token.labels_json': () => store.joinTokens(),
};
const places = Object.keys(readers);
/** Somebody beside the collector who writes into its file. */
const beside = openHandle(join(folder, 'jiwei.db'), { busyMs: 1_000 });
beside.exec('pragma synchronous = off');
const originals = new Map(
  places.map((place) => {
    const [table, column] = place.split('.');
    const [row] = beside.prepare(`select ${column} as text, ${table}_sum as row_sum from ${table} limit 1`).all([]);
    return [place, { text: String(row?.['text']), sum: Number(row?.['row_sum']) }] as const;
  }),
);
const writers = new Map(
  places.map((place) => {
    const [table, column] = place.split('.');
    return [place, beside.prepare(`update ${table} set ${column} = ?, ${table}_sum = ?`)] as const;
  }),
);

/** One of each kind of entity that is stored, with the world it is of. */
const kinds = ['lane', 'check', 'asset', 'agent', 'incident', 'zone', 'wait', 'rule'];
const worldOf = new Map(kinds.map((kind) => [kind, livedWith(kind, 20_261_125)] as const));
const stateCorpus = [...worldOf].flatMap(([kind, { memory }]) =>
  [...memory.entities]
    .filter(([key]) => key.startsWith(`${kind}\n`))
    .slice(0, 4)
    .map(([key, text]) => joinParts([kind, key.slice(kind.length + 1), text], separator)),
);

const isRefusal = (error: unknown): boolean => error instanceof AppError && error.code === 'STORE_CORRUPT';

/** With its checksum as it was, nothing but what was written is ever given; without one, at least nothing that was never written. */
const readDamaged = async (place: string, text: string): Promise<void> => {
  const original = originals.get(place);
  const [write, read] = [writers.get(place), readers[place]];
  if (original === undefined || write === undefined || read === undefined) throw new Error(`no column ${place}`);
  try {
    write.run([text, original.sum]);
    let isTaken = true;
    try {
      await read();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      isTaken = false;
    }
    assert.equal(isTaken, text === original.text, 'a row that was changed is taken');
    write.run([text, null]);
    await read();
  } finally {
    write.run([original.text, original.sum]);
  }
};

const ticksMax = 30;

/** The engine goes on from a state of which one value is this. @returns effects of its first ticks */
const goOn = (kind: string, id: string, value: unknown): number => {
  const world = worldOf.get(kind);
  if (world === undefined) throw new Error(`no world with ${kind}`);
  checkEntities([{ entity: kind, id, value }]);
  const entities = new Map(world.memory.entities).set(`${kind}\n${id}`, JSON.stringify(value));
  const state = restoreFrom({ entities, spans: world.memory.spans }, world.config, world.atMs);
  let effects = 0;
  for (let ticks = 0; ticks < ticksMax; ticks += 1) {
    const dueMs = nextDeadlineMs(state);
    if (dueMs === null) break;
    effects += step(state, { kind: 'tick', atMs: Math.max(dueMs, state.nowMs) }).length;
  }
  return effects;
};

/** Rows of the database whose JSON was changed by something else than this program. */
export const target: FuzzTarget = {
  name: 'stored',
  corpus: [...places.map((place) => joinParts([place, originals.get(place)?.text ?? ''], separator)), ...stateCorpus],
  words: ['null', '"fromMs"', '"cycles"', '"incident"', '"state"', 'e999', '1e15', '-1', '"unknown"', '"__proto__"', '[]', '{}'],
  inputBytesMax: 16_384,
  separator,
  refusals: ['STORE_CORRUPT'],
  workMax: 2_000,
  boundedInputs: 1_200,
  run: async (bytes) => {
    const [place = '', ...rest] = partsOf(bytes, separator).map((part) => part.toString('utf8'));
    if (Object.hasOwn(readers, place)) {
      await readDamaged(place, rest.join(separator));
      return 0;
    }
    const kind = worldOf.has(place) ? place : (kinds[bytes.length % kinds.length] ?? '');
    const [id = '', ...texts] = rest;
    let value: unknown;
    try {
      value = JSON.parse(texts.join(separator));
    } catch {
      return 0;
    }
    return value === null ? 0 : goOn(kind, id, value);
  },
  close: async () => {
    beside.close();
    await store.close();
    rmSync(folder, { recursive: true });
  },
};
