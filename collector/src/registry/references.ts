import { limits } from '@jiwei/shared/limits.ts';
import type { z } from 'zod';
import { type Collector, mapOf, type Placed } from './collect.ts';
import type { CheckSource } from './declaration.ts';
import type { agentSchema, assetSchema, maintenanceSchema, routeSchema, unitSchema } from './items.ts';
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
  const names = [...known[kind]].slice(0, 5).join(', ');
  const hint = suggestion(id, known[kind]) || (names === '' ? `; no ${kind} is declared` : `; declared are ${names}`);
  collector.errors.push(collector.source.errorAt(path, `is "${id}", but no such ${kind} is declared${hint}`));
};

const checkReferences = (
  collector: Collector,
  known: KnownIds,
  kind: keyof KnownIds,
  ids: readonly string[],
  path: Path,
): void => {
  for (const [position, id] of ids.entries()) checkReference(collector, known, kind, id, [...path, position]);
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

/** Units: their zones. */
export const checkUnits = (
  collector: Collector,
  known: KnownIds,
  units: readonly Placed<z.output<typeof unitSchema>>[],
): void => {
  for (const { item, path } of units) checkReference(collector, known, 'zone', item.zone, [...path, 'zone']);
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

/** Assets: their units and parents, and that no asset depends on itself through others. A cycle is reported once, as a chain. */
export const checkAssets = (
  collector: Collector,
  known: KnownIds,
  assets: readonly Placed<z.output<typeof assetSchema>>[],
): void => {
  const parents = new Map<string, readonly string[]>(assets.map(({ item }) => [item.id, item.parents]));
  const reported = new Set<string>();
  for (const { item, path } of assets) {
    checkReference(collector, known, 'unit', item.unit, [...path, 'unit']);
    checkReferences(collector, known, 'asset', item.parents, [...path, 'parents']);
    if (item.parents.length === 0 || reported.has(item.id)) continue;
    const cycle = cycleThrough(item.id, parents);
    if (cycle === null) continue;
    for (const id of cycle) reported.add(id);
    collector.errors.push(
      collector.source.errorAt(
        [...path, 'parents'],
        `leads back to the asset itself: ${cycle.join(' → ')}; needs parents without a cycle`,
      ),
    );
  }
};

/** Agents: their assets and zones. */
export const checkAgents = (
  collector: Collector,
  known: KnownIds,
  agents: readonly Placed<z.output<typeof agentSchema>>[],
): void => {
  for (const { item, path } of agents) {
    if (item.asset !== undefined) checkReference(collector, known, 'asset', item.asset, [...path, 'asset']);
    if (item.zone !== undefined) checkReference(collector, known, 'zone', item.zone, [...path, 'zone']);
  }
};

/** Where a check is asked from. @param hostAssets assets some declared agent runs on */
export const checkFrom = (
  collector: Collector,
  known: KnownIds,
  source: CheckSource,
  assetId: string,
  hostAssets: ReadonlySet<string>,
  path: Path,
): void => {
  const from = [...path, 'from'];
  if (source.kind === 'agents') checkReferences(collector, known, 'agent', source.agentIds, [...from, 'agents']);
  if (source.kind === 'zone') checkReference(collector, known, 'zone', source.zoneId, [...from, 'zone']);
  if (source.kind === 'host' && known.asset.has(assetId) && !hostAssets.has(assetId)) {
    const message = `asks from the host of "${assetId}", but no declared agent runs on it; needs an entry of agents with asset: ${assetId}`;
    collector.errors.push(collector.source.errorAt(from, message));
  }
};

/** Maintenance windows: order and length of their times, and what they are for. */
export const checkMaintenance = (
  collector: Collector,
  known: KnownIds,
  windows: readonly Placed<z.output<typeof maintenanceSchema>>[],
): void => {
  for (const { item, path } of windows) {
    const fail = (key: string, message: string) => collector.errors.push(collector.source.errorAt([...path, key], message));
    if (item.to <= item.from) fail('to', 'is not after from; needs a later instant');
    else if (item.to - item.from > limits.maintenanceMsMax) {
      fail('to', `makes a window of ${Math.ceil((item.to - item.from) / 86_400_000)} days; needs at most 30 days`);
    }
    if (item.assets.length + item.units.length + item.zones.length === 0)
      fail('assets', 'is empty; needs at least one of assets, units or zones');
    checkReferences(collector, known, 'asset', item.assets, [...path, 'assets']);
    checkReferences(collector, known, 'unit', item.units, [...path, 'units']);
    checkReferences(collector, known, 'zone', item.zones, [...path, 'zones']);
  }
};

/** Routes: their notifiers and conditions. */
export const checkRoutes = (
  collector: Collector,
  known: KnownIds,
  routes: readonly Placed<z.output<typeof routeSchema>>[],
): void => {
  for (const { item, path } of routes) {
    checkReference(collector, known, 'notifier', item.notifier, [...path, 'notifier']);
    checkReferences(collector, known, 'zone', item.zones, [...path, 'zones']);
    checkReferences(collector, known, 'unit', item.units, [...path, 'units']);
    checkReferences(collector, known, 'asset', item.assets, [...path, 'assets']);
  }
};
