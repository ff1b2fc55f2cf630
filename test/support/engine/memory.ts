import type { AssetId, CheckId } from '@jiwei/shared/ids.ts';
import type { EngineConfig } from '../../../collector/src/engine/config.ts';
import type { Effect, Span, SpanPatch, Subject } from '../../../collector/src/engine/effect.ts';
import { restoreState, type SavedSpan } from '../../../collector/src/engine/restore.ts';
import type { EngineState } from '../../../collector/src/engine/state.ts';
import { joinEqual } from '../../../collector/src/store/span-log.ts';

/** What a store keeps of effects, by the same rules, as JSON texts and spans. */
export interface Memory {
  readonly entities: Map<string, string>;
  readonly spans: Map<string, readonly Span[]>;
}

export const createMemory = (): Memory => ({ entities: new Map(), spans: new Map() });

const keyOf = (subject: Subject): string => `${subject.kind}\n${subject.id}`;

/** @throws when the patch is not one the store would take */
const applyPatch = (memory: Memory, patch: SpanPatch): void => {
  const key = keyOf(patch.subject);
  if (patch.spans[0]?.fromMs !== patch.fromMs) throw new Error(`${key}: the first span does not begin the patch`);
  const before = (memory.spans.get(key) ?? []).filter((span) => span.fromMs < patch.fromMs);
  memory.spans.set(key, joinEqual([...before, ...patch.spans]));
};

/** Keeps what the effects say. @returns the effects without entities that are what they were */
export const keepEffects = (memory: Memory, effects: readonly Effect[]): readonly Effect[] =>
  effects.filter((effect) => {
    if (effect.kind === 'spans') applyPatch(memory, effect);
    if (effect.kind !== 'entity') return true;
    const key = `${effect.entity}\n${effect.id}`;
    const before = memory.entities.get(key);
    const after = effect.value === null ? undefined : JSON.stringify(effect.value);
    if (after === undefined) memory.entities.delete(key);
    else memory.entities.set(key, after);
    return before !== after;
  });

/** The state as a restart would build it. */
export const restoreFrom = (memory: Memory, config: EngineConfig, atMs: number): EngineState => {
  const entities = [...memory.entities].sort().map(([key, text]) => {
    const [entity = '', id = ''] = key.split('\n');
    return { entity, id, value: JSON.parse(text) as unknown };
  });
  const spans = [...memory.spans].sort().flatMap(([key, own]): SavedSpan[] => {
    const [kind, id = ''] = key.split('\n');
    const subject: Subject =
      kind === 'asset' ? { kind, id: id as AssetId } : kind === 'check' ? { kind, id: id as CheckId } : { kind: 'lane', id };
    return own.map((span) => ({ ...span, subject }));
  });
  return restoreState(config, entities, spans, atMs);
};

/** A copy that later effects do not change. */
export const copyMemory = (memory: Memory): Memory => ({ entities: new Map(memory.entities), spans: new Map(memory.spans) });
