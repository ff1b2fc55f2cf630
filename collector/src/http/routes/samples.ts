import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { metricTypes, namePattern } from '@jiwei/shared/series.ts';
import { hourMs, minuteMs, secondMs } from '@jiwei/shared/time.ts';
import { z } from 'zod';
import type { Api, HttpContext } from '../context.ts';
import { stepCount } from '../sample-grid.ts';
import { querySamples, type SampledSeries } from '../sample-query.ts';
import { answersByHand, idText, queryInteger, queryList, rangeMsMax, rangeQuery, refuseBadRange } from '../schema.ts';
import { seriesFilter } from '../series-filter.ts';

const namesMax = 100;
const selectorsMax = 20;

const sampleQuery = z
  .strictObject({
    ...rangeQuery,
    names: queryList(z.string().regex(namePattern), namesMax).exactOptional().describe('Metric names, several by comma.'),
    match: z
      .preprocess(
        (value) => (typeof value === 'string' ? [value] : value),
        z.array(z.string().min(1).max(2_000)).max(selectorsMax),
      )
      .exactOptional()
      .describe('A selector such as `node_cpu_seconds_total{mode="idle"}`; may stand several times.'),
    stepMs: queryInteger(secondMs, rangeMsMax).describe('Distance of the points.'),
    lookbackMs: queryInteger(secondMs, hourMs).default(minuteMs).describe('How old a value may be at its step.'),
  })
  .superRefine(refuseBadRange)
  .refine((query) => query.names !== undefined || query.match !== undefined, { error: 'give names or match', path: ['names'] })
  .refine((query) => stepCount(query) <= limits.samplePointsMax, {
    error: `at most ${limits.samplePointsMax} points per series; choose a longer stepMs or a shorter range`,
    path: ['stepMs'],
  });

const samplesSchema = z
  .object({
    stepMs: z.int(),
    series: z.array(
      z.object({
        name: z.string(),
        type: z.enum(metricTypes),
        labels: z.record(z.string(), z.string()),
        points: z
          .array(z.tuple([z.int(), z.union([z.number(), z.enum(['NaN', '+Inf', '-Inf'])])]))
          .describe('[atMs, value] at the steps; a step without a value within lookbackMs is left out.'),
      }),
    ),
  })
  .meta({ id: 'Samples' });

const valueText = (value: number): string => {
  if (Number.isNaN(value)) return '"NaN"';
  if (value === Number.POSITIVE_INFINITY) return '"+Inf"';
  if (value === Number.NEGATIVE_INFINITY) return '"-Inf"';
  return JSON.stringify(value);
};

/** Written by hand: checking half a million points against the schema would hold the event loop for a second. A test compares the two. */
const seriesJson = ({ series, points }: SampledSeries): string => {
  const head = JSON.stringify({ name: series.family.name, type: series.family.type, labels: Object.fromEntries(series.labels) });
  const body = points.map(([atMs, value]) => `[${atMs},${valueText(value)}]`).join(',');
  return `${head.slice(0, -1)},"points":[${body}]}`;
};

/** GET /agents/:agentId/samples. */
export const sampleRoutes = (api: Api, { service }: HttpContext): void => {
  let running = 0;

  api.get('/agents/:agentId/samples', {
    exposeHeadRoute: false,
    config: { permission: 'read' },
    schema: {
      tags: ['agents'],
      summary: 'Series of an agent over a range',
      description: 'At each step the last value at or before it, if it is not older than lookbackMs.',
      params: z.strictObject({ agentId: idText }),
      querystring: sampleQuery,
      response: answersByHand(samplesSchema, 404),
    },
    handler: async (request, reply) => {
      const agentId = asId<'agent'>(request.params.agentId);
      const { names = [], match = [], ...steps } = request.query;
      const filter = seriesFilter(names, match);
      if (!(await service.store.agents()).some((agent) => agent.id === agentId)) {
        throw new AppError('NOT_FOUND', `agent ${agentId} is not enrolled`);
      }
      if (running >= limits.sampleQueriesMax) {
        void reply.header('retry-after', 1);
        throw new AppError('OVERLOADED', `${running} samples queries are being answered already`);
      }
      let isAbandoned = false;
      reply.raw.once('close', () => {
        isAbandoned = true;
      });
      running += 1;
      try {
        const found = await querySamples(service.store, { agentId, filter, steps, isAbandoned: () => isAbandoned });
        const body = `{"stepMs":${steps.stepMs},"series":[${(found ?? []).map(seriesJson).join(',')}]}`;
        return reply.type('application/json; charset=utf-8').send(body);
      } finally {
        running -= 1;
      }
    },
  });
};
