import type { CommitBatch } from '../../collector/src/store/port.ts';

/** A commit of the parts given and nothing else. */
export const batchOf = (atMs: number, parts: Partial<CommitBatch>): CommitBatch => ({
  atMs,
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
  ...parts,
});
