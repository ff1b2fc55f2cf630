import type { AgentSeries, FleetFamily, SeriesShape } from './fleet.ts';

/** The part of a pass that has one family. */
export interface PassRegion {
  readonly start: number;
  readonly limit: number;
  /** After the last value gathered. */
  end: number;
}

/**
 * Values picked out of all agents, family by family: 16 bytes a series instead of the hundred of its line, so that a few passes over the
 * agents are enough for any fleet. Belongs to one scrape; the arrays serve pass after pass.
 */
export interface FleetPass {
  readonly values: Float64Array;
  /** Collector's time of each value; empty when nobody asked for times. */
  readonly atMs: Float64Array;
  /** Place of the agent in the list of the scrape. */
  readonly agents: Uint32Array;
  /** Number of the shape of each value. Not the shape: half a million references are hard work for the garbage collector. */
  readonly shapes: Uint32Array;
  /** The shapes seen so far, by number. */
  readonly shapesByNumber: (SeriesShape | null)[];
  /** By the number of the family. */
  regions: (PassRegion | undefined)[];
}

/**
 * @param seriesMax most values of one pass
 * @param shapeCount what the numbers of shapes stay below
 */
export const createPass = (seriesMax: number, shapeCount: number, hasTimestamps: boolean): FleetPass => ({
  values: new Float64Array(seriesMax),
  atMs: new Float64Array(hasTimestamps ? seriesMax : 0),
  agents: new Uint32Array(seriesMax),
  shapes: new Uint32Array(seriesMax),
  shapesByNumber: Array.from({ length: shapeCount }, () => null),
  regions: [],
});

/**
 * Gives each family its part, as large as its count of series when the scrape began. A family that has a pass to itself gets all of it, and is
 * gathered in several rounds if need be.
 */
export const layOut = (
  pass: FleetPass,
  families: readonly { readonly host: FleetFamily; readonly seriesCount: number }[],
): void => {
  const { length } = pass.values;
  pass.regions = [];
  let start = 0;
  for (const { host, seriesCount } of families) {
    const limit = families.length === 1 ? length : Math.min(start + seriesCount, length);
    pass.regions[host.number] = { start, limit, end: start };
    start = limit;
  }
};

/**
 * Takes an agent's values of the families laid out. Measured hot path. Numbers of families and shapes are used again when they are gone, but no
 * two that were there when the scrape began have the same one, and it takes no others.
 * @param from.seriesCount series it had when the scrape began: there is no room for those that came since, they wait for the next one
 * @param oldestAtMs values of this time and before say nothing any more
 */
export const gather = (
  pass: FleetPass,
  from: { readonly agent: AgentSeries; readonly place: number; readonly seriesCount: number },
  oldestAtMs: number,
): void => {
  const { regions, values, atMs, agents, shapes, shapesByNumber } = pass;
  const { agent, place: agentPlace, seriesCount } = from;
  const hasTimestamps = atMs.length > 0;
  const given = agent.values;
  const givenAtMs = agent.atMs;
  for (let index = 0; index < seriesCount; index += 1) {
    const shape = agent.shapes[index];
    const region = shape ? regions[shape.family.number] : undefined;
    const valueAtMs = givenAtMs[index] ?? 0;
    if (!shape || region === undefined || valueAtMs <= oldestAtMs || region.end === region.limit) continue;
    const place = region.end;
    region.end = place + 1;
    values[place] = given[index] ?? Number.NaN;
    agents[place] = agentPlace;
    shapes[place] = shape.number;
    if (shapesByNumber[shape.number] !== shape) shapesByNumber[shape.number] = shape;
    if (hasTimestamps) atMs[place] = valueAtMs;
  }
};
