import { limits } from '@jiwei/shared/limits.ts';
import { type Collector, entriesAt, mapOf } from './collect.ts';
import { durationText } from './duration.ts';
import { parseInstantMs } from './instant.ts';
import type { Path } from './source.ts';
import { suggestion } from './suggest.ts';

/** All ids written in the file, by kind; those of wrong entries too, so that one mistake is reported once. */
export interface KnownIds {
  readonly zone: ReadonlySet<string>;
  readonly unit: ReadonlySet<string>;
  readonly asset: ReadonlySet<string>;
  readonly agent: ReadonlySet<string>;
  readonly notifier: ReadonlySet<string>;
}

const checkReference = (collector: Collector, known: KnownIds, kind: keyof KnownIds, id: string, path: Path): void => {
  if (known[kind].has(id)) return;
  // Far more errors than are shown: comparing each with every name would take seconds.
  const isShown = collector.errors.length < 2 * limits.declarationErrorsMax;
  const names = isShown ? [...known[kind]].slice(0, 5).join(', ') : '…';
  const hint =
    (isShown ? suggestion(id, known[kind]) : '') || (names === '' ? `; no ${kind} is declared` : `; declared are ${names}`);
  collector.errors.push(collector.source.errorAt(path, `is "${id}", but no such ${kind} is declared${hint}`));
};

/** The texts among a value, or among the entries of a list, with their places. What is no text was refused by its schema. */
const textsAt = (value: unknown, path: Path): { readonly text: string; readonly path: Path }[] => {
  if (typeof value === 'string') return [{ text: value, path }];
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: unknown, position) =>
    typeof entry === 'string' ? [{ text: entry, path: [...path, position] }] : [],
  );
};

/** Keys of the entries of each list that name something declared elsewhere in the file. */
const referenceKeys: Readonly<Record<string, Readonly<Record<string, keyof KnownIds>>>> = {
  units: { zone: 'zone' },
  assets: { unit: 'unit', parents: 'asset' },
  agents: { asset: 'asset', zone: 'zone' },
  checks: { asset: 'asset' },
  maintenance: { assets: 'asset', units: 'unit', zones: 'zone' },
  routes: { notifier: 'notifier', zones: 'zone', units: 'unit', assets: 'asset' },
};
const fromKeys = { agents: 'agent', zone: 'zone' } as const;

const checkKeys = (
  collector: Collector,
  known: KnownIds,
  value: unknown,
  path: Path,
  keys: Readonly<Record<string, keyof KnownIds>>,
): void => {
  const map = mapOf(value);
  for (const [key, kind] of Object.entries(keys)) {
    for (const { text, path: textPath } of textsAt(map.get(key), [...path, key]))
      checkReference(collector, known, kind, text, textPath);
  }
};

/** Every reference of the file, also those of entries that are wrong otherwise. */
export const checkAllReferences = (collector: Collector, known: KnownIds, keys: ReadonlyMap<string, unknown>): void => {
  for (const [list, listKeys] of Object.entries(referenceKeys)) {
    const entries: unknown = keys.get(list);
    if (!Array.isArray(entries)) continue;
    for (const [position, entry] of entries.entries()) {
      checkKeys(collector, known, entry, [list, position], listKeys);
      if (list === 'checks') checkKeys(collector, known, mapOf(entry).get('from'), [list, position, 'from'], fromKeys);
    }
  }
};

/** Two entries of a list with the same id. For units it says the rule that is meant most often. */
export const checkDuplicates = (collector: Collector, noun: string, list: unknown, path: Path): void => {
  if (!Array.isArray(list)) return;
  const first = new Map<unknown, number>();
  for (const [position, entry] of list.entries()) {
    const keys = mapOf(entry);
    const id = keys.get('id');
    if (typeof id !== 'string') continue;
    const earlier = first.get(id);
    if (earlier === undefined) {
      first.set(id, position);
      continue;
    }
    const zones = noun === 'unit' ? [mapOf(list[earlier]).get('zone'), keys.get('zone')] : [];
    const why =
      zones[0] === zones[1]
        ? ''
        : `, once in zone ${String(zones[0])} and once in zone ${String(zones[1])}; a unit lies in one zone`;
    collector.errors.push(
      collector.source.errorAt(
        [...path, position, 'id'],
        `is "${id}", which ${noun}s[${earlier}] has already${why}; needs an id of its own`,
      ),
    );
  }
};

/** The first cycle that leads through an asset, as the ids in order, or null. */
const cycleThrough = (start: string, parents: ReadonlyMap<string, readonly string[]>): readonly string[] | null => {
  const visited = new Set<string>();
  const open: (readonly string[])[] = [[start]];
  for (let chain = open.pop(); chain !== undefined; chain = open.pop()) {
    for (const parent of parents.get(chain.at(-1) ?? '') ?? []) {
      if (parent === start) return [...chain, start];
      if (visited.has(parent)) continue;
      visited.add(parent);
      open.push([...chain, parent]);
    }
  }
  return null;
};

/** No asset may depend on itself through others. A cycle is reported once, as a chain. */
export const checkCycles = (collector: Collector, assets: unknown): void => {
  const entries = (Array.isArray(assets) ? assets : []).map((entry: unknown) => mapOf(entry));
  const parents = new Map(
    entries.map((entry) => [String(entry.get('id')), textsAt(entry.get('parents'), []).map(({ text }) => text)]),
  );
  const reported = new Set<string>();
  for (const [position, entry] of entries.entries()) {
    const id = String(entry.get('id'));
    const cycle = reported.has(id) || (parents.get(id) ?? []).length === 0 ? null : cycleThrough(id, parents);
    if (cycle === null) continue;
    for (const member of cycle) reported.add(member);
    const message = `leads back to the asset itself: ${cycle.join(' → ')}; needs parents without a cycle`;
    collector.errors.push(collector.source.errorAt(['assets', position, 'parents'], message));
  }
};

/** Maintenance windows: order and length of their times, and that they are for something. */
export const checkMaintenance = (collector: Collector, maintenance: unknown): void => {
  if (!Array.isArray(maintenance)) return;
  for (const { item, path } of entriesAt(collector, maintenance, ['maintenance'])) {
    const window = mapOf(item);
    const fail = (key: string, message: string) => collector.errors.push(collector.source.errorAt([...path, key], message));
    // What is no instant gives NaN, which is neither before nor too long; its schema has refused it.
    const atMs = (key: string): number => parseInstantMs(String(window.get(key))) ?? Number.NaN;
    const lengthMs = atMs('to') - atMs('from');
    if (lengthMs <= 0) fail('to', 'is not after from; needs a later instant');
    if (lengthMs > limits.maintenanceMsMax) {
      fail('to', `makes a window of ${durationText(lengthMs)}; needs at most ${durationText(limits.maintenanceMsMax)}`);
    }
    const isForNothing = ['assets', 'units', 'zones'].every(
      (key) => Array.isArray(window.get(key) ?? []) && textsAt(window.get(key), []).length === 0,
    );
    if (isForNothing) fail('assets', 'is for nothing; needs at least one of assets, units or zones');
  }
};
