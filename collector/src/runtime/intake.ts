import type { CheckResult } from '@jiwei/shared/check.ts';
import type { AgentId, CheckId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import type { SampleRow } from '@jiwei/shared/protocol/samples.ts';
import type { Label, Series } from '@jiwei/shared/series.ts';
import { type EpochMs, minuteMs } from '@jiwei/shared/time.ts';
import type { EngineConfig } from '../engine/config.ts';
import type { EngineEvent, RuleSample } from '../engine/event.ts';
import type { Delivery } from '../ingest/delivery.ts';
import type { OpenBatch } from './batch.ts';
import type { RuntimeCounters } from './counters.ts';

/** A row older than this when it comes is history: rules look at the present only, and never tell about what is over. */
const ruleSampleAgeMsMax = 2 * minuteMs;

/** Series of one boot of one agent; a sparse hole cannot occur (the session refuses one). */
export interface AgentDictionary {
  readonly bootId: number;
  readonly series: Series[];
  /** By index: name and labels as rules see them, or null for a series no rule names. Grows with `series`. */
  readonly ruleSeries: ({ readonly name: string; readonly labels: readonly Label[] } | null)[];
}

/** What the writer remembers of the agents' streams. Mutated here alone. */
export interface Intake {
  /** Last frame taken in, per agent. */
  readonly positions: Map<AgentId, FramePosition>;
  /** Dictionary in use, per agent: that of the newest boot seen. */
  readonly dictionaries: Map<AgentId, AgentDictionary>;
  /** Names of all series some rule looks at. */
  ruleNames: ReadonlySet<string>;
}

export interface IntakeContext {
  readonly intake: Intake;
  readonly batch: OpenBatch;
  readonly config: EngineConfig;
  readonly counters: RuntimeCounters;
  readonly atMs: EpochMs;
  /** Whether the agent asked the check before: what it kept from then still counts after the check was given to another. */
  hasAsked(checkId: CheckId, agentId: AgentId): boolean;
  /** Called for every row of samples of the newest boot, for the latest-value store, after the commit. */
  onRows(agentId: AgentId, bootId: number, rows: readonly SampleRow[], offsetMs: number): void;
  onSeries(agentId: AgentId, bootId: number, firstIndex: number, series: readonly Series[]): void;
}

/** Is (bootId, seq) at or before the position? */
export const isStored = (position: FramePosition | undefined, frame: FramePosition): boolean =>
  position !== undefined && (frame.bootId < position.bootId || (frame.bootId === position.bootId && frame.seq <= position.seq));

/**
 * Puts one delivery into the batch and says what it means to the engine.
 * A repeated frame changes nothing, whatever it holds.
 */
export const takeIn = (context: IntakeContext, agentId: AgentId, delivery: Delivery): EngineEvent[] => {
  if (delivery.kind === 'dictionary') {
    takeDictionary(context, agentId, delivery);
    return [];
  }
  const { intake, batch, counters } = context;
  const before = intake.positions.get(agentId);
  if (isStored(before, delivery)) {
    counters.frameDuplicate();
    return [];
  }
  const missing = missingBefore(before, delivery);
  if (missing > 0) counters.framesMissing(missing);
  const position = { agentId, bootId: delivery.bootId, seq: delivery.seq };
  intake.positions.set(agentId, position);
  batch.positions.set(agentId, position);
  counters.frameStored(delivery.kind, delivery.messageBytes);
  switch (delivery.kind) {
    case 'samples':
      return takeSamples(context, agentId, delivery);
    case 'results':
      return takeResults(context, agentId, delivery);
    case 'gap':
      counters.framesDropped(delivery.gap.frames);
      batch.rows.gaps.push({ ...delivery.gap, agentId, receivedAtMs: context.atMs });
      return [];
    case 'inventory':
      batch.rows.inventories.push({ agentId, atMs: context.atMs, body: delivery.inventory });
      return [];
    default:
      return delivery satisfies never;
  }
};

/**
 * Frames that were numbered between the last one and this, or at the beginning of this boot, and did not come: the agent gave them up (a gap
 * frame tells), or they were acknowledged to a collector whose database is gone. What they said stays unknown.
 */
const missingBefore = (before: FramePosition | undefined, frame: FramePosition): number =>
  before?.bootId === frame.bootId ? frame.seq - before.seq - 1 : frame.seq;

const takeDictionary = (context: IntakeContext, agentId: AgentId, delivery: Extract<Delivery, { kind: 'dictionary' }>): void => {
  const { intake, batch } = context;
  const known = intake.dictionaries.get(agentId);
  const isNewBoot = known === undefined || delivery.bootId > known.bootId;
  const knownCount = known?.bootId === delivery.bootId ? known.series.length : 0;
  const lastIndex = delivery.firstIndex + delivery.series.length;
  // An agent names its series again on each connection; what is known already is neither kept nor stored twice.
  if (known?.bootId === delivery.bootId && lastIndex <= knownCount) return;
  batch.rows.dictionaries.push({ agentId, bootId: delivery.bootId, firstIndex: delivery.firstIndex, bytes: delivery.bytes });
  if (!isNewBoot && known?.bootId !== delivery.bootId) return;
  const dictionary = isNewBoot ? { bootId: delivery.bootId, series: [], ruleSeries: [] } : known;
  addSeries(dictionary, agentId, delivery.series.slice(Math.max(0, knownCount - delivery.firstIndex)), intake.ruleNames);
  intake.dictionaries.set(agentId, dictionary);
  context.onSeries(agentId, delivery.bootId, delivery.firstIndex, delivery.series);
};

/** Appends series to a dictionary in use. */
export const addSeries = (
  dictionary: AgentDictionary,
  agentId: AgentId,
  series: readonly Series[],
  ruleNames: ReadonlySet<string>,
): void => {
  for (const one of series) {
    dictionary.series.push(one);
    dictionary.ruleSeries.push(
      ruleNames.has(one.family.name) ? { name: one.family.name, labels: withInstance(one.labels, agentId) } : null,
    );
  }
};

/** New rules name other series: every dictionary is looked through again. */
export const setRuleNames = (intake: Intake, ruleNames: ReadonlySet<string>): void => {
  intake.ruleNames = ruleNames;
  for (const [agentId, dictionary] of intake.dictionaries) {
    const series = dictionary.series.splice(0);
    dictionary.ruleSeries.length = 0;
    addSeries(dictionary, agentId, series, ruleNames);
  }
};

/** An agent's own `instance` would say nothing here; the collector's word for it is its id, as a scrape's would be. */
const withInstance = (labels: readonly Label[], agentId: AgentId): readonly Label[] => {
  const others = labels.filter(([name]) => name !== 'instance');
  const at = others.findIndex(([name]) => name > 'instance');
  return others.toSpliced(at === -1 ? others.length : at, 0, ['instance', agentId]);
};

const takeSamples = (
  context: IntakeContext,
  agentId: AgentId,
  delivery: Extract<Delivery, { kind: 'samples' }>,
): EngineEvent[] => {
  const { intake, batch, counters, atMs } = context;
  const first = delivery.rows[0];
  const last = delivery.rows.at(-1);
  if (first === undefined || last === undefined) return [];
  batch.rows.frames.push({
    agentId,
    bootId: delivery.bootId,
    seq: delivery.seq,
    receivedAtMs: delivery.receivedAtMs,
    firstAtMs: Math.min(first.atMs + delivery.offsetMs, atMs),
    lastAtMs: Math.min(last.atMs + delivery.offsetMs, atMs),
    clockOffsetMs: delivery.offsetMs,
    body: delivery.body,
  });
  counters.samplesStored(delivery.rows.reduce((count, row) => count + row.indexes.length, 0));
  context.onRows(agentId, delivery.bootId, delivery.rows, delivery.offsetMs);
  const dictionary = intake.dictionaries.get(agentId);
  const observedAtMs = Math.min(last.atMs + delivery.offsetMs, atMs);
  if (dictionary?.bootId !== delivery.bootId || observedAtMs < atMs - ruleSampleAgeMsMax) return [];
  const samples = ruleSamplesOf(dictionary, last, observedAtMs);
  return samples.length === 0 ? [] : [{ kind: 'samples', atMs, agentId, samples }];
};

/** The samples of a row that some rule looks at. */
export const ruleSamplesOf = (dictionary: AgentDictionary, row: SampleRow, observedAtMs: EpochMs): RuleSample[] => {
  const samples: RuleSample[] = [];
  // Measured hot path: one pass over typed arrays, nothing made for the series no rule names.
  for (let position = 0; position < row.indexes.length; position += 1) {
    const series = dictionary.ruleSeries[row.indexes[position] ?? -1];
    if (series)
      samples.push({ name: series.name, labels: series.labels, value: row.values[position] ?? Number.NaN, observedAtMs });
  }
  return samples;
};

/**
 * Results as the engine may use them: times on our clock. Left out are results of checks that this agent was never asked for,
 * and those that say nothing about their target: an agent that may not ping is no outage.
 */
const takeResults = (
  context: IntakeContext,
  agentId: AgentId,
  delivery: Extract<Delivery, { kind: 'results' }>,
): EngineEvent[] => {
  const { batch, config, counters, atMs } = context;
  const telling: CheckResult[] = [];
  for (const raw of delivery.results) {
    const check = config.checks.get(raw.checkId);
    if (check === undefined || !(check.agentIds.includes(agentId) || context.hasAsked(check.id, agentId))) continue;
    const result = { ...raw, observedAtMs: Math.min(raw.observedAtMs + delivery.offsetMs, atMs) };
    batch.rows.results.push({ ...result, agentId, receivedAtMs: delivery.receivedAtMs });
    if (result.reason !== 'PROBE_ERROR' && result.reason !== 'NOT_PERMITTED') telling.push(result);
  }
  counters.resultsStored(telling.length);
  counters.resultsIgnored(delivery.results.length - telling.length);
  return telling.length === 0 ? [] : [{ kind: 'results', atMs, agentId, results: telling }];
};

/** Bound on agents is the registry's; this one guards against keeping streams of agents that were removed. */
export const forgetAgent = (intake: Intake, agentId: AgentId): void => {
  intake.positions.delete(agentId);
  intake.dictionaries.delete(agentId);
};

/** A memory of no stream at all. */
export const createIntake = (): Intake => ({ positions: new Map(), dictionaries: new Map(), ruleNames: new Set() });

/** Upper bound of one delivery's weight in the queue, for back-pressure. */
export const weightOf = (delivery: Delivery): number =>
  (delivery.kind === 'dictionary' ? delivery.bytes.length : delivery.messageBytes) + limits.labelNameBytesMax;
