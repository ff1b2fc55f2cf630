import { setImmediate as nextTurn } from 'node:timers/promises';
import { type EpochMs, minuteMs } from '@jiwei/shared/time.ts';
import type { LiveView } from '../engine/view.ts';
import type { CheckFamilies } from './check-families.ts';
import { ChunkWriter, prepare } from './chunk-writer.ts';
import { type AgentSeries, type Fleet, type FleetFamily, formOf, type SeriesForm, type SeriesShape } from './fleet.ts';
import { createPass, type FleetPass, gather, layOut, type PassRegion } from './fleet-pass.ts';
import type { EscapingScheme } from './name-escaping.ts';
import { createNameWriter, type NameWriter } from './name-writer.ts';
import { type ExpositionFormat, endText, type FamilyHead, headText, sampleText } from './text-format.ts';

/** A value older than this no longer says anything; Prometheus looks back as far. */
export const staleAfterMs = 5 * minuteMs;
/** Series looked at between two turns of the event loop, wanted or not: less than a millisecond of work. */
const seriesPerTurn = 16_384;
/** Chunks written between two turns, of some 700 lines each. */
const chunksPerTurn = 4;
/** Series one pass gathers: at most 12 MiB with times. */
const seriesPerPass = 2 ** 19;
/** What a line takes beside its labels: value, time, spaces. */
const numbersBytesMax = 80;
/** Forms of one scrape kept beside those prepared; past it they are made anew. About a MiB; a host has some hundred shapes. */
const renamedMax = 4_096;
/** Stands where the label of the agent goes. */
const instanceHole = 'instance=""';
const holePattern = /(?<=[{,])instance=""/;
const space = 32;
const lineFeed = 10;

export interface FleetExpositionOptions {
  readonly fleet: Fleet;
  readonly view: LiveView;
  readonly nowMs: EpochMs;
  readonly format: ExpositionFormat;
  readonly escaping: EscapingScheme;
  /** Write the time of each value; else it counts as of the scrape. */
  readonly hasTimestamps: boolean;
  readonly checkFamilies: (view: LiveView) => Promise<CheckFamilies>;
}

/**
 * The latest host series of all connected agents and the latest answers to all checks, family by family. The formats want all series of a family
 * together, the memory wants all series of an agent together: so a pass over all agents gathers the values of as many families as fit into
 * some MiB, and then writes them. Memory is that of one pass whatever the fleet, and the event loop turns every millisecond.
 * A chunk is valid until the next one is asked for.
 */
export async function* fleetExposition(options: FleetExpositionOptions): AsyncGenerator<Buffer, void, undefined> {
  const { fleet, view, format } = options;
  const checks = await options.checkFamilies(view);
  const families = new Map<string, ScrapedFamily>();
  for (const host of fleet.families()) families.set(host.name, { host, seriesCount: host.seriesCount, head: host });
  for (const [name, { head }] of checks) if (!families.has(name)) families.set(name, { host: null, seriesCount: 0, head });
  const names = createNameWriter(options.escaping, families.keys());
  const shown = new Set([...families.keys()].map(names.family));
  const isTaken = (name: string): boolean => shown.has(name);
  const groups = groupsOf([...families.values()].sort((left, right) => (left.head.name < right.head.name ? -1 : 1)));
  const scrape = begin(options, groups, names);
  const { agents, writer, pass } = scrape;

  for (const group of groups) {
    layOut(pass, group.filter(isHosts));
    const written = new Set<ScrapedFamily>();
    let next = 0;
    do {
      next = await gatherFrom(scrape, next);
      for (const family of group) {
        const region = family.host === null ? undefined : pass.regions[family.host.number];
        const samples = next < agents.length ? [] : (checks.get(family.head.name)?.samples ?? []);
        // A family none of whose agents is there any more is not mentioned at all.
        if ((region === undefined || region.start === region.end) && samples.length === 0) continue;
        if (!written.has(family)) {
          writer.text(headText({ ...family.head, name: names.family(family.head.name) }, format, isTaken));
        }
        written.add(family);
        if (region !== undefined) yield* hostLines(scrape, region);
        yield* checkLines(scrape, samples);
      }
    } while (next < agents.length);
  }
  writer.text(endText(format));
  const rest = writer.take();
  if (rest !== null) yield rest;
}

interface ScrapedFamily {
  readonly host: FleetFamily | null;
  /** When the scrape began. */
  readonly seriesCount: number;
  readonly head: FamilyHead;
}

const isHosts = (family: ScrapedFamily): family is ScrapedFamily & { readonly host: FleetFamily } => family.host !== null;

/** Families in order, as many together as have about seriesPerPass series; a family is never divided. */
const groupsOf = (families: readonly ScrapedFamily[]): readonly (readonly ScrapedFamily[])[] => {
  const groups: ScrapedFamily[][] = [];
  let seriesCount = Number.POSITIVE_INFINITY;
  for (const family of families) {
    if (seriesCount + family.seriesCount > seriesPerPass) {
      groups.push([]);
      seriesCount = 0;
    }
    groups.at(-1)?.push(family);
    seriesCount += family.seriesCount;
  }
  return groups;
};

/** What one scrape works with. */
interface Scrape {
  readonly options: FleetExpositionOptions;
  readonly names: NameWriter;
  /** Forms made for a scheme that is not prepared. */
  readonly renamed: Map<SeriesShape, SeriesForm>;
  /** Those connected when it began: one that comes again meanwhile, with a new boot, is another one, and waits for the next scrape. */
  readonly agents: readonly AgentSeries[];
  /** How many series each of them had. */
  readonly seriesCounts: Uint32Array;
  /** All `instance="…"` one after the other, and where each begins; one more for the end. */
  readonly instances: DataView;
  readonly instanceFrom: Uint32Array;
  readonly pass: FleetPass;
  readonly writer: ChunkWriter;
  /** Handed on so far. */
  chunkCount: number;
}

const begin = (options: FleetExpositionOptions, groups: readonly (readonly ScrapedFamily[])[], names: NameWriter): Scrape => {
  const { fleet, view, hasTimestamps } = options;
  const agents = [...fleet.agents()].filter(({ agentId }) => view.agent(agentId)?.connection === 'connected');
  const instanceFrom = new Uint32Array(agents.length + 1);
  for (const [place, { instance }] of agents.entries()) instanceFrom[place + 1] = (instanceFrom[place] ?? 0) + instance.length;
  const largest = groups.reduce(
    (most, group) =>
      Math.max(
        most,
        group.reduce((sum, { seriesCount }) => sum + seriesCount, 0),
      ),
    0,
  );
  return {
    options,
    names,
    renamed: new Map(),
    agents,
    seriesCounts: Uint32Array.from(agents, ({ shapes }) => shapes.length),
    instances: prepare(...agents.map(({ instance }) => instance)),
    instanceFrom,
    pass: createPass(Math.min(largest, seriesPerPass), fleet.shapeCount(), hasTimestamps),
    writer: new ChunkWriter(),
    chunkCount: 0,
  };
};

/** Gathers from the agent `first` on until all were asked or a family that has the pass to itself might not fit; returns the next agent. */
const gatherFrom = async (scrape: Scrape, first: number): Promise<number> => {
  const { options, agents, seriesCounts, pass } = scrape;
  const regions = pass.regions.filter((region) => region !== undefined);
  const alone = regions.length === 1 ? regions[0] : undefined;
  for (const region of regions) region.end = region.start;
  let lookedCount = 0;
  for (let place = first; place < agents.length; place += 1) {
    const agent = agents[place];
    const seriesCount = seriesCounts[place] ?? 0;
    if (agent === undefined) continue;
    if (alone !== undefined && alone.end > alone.start && alone.end + seriesCount > alone.limit) return place;
    gather(pass, { agent, place, seriesCount }, options.nowMs - staleAfterMs);
    lookedCount += seriesCount;
    if (lookedCount < seriesPerTurn) continue;
    lookedCount = 0;
    await nextTurn();
  }
  return agents.length;
};

async function* hostLines(scrape: Scrape, region: PassRegion): AsyncGenerator<Buffer, void, undefined> {
  for (let place = region.start; place < region.end; ) {
    place = writeLines(scrape, place, region.end);
    if (!scrape.writer.isFull) return;
    const chunk = scrape.writer.take();
    if (chunk !== null) yield chunk;
    scrape.chunkCount += 1;
    if (scrape.chunkCount % (isPrepared(scrape.options.escaping) ? chunksPerTurn : 1) === 0) await nextTurn();
  }
}

async function* checkLines(
  { options: { format, hasTimestamps }, names, writer }: Scrape,
  samples: NonNullable<ReturnType<CheckFamilies['get']>>['samples'],
): AsyncGenerator<Buffer, void, undefined> {
  for (const sample of samples) {
    writer.text(sampleText(hasTimestamps ? sample : { ...sample, atMs: null }, sample.name, names, format));
    if (!writer.isFull) continue;
    const chunk = writer.take();
    if (chunk !== null) yield chunk;
    await nextTurn();
  }
}

/** Lines of a pass from `first` on, until the chunk is full or `end` is reached; returns the next place. Measured hot path. */
const writeLines = (scrape: Scrape, first: number, end: number): number => {
  const { options, pass, writer, instances, instanceFrom } = scrape;
  const { shapes, shapesByNumber, agents, values, atMs } = pass;
  const isText = options.format === 'text';
  const isQuoted = options.escaping === 'allow-utf-8';
  const isDots = options.escaping === 'dots';
  const isRenamed = !isPrepared(options.escaping);
  let place = first;
  for (; place < end && !writer.isFull; place += 1) {
    const agentPlace = agents[place] ?? 0;
    const shape = shapesByNumber[shapes[place] ?? 0];
    const from = instanceFrom[agentPlace] ?? 0;
    const instanceBytes = (instanceFrom[agentPlace + 1] ?? 0) - from;
    if (!shape) continue;
    let form: SeriesForm = shape;
    if (isQuoted) form = shape.quoted ?? shape;
    else if (isRenamed && (shape.quoted !== null || isDots)) form = renamedForm(scrape, shape);
    const { text, headBytes, tailBytes } = form;
    writer.reserve(headBytes + instanceBytes + tailBytes + numbersBytesMax);
    writer.copy(text, 0, headBytes);
    writer.copy(instances, from, instanceBytes);
    writer.copy(text, headBytes, tailBytes);
    writer.value(values[place] ?? Number.NaN);
    if (options.hasTimestamps) {
      writer.byte(space);
      const valueAtMs = Math.round(atMs[place] ?? 0);
      writer.value(isText ? valueAtMs : valueAtMs / 1000);
    }
    writer.byte(lineFeed);
  }
  return place;
};

/** Whether each shape holds its form in the scheme. */
const isPrepared = (escaping: EscapingScheme): boolean => escaping === 'allow-utf-8' || escaping === 'values';

/** Made when it is needed and kept for the lines of other agents: the schemes that lose what tells names apart are asked for rarely. */
const renamedForm = ({ names, renamed }: Scrape, shape: SeriesShape): SeriesForm => {
  const known = renamed.get(shape);
  if (known !== undefined) return known;
  const text = names.series(shape.key.replace('\n', instanceHole).trimEnd(), shape.family.name);
  // In a value each quote has a backslash before it, so that this is nowhere else.
  const [head = '', tail = ''] = text.split(holePattern);
  const form = formOf(`${head}\n${tail} `);
  if (renamed.size >= renamedMax) renamed.clear();
  renamed.set(shape, form);
  return form;
};
