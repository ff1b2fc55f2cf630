import { asId } from '@jiwei/shared/ids.ts';
import type { Store } from '../../collector/src/store/port.ts';
import {
  agentA,
  agentB,
  agentOf,
  batchOf,
  entryOf,
  frameOf,
  incidentOf,
  outboxOf,
  resultOf,
  tokenOf,
  webCheck,
  webSubject,
} from './store-samples.ts';

export const everything = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
export const page = { limit: 1_000, cursor: null };
const reasons = ['TIMEOUT', 'CONNECTION_REFUSED'] as const;

/** Something in every table that a batch writes, with enough of the large ones to fill several pages. */
export const fill = async (store: Store, first: number): Promise<void> => {
  const numbers = Array.from({ length: 40 }, (_, index) => first + index);
  await store.commit(
    batchOf({
      frames: numbers.map((seq) => frameOf({ seq, firstAtMs: seq, lastAtMs: seq, body: new Uint8Array(300).fill(seq) })),
      dictionaries: [{ agentId: agentA, bootId: 1, firstIndex: 0, bytes: new Uint8Array(500).fill(9) }],
      results: numbers.map((seq) => resultOf({ observedAtMs: seq, latencyMs: seq / 7, values: { 'x{a="b"}': seq } })),
      gaps: [{ agentId: agentA, receivedAtMs: 5, fromMs: 1, toMs: 4, frames: 3, bytes: 900, cause: 'spool-full' }],
      inventories: [{ agentId: agentA, atMs: 5, body: { sections: { os: [{ name: 'Kylin' }] } } }],
      positions: [
        { agentId: agentA, bootId: 1, seq: first + 39 },
        { agentId: agentB, bootId: 7, seq: first },
      ],
      entities: numbers.map((number) => ({ entity: 'lane', id: `web@${number}`, value: { sinceMs: number, text: '税务局' } })),
      spans: numbers.map((number) => ({
        kind: 'spans' as const,
        subject: webSubject,
        fromMs: number * 1_000,
        isCorrection: number % 5 === 0,
        spans: [
          { fromMs: number * 1_000, status: 'down' as const, reason: reasons[number % 2] ?? 'TIMEOUT', attributedTo: null },
          { fromMs: number * 1_000 + 500, status: 'up' as const, reason: null, attributedTo: null },
        ],
      })),
      incidents: [incidentOf()],
      timeline: [entryOf({ number: first + 1 })],
      outbox: [outboxOf({ id: asId<'notification'>(`inc-1.${first}.firing.duty`) })],
    }),
  );
};

/** Something in the other tables. */
export const fillRest = async (store: Store): Promise<void> => {
  await store.saveAgent(agentOf());
  await store.saveJoinToken(tokenOf());
  await store.saveDeclaration({ appliedAtMs: 5, appliedBy: '王', source: 'a.yaml', text: 'zones: [{ id: east }]\n'.repeat(20) });
  await store.saveMaintenance([
    {
      ...{ id: asId<'maintenance'>('m-1'), fromMs: 100, toMs: 200, assetIds: [], unitIds: [], zoneIds: [asId<'zone'>('east')] },
      ...{ reason: '升级', approvedBy: '李', approvedAtMs: 50, cancelledAtMs: null },
    },
  ]);
  await store.saveSetting('adminTokenHash', 'a'.repeat(64));
};

/** All the port gives back; no detour around it, since only what comes out of it can be a wrong figure. */
export const contentOf = async (store: Store): Promise<unknown> => ({
  entities: await store.entities(),
  positions: await store.positions(),
  spansSince: await store.spansSince(0),
  spans: await store.spans([webSubject], everything),
  latestFrames: await store.latestFrames(),
  frames: await store.frames(agentA, everything, 1_000),
  dictionaries: await store.dictionaries(agentA, 1),
  agents: await store.agents(),
  inventory: await store.inventory(agentA),
  declaration: await store.declaration(),
  declarations: await store.declarations(page),
  maintenance: await store.maintenance(),
  corrections: await store.corrections(null, page),
  results: await store.results(webCheck, everything, page),
  latestResults: await store.latestResults(),
  gaps: await store.gaps(agentA, everything),
  incident: await store.incident(asId<'incident'>('inc-1')),
  incidents: await store.incidents({}, page),
  timeline: await store.timeline(asId<'incident'>('inc-1')),
  outbox: await store.outboxOf(asId<'incident'>('inc-1')),
  outboxNextAtMs: await store.outboxNextAtMs(),
  setting: await store.setting('adminTokenHash'),
});
