// Commits batch after batch and writes the number of each to stdout once the commit returned; the parent kills it at a moment of its own.
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { agentA, batchOf, frameOf, resultOf } from './store-samples.ts';

const [, , path = ''] = process.argv;
const store = await openSqliteStore({ path });
const resultsPerBatch = 50;
const first = ((await store.positions())[0]?.seq ?? -1) + 1;
for (let seq = first; ; seq += 1) {
  await store.commit(
    batchOf({
      frames: [frameOf({ seq, firstAtMs: seq, lastAtMs: seq, body: new Uint8Array(2_000).fill(seq % 256) })],
      positions: [{ agentId: agentA, bootId: 1, seq }],
      results: Array.from({ length: resultsPerBatch }, (_, index) => resultOf({ observedAtMs: seq * resultsPerBatch + index })),
    }),
  );
  writeSync(1, `${seq}\n`);
}
