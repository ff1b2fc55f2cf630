import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CheckResult } from '@jiwei/shared/check.ts';
import { checkMetrics, probeKinds, probeTarget } from '@jiwei/shared/probes/registry.ts';
import { type Label, labelsText, type MetricDoc } from '@jiwei/shared/series.ts';
import { parseSeriesText } from '@jiwei/shared/series-text.ts';
import type { LaneView, LiveView } from '../engine/view.ts';
import { type FamilyHead, mergeLabels, type TextSample } from './text-format.ts';

/** Samples of the latest results, by family. */
export type CheckFamilies = ReadonlyMap<string, { readonly head: FamilyHead; readonly samples: readonly TextSample[] }>;

/** Checks looked at before others get their turn: about a millisecond of work. */
const checksPerTurn = 200;
/** Texts of series kept parsed; past it the memory starts anew. More than all probes have, certificates' subjects included. */
const parsedMax = 20_000;

const docs = new Map<string, MetricDoc>(
  [...checkMetrics, ...Object.values(probeKinds).flatMap(({ metrics }) => metrics)].map((doc) => [doc.name, doc]),
);

/**
 * Reads the latest results of all checks as series with blackbox_exporter's names, each with the labels agent, asset, check and
 * instance (the target). A check of which nothing is known at present has none: missing is not 0.
 * @returns a function, because it remembers how the series' texts divide
 */
export const createCheckFamilies = (): ((view: LiveView) => Promise<CheckFamilies>) => {
  const parsed = new Map<string, { readonly name: string; readonly labels: readonly Label[] } | null>();
  const parse = (text: string) => {
    const known = parsed.get(text);
    if (known !== undefined) return known;
    if (parsed.size >= parsedMax) parsed.clear();
    const series = parseSeriesText(text);
    parsed.set(text, series);
    return series;
  };

  return async (view) => {
    const families = new Map<string, { readonly head: FamilyHead; readonly samples: TextSample[] }>();
    const add = (sample: TextSample): void => {
      const family = families.get(sample.name) ?? { head: headOf(sample.name), samples: [] };
      families.set(sample.name, family);
      family.samples.push(sample);
    };
    let seen = 0;
    for (const check of view.checks()) {
      seen += 1;
      if (seen % checksPerTurn === 0) await nextTurn();
      const config = view.config.checks.get(check.id);
      if (config === undefined) continue;
      for (const lane of check.lanes) {
        const result = lane.status === 'unknown' ? null : lane.lastResult;
        if (result === null) continue;
        const own = ownLabels(lane, check.id, check.assetId, probeTarget(config.probe));
        // Our labels may hide what told two of its series apart: the first one stands.
        const written = new Set<string>();
        for (const [text, value] of valuesOf(result)) {
          const series = parse(text);
          if (series === null) continue;
          const labels = labelsText(mergeLabels(series.labels, own));
          if (written.has(`${series.name}{${labels}`)) continue;
          written.add(`${series.name}{${labels}`);
          add({ name: series.name, labels, value, atMs: result.observedAtMs });
        }
      }
    }
    return families;
  };
};

const headOf = (name: string): FamilyHead => {
  const doc = docs.get(name);
  return doc === undefined
    ? { name, type: 'untyped', help: 'Value measured by a probe' }
    : { name, type: doc.type, help: doc.help };
};

const ownLabels = (lane: LaneView, checkId: string, assetId: string, target: string): readonly Label[] => [
  // A heartbeat is heard by the collector itself: no agent.
  ...(lane.agentId === null ? [] : [['agent', lane.agentId] as const]),
  ['asset', assetId],
  ['check', checkId],
  ['instance', target],
];

const valuesOf = (result: CheckResult): readonly (readonly [string, number])[] => {
  const own: [string, number][] = [['probe_success', result.outcome === 'down' ? 0 : 1]];
  if (result.latencyMs !== null) own.push(['probe_duration_seconds', result.latencyMs / 1000]);
  const names = new Set(own.map(([name]) => name));
  return [...own, ...Object.entries(result.values ?? {}).filter(([text]) => !names.has(text))];
};
