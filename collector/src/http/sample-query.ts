import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '@jiwei/shared/errors.ts';
import type { AgentId, BootId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { decodeDictionary } from '@jiwei/shared/protocol/dictionary.ts';
import { decodeSamples } from '@jiwei/shared/protocol/samples.ts';
import { type Series, seriesText } from '@jiwei/shared/series.ts';
import type { TimeRange } from '@jiwei/shared/time.ts';
import type { Store, StoredFrame } from '../store/port.ts';
import {
  createSampleColumn,
  neededRanges,
  type SampleColumn,
  type SamplePoint,
  type SampleSteps,
  stepCount,
} from './sample-grid.ts';
import type { SeriesFilter } from './series-filter.ts';

/** One series of the answer. */
export interface SampledSeries {
  readonly series: Series;
  readonly points: readonly SamplePoint[];
}

export interface SampleQuery {
  readonly agentId: AgentId;
  readonly filter: SeriesFilter;
  readonly steps: SampleSteps;
  /** Asked between slices of work; true ends it early, because nobody waits for the answer any more. */
  readonly isAbandoned: () => boolean;
}

interface Found {
  readonly series: Series;
  readonly column: SampleColumn;
}

/** Columns of the answer, and which of them each index of a boot's dictionary leads to. */
const createColumns = (store: Store, query: SampleQuery) => {
  const bySeries = new Map<string, Found>();
  const byBoot = new Map<BootId, Promise<ReadonlyMap<number, SampleColumn>>>();

  const columnOf = (series: Series): SampleColumn => {
    const key = seriesText(series.family.name, series.labels);
    const found = bySeries.get(key);
    if (found !== undefined) return found.column;
    if (bySeries.size >= limits.sampleSeriesMax || (bySeries.size + 1) * stepCount(query.steps) > limits.samplePointsAllMax) {
      throw new AppError(
        'REQUEST_INVALID',
        `the query reaches more than ${bySeries.size} series of ${stepCount(query.steps)} points; name fewer or choose a longer stepMs`,
      );
    }
    const column = createSampleColumn(query.steps);
    bySeries.set(key, { series, column });
    return column;
  };

  const load = async (bootId: BootId): Promise<ReadonlyMap<number, SampleColumn>> => {
    const columns = new Map<number, SampleColumn>();
    for (const part of await store.dictionaries(query.agentId, bootId)) {
      decodeDictionary(part.bytes).series.forEach((series, place) => {
        if (query.filter(series)) columns.set(part.firstIndex + place, columnOf(series));
      });
    }
    return columns;
  };

  return {
    /** Series are the same across boots, their indexes are not. */
    ofBoot: (bootId: BootId) => {
      const known = byBoot.get(bootId) ?? load(bootId);
      byBoot.set(bootId, known);
      return known;
    },
    found: () => [...bySeries.values()],
  };
};

const addFrame = (frame: StoredFrame, range: TimeRange, columns: ReadonlyMap<number, SampleColumn>): void => {
  if (columns.size === 0) return;
  for (const row of decodeSamples(frame.body)) {
    const atMs = row.atMs + frame.clockOffsetMs;
    if (atMs < range.fromMs || atMs >= range.toMs) continue;
    row.indexes.forEach((index, place) => {
      const value = row.values[place];
      if (value !== undefined) columns.get(index)?.add(atMs, value);
    });
  }
};

/**
 * Frames that touch the range, a few at a time. Frames of one instant cannot be told apart by time, so a full slice that does not get past
 * one instant is asked again larger.
 */
const forEachFrame = async (
  store: Store,
  agentId: AgentId,
  range: TimeRange,
  visit: (frame: StoredFrame) => Promise<boolean>,
): Promise<boolean> => {
  let fromMs = range.fromMs;
  let countMax: number = limits.framesPerSliceMax;
  for (;;) {
    const frames = await store.frames(agentId, { fromMs, toMs: range.toMs }, countMax);
    for (const frame of frames) if (!(await visit(frame))) return false;
    const lastMs = frames.at(-1)?.lastAtMs ?? fromMs;
    if (frames.length < countMax) return true;
    // What ends at lastMs comes again in the next slice; adding a sample twice changes nothing.
    countMax = lastMs > fromMs ? limits.framesPerSliceMax : countMax * 2;
    fromMs = lastMs;
    await nextTurn();
  }
};

/**
 * Values of an agent's series at each step, read from the frames as they came.
 * @returns by series text; series without a point are left out; null when nobody waited for the end
 * @throws REQUEST_INVALID when it would be more series or points than the limits allow; STORE_UNAVAILABLE
 */
export const querySamples = async (store: Store, query: SampleQuery): Promise<readonly SampledSeries[] | null> => {
  const columns = createColumns(store, query);
  for (const range of neededRanges(query.steps)) {
    const isDone = await forEachFrame(store, query.agentId, range, async (frame) => {
      addFrame(frame, range, await columns.ofBoot(frame.bootId));
      return !query.isAbandoned();
    });
    if (!isDone) return null;
  }
  return columns
    .found()
    .map(({ series, column }) => ({ series, points: column.points() }))
    .filter(({ points }) => points.length > 0)
    .sort((left, right) => (textOf(left) < textOf(right) ? -1 : 1));
};

const textOf = ({ series }: SampledSeries): string => seriesText(series.family.name, series.labels);
