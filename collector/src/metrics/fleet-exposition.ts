import { setImmediate as nextTurn } from 'node:timers/promises';
import { type EpochMs, minuteMs } from '@jiwei/shared/time.ts';
import type { LiveView } from '../engine/view.ts';
import type { CheckFamilies } from './check-families.ts';
import { ChunkWriter } from './chunk-writer.ts';
import type { AgentSeries, Fleet, FleetFamily } from './fleet.ts';
import { type ExpositionFormat, endText, type FamilyHead, headText, sampleText } from './text-format.ts';

/** A value older than this no longer says anything; Prometheus looks back as far. */
export const staleAfterMs = 5 * minuteMs;
/** Series looked at between two turns of the event loop, written or not: about a millisecond of work. */
const seriesPerTurn = 4_096;
/** Series whose lines one pass gathers: some 5 MiB. */
const seriesPerPass = 50_000;
/** A line, usually; the room first made for it. */
const lineBytesUsual = 96;
const sliceBytes = 64 * 1024;
const space = 32;
const lineFeed = 10;

export interface FleetExpositionOptions {
  readonly fleet: Fleet;
  readonly view: LiveView;
  readonly nowMs: EpochMs;
  readonly format: ExpositionFormat;
  /** Write the time of each value; else it counts as of the scrape. */
  readonly hasTimestamps: boolean;
  readonly checkFamilies: (view: LiveView) => Promise<CheckFamilies>;
}

/**
 * The latest host series of all connected agents and the latest answers to all checks, family by family. The formats want all series of a family
 * together, the memory wants all series of an agent together: so a pass over all agents gathers the lines of as many families as fit into
 * some MiB, and then hands them on. Memory is that of one pass whatever the fleet, and the event loop turns every millisecond.
 */
export async function* fleetExposition(options: FleetExpositionOptions): AsyncGenerator<Buffer, void, undefined> {
  const { fleet, view, format } = options;
  const checks = await options.checkFamilies(view);
  const families = new Map<string, ScrapedFamily>();
  for (const host of fleet.families()) families.set(host.name, { host, head: host });
  for (const [name, { head }] of checks) if (!families.has(name)) families.set(name, { host: null, head });
  const isTaken = (name: string): boolean => families.has(name);
  // The agents connected now: one that comes again meanwhile, with a new boot, is another one, and waits for the next scrape.
  const agents = [...fleet.agents()].filter(({ agentId }) => view.agent(agentId)?.connection === 'connected');

  for (const group of groupsOf([...families.values()].sort((left, right) => (left.head.name < right.head.name ? -1 : 1)))) {
    const writers = writersOf(group);
    const [only] = group;
    // A family that has a pass to itself may be too large to be gathered: its lines are handed on as they come.
    const alone = group.length === 1 && only?.host ? writers[only.host.number] : undefined;
    let isHeadWritten = false;
    let lookedCount = 0;
    for (const agent of agents) {
      writeAgent(options, agent, writers);
      if (only !== undefined && alone?.isFull) {
        if (!isHeadWritten) yield Buffer.from(headText(only.head, format, isTaken));
        isHeadWritten = true;
        yield* slices(alone.take());
      }
      lookedCount += agent.shapes.length;
      if (lookedCount < seriesPerTurn) continue;
      lookedCount = 0;
      await nextTurn();
    }
    for (const { host, head } of group) {
      const hostLines = (host === null ? undefined : writers[host.number])?.take() ?? null;
      const samples = checks.get(head.name)?.samples ?? [];
      // A family none of whose agents is there any more is not mentioned at all.
      if (hostLines === null && samples.length === 0) continue;
      if (!isHeadWritten) yield Buffer.from(headText(head, format, isTaken));
      yield* slices(hostLines);
      yield* checkChunks(options, samples);
      await nextTurn();
    }
  }
  const end = endText(format);
  if (end !== '') yield Buffer.from(end);
}

interface ScrapedFamily {
  readonly host: FleetFamily | null;
  readonly head: FamilyHead;
}

/** Families in order, as many together as have about seriesPerPass series; a family is never divided. */
const groupsOf = (families: readonly ScrapedFamily[]): readonly (readonly ScrapedFamily[])[] => {
  const groups: ScrapedFamily[][] = [];
  let seriesCount = Number.POSITIVE_INFINITY;
  for (const family of families) {
    const more = family.host?.seriesCount ?? 0;
    if (seriesCount + more > seriesPerPass) {
      groups.push([]);
      seriesCount = 0;
    }
    groups.at(-1)?.push(family);
    seriesCount += more;
  }
  return groups;
};

/** Where the lines of each family of the group go, by the family's number; nothing for families of other groups. */
const writersOf = (group: readonly ScrapedFamily[]): (ChunkWriter | undefined)[] => {
  const writers: (ChunkWriter | undefined)[] = [];
  for (const { host } of group)
    if (host !== null) writers[host.number] = new ChunkWriter(Math.min(host.seriesCount, seriesPerPass) * lineBytesUsual);
  return writers;
};

/** Parts of a family's lines that a slow reader can take one by one; views, not copies. */
function* slices(lines: Buffer | null): Generator<Buffer> {
  for (let from = 0; lines !== null && from < lines.length; from += sliceBytes) yield lines.subarray(from, from + sliceBytes);
}

async function* checkChunks(
  { format, hasTimestamps }: FleetExpositionOptions,
  samples: NonNullable<ReturnType<CheckFamilies['get']>>['samples'],
): AsyncGenerator<Buffer, void, undefined> {
  const writer = new ChunkWriter();
  for (const sample of samples) {
    writer.text(sampleText(hasTimestamps ? sample : { ...sample, atMs: null }, format));
    if (!writer.isFull) continue;
    const chunk = writer.take();
    if (chunk !== null) yield chunk;
    await nextTurn();
  }
  const rest = writer.take();
  if (rest !== null) yield rest;
}

/** Measured hot path: a million series a scrape in a large fleet. */
const writeAgent = (
  { nowMs, hasTimestamps, format }: FleetExpositionOptions,
  { instance, shapes, values, atMs }: AgentSeries,
  writers: readonly (ChunkWriter | undefined)[],
): void => {
  const oldestAtMs = nowMs - staleAfterMs;
  for (let index = 0; index < shapes.length; index += 1) {
    const shape = shapes[index];
    const writer = shape ? writers[shape.family.number] : undefined;
    const valueAtMs = atMs[index] ?? 0;
    if (!shape || writer === undefined || valueAtMs <= oldestAtMs) continue;
    writer.line(shape.head, instance, shape.tail);
    writer.value(values[index] ?? Number.NaN);
    if (hasTimestamps) {
      writer.byte(space);
      writer.value(format === 'text' ? Math.round(valueAtMs) : Math.round(valueAtMs) / 1000);
    }
    writer.byte(lineFeed);
  }
};
