// How fast the embedded store takes batches in. Run: node test/bench/store.bench.ts [folder on the disk to measure]
// Prints rows per second and bytes per row of batches as the runtime makes them; ends by itself after some seconds.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { asId } from '@jiwei/shared/ids.ts';
import type { CommitBatch, Store } from '../../collector/src/store/port.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { batchOf, frameOf, resultOf } from '../support/store-samples.ts';

const agentIds = Array.from({ length: 1_000 }, (_, index) => asId<'agent'>(`agent-${String(index).padStart(4, '0')}`));
const checkIds = Array.from({ length: 5_000 }, (_, index) => asId<'check'>(`check-${String(index).padStart(5, '0')}`));
const pick = <T>(list: readonly T[], index: number): T => {
  const item = list[index % list.length];
  if (item === undefined) throw new Error('the list is empty');
  return item;
};

type Make = (round: number) => { readonly rows: number; readonly batch: CommitBatch };
const startMs = 1_800_000_000_000;

// 100 series in one row take about 360 bytes (docs/performance.md); 3,000 bytes stand for a back-fill of some rows.
const frames =
  (bytes: number): Make =>
  (round) => ({
    rows: agentIds.length,
    batch: batchOf({
      atMs: startMs + round * 15_000,
      frames: agentIds.map((agentId) => {
        const atMs = startMs + round * 15_000;
        return frameOf({
          agentId,
          bootId: startMs,
          seq: round,
          firstAtMs: atMs,
          lastAtMs: atMs,
          body: new Uint8Array(bytes).fill(round),
        });
      }),
      positions: agentIds.map((agentId) => ({ agentId, bootId: startMs, seq: round })),
    }),
  });

const results: Make = (round) => ({
  rows: 10_000,
  batch: batchOf({
    results: Array.from({ length: 10_000 }, (_, index) =>
      resultOf({
        checkId: pick(checkIds, index),
        agentId: pick(agentIds, index),
        observedAtMs: startMs + round * 20_000 + index,
      }),
    ),
  }),
});

const spans: Make = (round) => ({
  rows: checkIds.length,
  batch: batchOf({
    spans: checkIds.map((id) => ({
      kind: 'spans',
      subject: { kind: 'check', id },
      fromMs: startMs + round,
      spans: [{ fromMs: startMs + round, status: round % 2 === 0 ? 'up' : 'down', reason: null, attributedTo: null }],
      isCorrection: false,
    })),
  }),
});

const entities: Make = (round) => ({
  rows: 10_000,
  batch: batchOf({
    entities: Array.from({ length: 10_000 }, (_, index) => ({
      entity: 'lane',
      id: `${pick(checkIds, index)}@${index}`,
      value: {
        status: 'up',
        sinceMs: startMs + round,
        run: { ofDown: 0, ofUp: round },
        last: { outcome: 'up', latencyMs: 12.5 },
      },
    })),
  }),
});

const small: Make = (round) => ({
  rows: 1,
  batch: batchOf({ frames: [frameOf({ agentId: pick(agentIds, 0), bootId: 1, seq: round })] }),
});

const measure = async (name: string, make: Make, rounds: number, store: Store): Promise<void> => {
  let rows = 0;
  let busyMs = 0;
  let longestMs = 0;
  const before = await store.sizeBytes();
  for (let round = 0; round < rounds; round += 1) {
    const made = make(round);
    const from = performance.now();
    await store.commit(made.batch);
    const tookMs = performance.now() - from;
    rows += made.rows;
    busyMs += tookMs;
    longestMs = Math.max(longestMs, tookMs);
  }
  const bytes = (await store.sizeBytes()) - before;
  const perSecond = Math.round((rows / busyMs) * 1_000);
  const commit = `${(busyMs / rounds).toFixed(2)} ms per commit, longest ${longestMs.toFixed(1)} ms`;
  console.log(`${name.padEnd(34)} ${String(perSecond).padStart(9)} rows/s  ${commit}, ${Math.round(bytes / rows)} bytes/row`);
};

const cases: readonly { readonly name: string; readonly make: Make; readonly rounds: number }[] = [
  { name: 'frames of 360 bytes, 1,000 agents', make: frames(360), rounds: 60 },
  { name: 'frames of 3,000 bytes, 1,000 agents', make: frames(3_000), rounds: 30 },
  { name: 'results, 10,000 a batch', make: results, rounds: 20 },
  { name: 'span changes, 5,000 a batch', make: spans, rounds: 20 },
  { name: 'entities, 10,000 a batch', make: entities, rounds: 10 },
  { name: 'one frame a batch', make: small, rounds: 500 },
];
const folder = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'store-bench-'));
try {
  for (const [index, { name, make, rounds }] of cases.entries()) {
    const store = await openSqliteStore({ path: join(folder, `${index}.db`) });
    await measure(name, make, rounds, store);
    await store.close();
  }
} finally {
  await rm(folder, { recursive: true });
}
