import type { AgentId } from '@jiwei/shared/ids.ts';
import { decodeDictionary } from '@jiwei/shared/protocol/dictionary.ts';
import { decodeSamples, type SampleRow } from '@jiwei/shared/protocol/samples.ts';
import type { Series } from '@jiwei/shared/series.ts';
import { showSamples } from '../engine/restore.ts';
import type { EngineState } from '../engine/state.ts';
import type { Store, StoredFrame } from '../store/port.ts';
import { type AgentDictionary, addSeries, createIntake, type Intake, ruleSamplesOf } from './intake.ts';

/** Where the latest rows go that were known before the restart. */
export interface LatestRows {
  onSeries(agentId: AgentId, bootId: number, firstIndex: number, series: readonly Series[]): void;
  onRows(agentId: AgentId, bootId: number, rows: readonly SampleRow[], offsetMs: number): void;
}

/**
 * Rebuilds what the writer remembers of the agents' streams from the store, so that rules and the latest values go on where they were:
 * positions, the dictionary in use, and the newest row of each agent.
 */
export const recallIntake = async (
  store: Store,
  ruleNames: ReadonlySet<string>,
  latest: LatestRows,
): Promise<{ intake: Intake; frames: readonly StoredFrame[] }> => {
  const intake = createIntake();
  intake.ruleNames = ruleNames;
  for (const { agentId, bootId, seq } of await store.positions()) intake.positions.set(agentId, { bootId, seq });
  const frames = await store.latestFrames();
  for (const frame of frames) {
    const dictionary: AgentDictionary = { bootId: frame.bootId, series: [], ruleSeries: [] };
    for (const { bytes } of await store.dictionaries(frame.agentId, frame.bootId)) {
      const { firstIndex, series } = decodeDictionary(bytes);
      const fresh = series.slice(Math.max(0, dictionary.series.length - firstIndex));
      const at = dictionary.series.length;
      addSeries(dictionary, frame.agentId, fresh, ruleNames);
      latest.onSeries(frame.agentId, frame.bootId, at, fresh);
    }
    intake.dictionaries.set(frame.agentId, dictionary);
    latest.onRows(frame.agentId, frame.bootId, decodeSamples(frame.body).slice(-1), frame.clockOffsetMs);
  }
  return { intake, frames };
};

/**
 * Shows the rules the newest rows again: they are not part of the engine's stored state, because the frames already hold them.
 * Nothing is decided by it, and what became due while the collector was away still waits for the first turn of the writer, which stores it.
 */
export const recallSamples = (state: EngineState, intake: Intake, frames: readonly StoredFrame[], atMs: number): void => {
  for (const frame of frames) {
    const dictionary = intake.dictionaries.get(frame.agentId);
    const row = decodeSamples(frame.body).at(-1);
    if (dictionary === undefined || row === undefined) continue;
    const samples = ruleSamplesOf(dictionary, row, Math.min(frame.lastAtMs, atMs));
    showSamples(state, samples);
  }
};
