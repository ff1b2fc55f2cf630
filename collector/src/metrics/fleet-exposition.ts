import { setImmediate as nextTurn } from 'node:timers/promises';
import { type EpochMs, minuteMs } from '@jiwei/shared/time.ts';
import type { LiveView } from '../engine/view.ts';
import type { CheckFamilies } from './check-families.ts';
import type { AgentSeries, Fleet, FleetFamily } from './fleet.ts';
import { type ExpositionFormat, endText, type FamilyHead, headText, sampleText, stampText, valueText } from './text-format.ts';

/** A value older than this no longer says anything; Prometheus looks back as far. */
export const staleAfterMs = 5 * minuteMs;
/** Text gathered before it is handed on and others get their turn: a millisecond of work at most. */
const chunkCharacters = 64 * 1024;
/** Series looked at between two turns even when none of them is written. */
const seriesPerTurn = 4_096;

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

  let text = '';
  for (const name of [...families.keys()].sort()) {
    const family = families.get(name);
    if (family === undefined) continue;
    const head = headText(family.head, format, isTaken);
    let isHeadDue = true;
    for (const lines of familyLines(options, family.host, checks.get(name)?.samples ?? [])) {
      // A family none of whose agents is there any more is not mentioned at all.
      if (isHeadDue && lines !== '') {
        text += head;
        isHeadDue = false;
      }
      text += lines;
      if (text.length < chunkCharacters && lines !== '') continue;
      if (text !== '') yield Buffer.from(text);
      text = '';
      await nextTurn();
    }
  }
  yield Buffer.from(text + endText(format));
}

/** The lines of a family in parts; an empty part says that much was looked at and nothing found. */
function* familyLines(
  { view, nowMs, format, hasTimestamps }: FleetExpositionOptions,
  host: FleetFamily | null,
  checkSamples: CheckFamilies extends ReadonlyMap<string, { readonly samples: infer Samples }> ? Samples : never,
): Generator<string, void, undefined> {
  let looked = 0;
  // A copy: while others have their turn an agent may come again with a new boot, and must not be written twice.
  for (const [agent, indexes] of host === null ? [] : [...host.members]) {
    if (view.agent(agent.agentId)?.connection !== 'connected') continue;
    const lines = agentLines(agent, indexes, { oldestAtMs: nowMs - staleAfterMs, format, hasTimestamps });
    looked += indexes.length;
    if (lines !== '') yield lines;
    else if (looked > seriesPerTurn) {
      looked = 0;
      yield '';
    }
  }
  for (const sample of checkSamples) yield sampleText(hasTimestamps ? sample : { ...sample, atMs: null }, format);
}

/** Measured hot path: a million times a scrape in a large fleet. */
const agentLines = (
  agent: AgentSeries,
  indexes: readonly number[],
  { oldestAtMs, format, hasTimestamps }: { oldestAtMs: number; format: ExpositionFormat; hasTimestamps: boolean },
): string => {
  const { instance, shapes, values, atMs } = agent;
  let lines = '';
  for (const index of indexes) {
    const valueAtMs = atMs[index] ?? 0;
    const shape = shapes[index];
    if (valueAtMs <= oldestAtMs || !shape) continue;
    const stamp = hasTimestamps ? stampText(valueAtMs, format) : '';
    lines += `${shape.head}${instance}${shape.tail}${valueText(values[index] ?? Number.NaN)}${stamp}\n`;
  }
  return lines;
};
