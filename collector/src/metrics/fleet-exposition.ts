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
 * The latest host series of all connected agents and the latest answers to all checks, family by family, in chunks of some 64 KiB: memory is
 * that of a chunk whatever the fleet, and between chunks the event loop turns.
 */
export async function* fleetExposition(options: FleetExpositionOptions): AsyncGenerator<Buffer, void, undefined> {
  const { fleet, format } = options;
  const checks = await options.checkFamilies(options.view);
  const families = new Map<string, { readonly host: FleetFamily | null; readonly head: FamilyHead }>();
  for (const host of fleet.families()) families.set(host.name, { host, head: host });
  for (const [name, { head }] of checks) if (!families.has(name)) families.set(name, { host: null, head });
  const isTaken = (name: string): boolean => families.has(name);

  const writer = new ChunkWriter();
  const live = new Set<AgentSeries>();
  for (const agent of fleet.agents()) if (options.view.agent(agent.agentId)?.connection === 'connected') live.add(agent);
  for (const [name, { host, head }] of [...families].sort(([left], [right]) => (left < right ? -1 : 1))) {
    // Written before the first line: a family none of whose agents is there any more is not mentioned at all.
    const context: FamilyContext = { ...options, writer, live, head: headText(head, format, isTaken), isHeadWritten: false };
    for (const _turn of familyTurns(context, host, checks.get(name)?.samples ?? [])) {
      const chunk = writer.take();
      if (chunk !== null) yield chunk;
      await nextTurn();
    }
  }
  writer.text(endText(format));
  const rest = writer.take();
  if (rest !== null) yield rest;
}

interface FamilyContext extends FleetExpositionOptions {
  readonly writer: ChunkWriter;
  /** Agents connected when the scrape began. One that comes again meanwhile, with a new boot, is another one, and waits for the next scrape. */
  readonly live: ReadonlySet<AgentSeries>;
  readonly head: string;
  isHeadWritten: boolean;
}

/** Writes a family; stops whenever a chunk is full or much was looked at. */
function* familyTurns(
  context: FamilyContext,
  host: FleetFamily | null,
  checkSamples: NonNullable<ReturnType<CheckFamilies['get']>>['samples'],
): Generator<void, void, undefined> {
  const { writer, live, format, hasTimestamps } = context;
  let lookedCount = 0;
  for (const [agent, indexes] of host?.members ?? []) {
    lookedCount += indexes.length;
    if (live.has(agent)) writeAgent(context, agent, indexes);
    if (!writer.isFull && lookedCount < seriesPerTurn) continue;
    lookedCount = 0;
    yield;
  }
  for (const sample of checkSamples) {
    writeHead(context);
    writer.text(sampleText(hasTimestamps ? sample : { ...sample, atMs: null }, format));
    if (writer.isFull) yield;
  }
}

const writeHead = (context: FamilyContext): void => {
  if (!context.isHeadWritten) context.writer.text(context.head);
  context.isHeadWritten = true;
};

/** Measured hot path: a million times a scrape in a large fleet. */
const writeAgent = (context: FamilyContext, agent: AgentSeries, indexes: readonly number[]): void => {
  const { writer, nowMs, hasTimestamps, format } = context;
  const { instance, shapes, values, atMs } = agent;
  const oldestAtMs = nowMs - staleAfterMs;
  for (const index of indexes) {
    const valueAtMs = atMs[index] ?? 0;
    const shape = shapes[index];
    if (valueAtMs <= oldestAtMs || !shape) continue;
    if (!context.isHeadWritten) writeHead(context);
    writer.raw(shape.head);
    writer.raw(instance);
    writer.raw(shape.tail);
    writer.value(values[index] ?? Number.NaN);
    if (hasTimestamps) {
      writer.byte(space);
      writer.value(format === 'text' ? Math.round(valueAtMs) : Math.round(valueAtMs) / 1000);
    }
    writer.byte(lineFeed);
  }
};
