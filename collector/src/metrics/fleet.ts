import type { AgentId } from '@jiwei/shared/ids.ts';
import type { SampleRow } from '@jiwei/shared/protocol/samples.ts';
import { labelsText, type MetricFamily, metricNamePattern, type Series, seriesText } from '@jiwei/shared/series.ts';
import { prepare } from './chunk-writer.ts';
import { escapeName } from './name-escaping.ts';

/** How a series is written for any agent: `head` + instance label of the agent + `tail`. */
export interface SeriesForm {
  /** Prepared for copying: the head, `name{a="1",`, and after it the tail, `,z="2"} `. */
  readonly text: DataView;
  readonly headBytes: number;
  readonly tailBytes: number;
}

/**
 * A series without its agent, its form in bytes ready to be copied. Agents of like hosts have like series, so that shapes are shared: a series
 * then takes 24 bytes (value, time, shape) instead of the hundred of its text. The form is that of the scheme `values`, for whoever names none;
 * names of the old charset are the same in it.
 */
export interface SeriesShape extends SeriesForm {
  readonly family: FleetFamily;
  /** From 0, no two shapes alike at a time. */
  readonly number: number;
  /** What it is known by: head and tail as text with the names as they are, those outside the old charset in quotes; a line each. */
  readonly key: string;
  /** The form with the names as they are, where it is another one; else null. */
  readonly quoted: SeriesForm | null;
}

/** Latest values of one agent's series, by dictionary index. Mutated by createFleet alone. */
export interface AgentSeries {
  readonly agentId: AgentId;
  readonly bootId: number;
  /** `instance="…"`, escaped. */
  readonly instance: Uint8Array;
  /** null: a series that is there twice; the first one stands. */
  readonly shapes: (SeriesShape | null)[];
  values: Float64Array;
  /** Collector's time of each value; 0 where none has come yet. */
  atMs: Float64Array;
}

/** A family some agent has series of. */
export interface FleetFamily extends MetricFamily {
  /** From 0, no two families alike at a time: a scrape finds what belongs to a family by it. */
  readonly number: number;
  /** Series of all agents. */
  seriesCount: number;
}

/** The latest value of every host series of every agent. */
export interface Fleet {
  /** A dictionary of an agent's boot; a newer boot replaces the older one, an older one is ignored. */
  onSeries(agentId: AgentId, bootId: number, firstIndex: number, series: readonly Series[]): void;
  /**
   * Rows of a boot that is known; others are ignored. An older value never replaces a newer one, so that back-filled rows do no harm.
   * @param offsetMs added to the rows' times (agent's clock) to make them the collector's
   */
  onRows(agentId: AgentId, bootId: number, rows: readonly SampleRow[], offsetMs: number): void;
  forget(agentId: AgentId): void;
  /** The latest value of one series by its place in the dictionary, or null when none has come. */
  lookup(agentId: AgentId, index: number): { readonly value: number; readonly atMs: number } | null;
  agents(): Iterable<AgentSeries>;
  /** What the numbers of all shapes are below. */
  shapeCount(): number;
  /** Families by name, sorted. Type and help are those of the first agent that told. */
  families(): readonly FleetFamily[];
}

const encoder = new TextEncoder();

/** Without agents; bounded by the registry, which says what agents there are, and the series each may name. */
export const createFleet = (): Fleet => {
  const agents = new Map<AgentId, AgentSeries>();
  const families = new Map<string, FleetFamily>();
  const shapes = createShapes();
  /** Of families that are gone, to be used again. */
  const freeNumbers: number[] = [];

  const forget = (agentId: AgentId): void => {
    const agent = agents.get(agentId);
    if (agent === undefined) return;
    agents.delete(agentId);
    for (const shape of agent.shapes) {
      if (shape === null) continue;
      shape.family.seriesCount -= 1;
      if (shape.family.seriesCount > 0) continue;
      families.delete(shape.family.name);
      freeNumbers.push(shape.family.number);
    }
    shapes.release(agent.shapes);
  };

  const agentOf = (agentId: AgentId, bootId: number): AgentSeries | null => {
    const known = agents.get(agentId);
    if (known !== undefined && known.bootId >= bootId) return known.bootId === bootId ? known : null;
    forget(agentId);
    const agent: AgentSeries = {
      ...{ agentId, bootId, shapes: [], values: new Float64Array(0), atMs: new Float64Array(0) },
      instance: encoder.encode(labelsText([['instance', agentId]])),
    };
    agents.set(agentId, agent);
    return agent;
  };

  const familyOf = (family: MetricFamily): FleetFamily => {
    const known = families.get(family.name);
    if (known !== undefined) return known;
    const made = { ...family, number: freeNumbers.pop() ?? families.size, seriesCount: 0 };
    families.set(family.name, made);
    return made;
  };

  return {
    onSeries: (agentId, bootId, firstIndex, series) => {
      const agent = agentOf(agentId, bootId);
      if (agent === null) return;
      const fresh = series.slice(Math.max(0, agent.shapes.length - firstIndex));
      const seen = new Set(agent.shapes);
      for (const one of fresh) {
        const shape = shapes.take(one, familyOf(one.family));
        const isDouble = seen.has(shape);
        if (isDouble) shapes.release([shape]);
        else shape.family.seriesCount += 1;
        seen.add(shape);
        agent.shapes.push(isDouble ? null : shape);
      }
      grow(agent);
    },
    onRows: (agentId, bootId, rows, offsetMs) => {
      const agent = agents.get(agentId);
      if (agent?.bootId !== bootId) return;
      for (const row of rows) takeRow(agent, row, row.atMs + offsetMs);
    },
    forget,
    lookup: (agentId, index) => {
      const agent = agents.get(agentId);
      const atMs = agent?.atMs[index] ?? 0;
      const value = agent?.values[index];
      return value === undefined || atMs === 0 ? null : { value, atMs };
    },
    agents: () => agents.values(),
    shapeCount: shapes.count,
    families: () => [...families.values()].sort((left, right) => (left.name < right.name ? -1 : 1)),
  };
};

/** Measured hot path: it runs for every row of every agent. */
const takeRow = ({ values, atMs }: AgentSeries, row: SampleRow, rowAtMs: number): void => {
  const { indexes, values: given } = row;
  for (let place = 0; place < indexes.length; place += 1) {
    const index = indexes[place] ?? 0;
    if (index >= values.length || (atMs[index] ?? 0) > rowAtMs) continue;
    values[index] = given[place] ?? Number.NaN;
    atMs[index] = rowAtMs;
  }
};

const grow = (agent: AgentSeries): void => {
  const count = agent.shapes.length;
  if (agent.values.length === count) return;
  const values = new Float64Array(count);
  const atMs = new Float64Array(count);
  values.set(agent.values);
  atMs.set(agent.atMs);
  agent.values = values;
  agent.atMs = atMs;
};

/** Shapes by their text, counted, so that one that nobody uses any more goes. */
const createShapes = () => {
  const byText = new Map<string, { readonly shape: SeriesShape; uses: number }>();
  const freeNumbers: number[] = [];
  return {
    /** Most there were at a time. */
    count: (): number => byText.size + freeNumbers.length,
    take: (series: Series, family: FleetFamily): SeriesShape => {
      const key = shapeText(series);
      const known = byText.get(key);
      if (known !== undefined) {
        known.uses += 1;
        return known.shape;
      }
      const escaped = shapeText(withEscapedNames(series));
      const number = freeNumbers.pop() ?? byText.size;
      const shape = { ...formOf(escaped), family, number, key, quoted: escaped === key ? null : formOf(key) };
      byText.set(key, { shape, uses: 1 });
      return shape;
    },
    release: (some: readonly (SeriesShape | null)[]): void => {
      for (const shape of some) {
        if (shape === null) continue;
        const known = byText.get(shape.key);
        if (known === undefined) continue;
        known.uses -= 1;
        if (known.uses > 0) continue;
        byText.delete(shape.key);
        freeNumbers.push(shape.number);
      }
    },
  };
};

const withEscapedNames = ({ family, labels }: Series): Series => ({
  family: { ...family, name: escapeName(family.name, 'metric', 'values') },
  labels: labels.map(([name, value]) => [escapeName(name, 'label', 'values'), value]),
});

/** Head and tail, a line each. The agent's own `instance`, if it has one, says nothing here: it is replaced, as the rules see it too. */
const shapeText = ({ family, labels }: Series): string => {
  const before = labelsText(labels.filter(([name]) => name < 'instance'));
  const after = labelsText(labels.filter(([name]) => name > 'instance'));
  const name = metricNamePattern.test(family.name) ? `${family.name}{` : `${seriesText(family.name, []).slice(0, -1)},`;
  const head = before === '' ? name : `${name}${before},`;
  return `${head}\n${after === '' ? '} ' : `,${after}} `}`;
};

/** @param shape head and tail, a line each */
export const formOf = (shape: string): SeriesForm => {
  // No name or value has a line feed that is not escaped.
  const [head = '', tail = ''] = shape.split('\n');
  const [headText, tailText] = [encoder.encode(head), encoder.encode(tail)];
  return { text: prepare(headText, tailText), headBytes: headText.length, tailBytes: tailText.length };
};
