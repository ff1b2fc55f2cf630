import { type AssetId, asId } from '@jiwei/shared/ids.ts';
import type { CheckConfig } from './config.ts';
import { descendantsOf, statusSourcesOf } from './config-index.ts';
import type { Span } from './effect.ts';
import { unaskedHistory, wasUnasked } from './lane.ts';
import type { EngineState } from './state.ts';
import { emptyTimeline, overlay, rewrite, type Timeline, wasDownSince } from './timeline.ts';
import { type Dirt, revise, soil, type Turn } from './turn.ts';

type Decided = Omit<Span, 'fromMs'>;

const nothingKnown: Decided = { status: 'unknown', reason: null, attributedTo: null };

/**
 * What a check is when its lanes say this: down when at least the quorum of those that know says down; degraded when any of them is not
 * plainly up; unknown when none knows. Nobody present is no agreement.
 */
export const checkStatusOf = (parts: readonly (Span | null)[], quorum: number | null): Decided | null => {
  const present = parts.filter((part) => part !== null);
  if (present.length === 0) return null;
  const known = present.filter((part) => part.status !== 'unknown');
  if (known.length === 0) return nothingKnown;
  const down = known.filter((part) => part.status === 'down');
  const needed = quorum ?? Math.floor(known.length / 2) + 1;
  const [firstDown] = down;
  if (firstDown !== undefined && down.length >= needed) return { status: 'down', reason: firstDown.reason, attributedTo: null };
  const worse = firstDown ?? known.find((part) => part.status === 'degraded');
  return worse === undefined
    ? { status: 'up', reason: null, attributedTo: null }
    : { status: 'degraded', reason: worse.reason, attributedTo: null };
};

/**
 * What an asset is when its critical checks are this: the worst of those that know something. One unknown check beside a good one leaves the
 * asset good, because its people can work as far as anybody can tell; it is unknown only when no check knows anything.
 * @param ancestors present spans of its parents, nearest first; a down is attributed to the first of them that is down too
 */
export const assetStatusOf = (
  sources: readonly (Span | null)[],
  ancestors: readonly { readonly id: AssetId; readonly span: Span | null }[],
): Decided | null => {
  const present = sources.filter((part) => part !== null);
  if (present.length === 0) return null;
  for (const status of ['down', 'degraded', 'up'] as const) {
    const found = present.find((part) => part.status === status);
    if (found === undefined) continue;
    const parent = status === 'down' ? ancestors.find(({ span }) => span?.status === 'down') : undefined;
    return { status, reason: found.reason, attributedTo: parent?.id ?? null };
  }
  return nothingKnown;
};

/** The history of a check or built-in check, made when it is first needed. */
export const checkTimeline = (state: EngineState, id: string): Timeline => {
  const known = state.checks.get(id);
  if (known !== undefined) return known;
  const made = emptyTimeline();
  state.checks.set(id, made);
  return made;
};

/** The history of an asset, made when it is first needed. */
export const assetTimeline = (state: EngineState, id: AssetId): Timeline => {
  const known = state.assets.get(id);
  if (known !== undefined) return known;
  const made = emptyTimeline();
  state.assets.set(id, made);
  return made;
};

/**
 * Whose word counts: an agent that is no longer asked speaks until one that is asked knows something, so that handing a check over neither
 * makes a gap nor lets the old agent outvote the new one.
 * @param parts what each lane says
 * @param isRetired for each lane, whether its agent was no longer asked by then
 */
export const votesOf = (parts: readonly (Span | null)[], isRetired: readonly boolean[]): readonly (Span | null)[] => {
  const isKnown = parts.some((part, lane) => isRetired[lane] !== true && part !== null && part.status !== 'unknown');
  return isKnown ? parts.filter((_, lane) => isRetired[lane] !== true) : parts;
};

/** No correction reaches back to where the history itself, or one it is made of, was dropped from memory. */
const floorOf = (dirt: Dirt, timelines: Iterable<Timeline | undefined>): number => {
  let fromMs = dirt.fromMs;
  for (const timeline of timelines) fromMs = Math.max(fromMs, timeline?.floorMs ?? 0);
  return fromMs;
};

const hasBegun = (timeline: Timeline, atMs: number): boolean => (timeline.spans[0]?.fromMs ?? Number.POSITIVE_INFINITY) <= atMs;

const settleCheck = (turn: Turn, check: CheckConfig, dirt: Dirt): void => {
  const { state } = turn;
  const timeline = checkTimeline(state, check.id);
  // Those of agents that no longer ask it included, while they may still send what they kept.
  const lanes = state.lanesOf.get(check.id) ?? [];
  const inputs = lanes.map((lane) => lane.timeline.spans);
  // Whom it was asked from is a history of its own: each instant at which that changed may change the check.
  const isHandedOver = lanes.some((lane) => wasUnasked(lane.state));
  const ends = isHandedOver ? lanes.map((lane) => unaskedHistory(lane.state)) : [];
  const fromMs = floorOf(dirt, [timeline, ...lanes.map((lane) => lane.timeline)]);
  const isBegun = hasBegun(timeline, fromMs);
  const spans = overlay(fromMs, [...inputs, ...ends], (parts) => {
    const said = parts.slice(0, lanes.length);
    const votes = isHandedOver
      ? votesOf(
          said,
          parts.slice(lanes.length).map((end) => end?.status === 'unknown'),
        )
      : said;
    return checkStatusOf(votes, check.quorum) ?? (isBegun ? nothingKnown : null);
  });
  turn.assess.add(check.assetId);
  if (spans.length === 0) return;
  const moved = revise(turn, { kind: 'check', id: check.id }, timeline, dirt.isCorrection, (own) => rewrite(own, fromMs, spans));
  if (moved !== null && check.critical) soil(turn.dirtyAssets, check.assetId, moved);
};

const settleAsset = (turn: Turn, assetId: AssetId, dirt: Dirt): void => {
  const { state } = turn;
  if (!state.config.assets.has(assetId)) return;
  const sources = statusSourcesOf(state.index, assetId);
  const ancestorIds = state.index.ancestorsOf.get(assetId) ?? [];
  const timeline = assetTimeline(state, assetId);
  turn.assess.add(assetId);
  const inputs = [...sources.map((id) => state.checks.get(id)), ...ancestorIds.map((id) => state.assets.get(id))];
  const fromMs = floorOf(dirt, [timeline, ...inputs]);
  // Where nothing decides it any more (its checks were taken away), what it was last must not go on for ever.
  const isBegun = hasBegun(timeline, fromMs);
  const spans = overlay(
    fromMs,
    inputs.map((input) => input?.spans ?? []),
    (parts) => {
      const own = parts.slice(0, sources.length);
      const ancestors = ancestorIds.map((id, at) => ({ id, span: parts[sources.length + at] ?? null }));
      return assetStatusOf(own, ancestors) ?? (isBegun ? nothingKnown : null);
    },
  );
  // Only its parents' past came to light, from before anything was known of it.
  if (spans.length === 0) return;
  const moved = revise(turn, { kind: 'asset', id: assetId }, timeline, dirt.isCorrection, (own) => rewrite(own, fromMs, spans));
  if (moved === null || !state.index.childrenOf.has(assetId)) return;
  // A down is attributed to the nearest ancestor that was down, which need not be a parent: everything below is looked at, but only
  // what was down itself can change by this.
  for (const belowId of descendantsOf(state.index, assetId)) {
    if (wasDownSince(state.assets.get(belowId)?.spans ?? [], moved.fromMs)) soil(turn.dirtyAssets, belowId, moved);
  }
};

/** Computes anew what was soiled: checks first, then assets from the parents downwards. */
export const settleHistories = (turn: Turn): void => {
  const { state } = turn;
  for (const [checkId, dirt] of [...turn.dirtyChecks].sort(byKey)) {
    const check = state.config.checks.get(asId<'check'>(checkId));
    if (check !== undefined) settleCheck(turn, check, dirt);
  }
  turn.dirtyChecks.clear();
  const depthOf = (id: AssetId): number => state.index.depthOf.get(id) ?? 0;
  // Level by level: an asset only ever soils what is below it, which lies deeper.
  while (turn.dirtyAssets.size > 0) {
    const dirty = [...turn.dirtyAssets];
    const depth = dirty.reduce((least, [id]) => Math.min(least, depthOf(id)), Number.POSITIVE_INFINITY);
    for (const [id, dirt] of dirty.filter(([assetId]) => depthOf(assetId) === depth).sort(byKey)) {
      turn.dirtyAssets.delete(id);
      settleAsset(turn, id, dirt);
    }
  }
};

const byKey = <T>(a: readonly [string, T], b: readonly [string, T]): number => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
