import { spawnSync } from 'node:child_process';
import type { FastifyInstance } from 'fastify';
import { buildHttp } from '../../collector/src/http/app.ts';
import { tokenHashOf } from '../../collector/src/http/tokens.ts';
import { type CollectorCounters, createCollectorCounters } from '../../collector/src/metrics/collector-counters.ts';
import { createFleet, type Fleet } from '../../collector/src/metrics/fleet.ts';
import { metricsRoutes } from '../../collector/src/metrics/routes.ts';
import { createHttpFixture, type HttpFixture, type HttpFixtureOptions, metricsToken } from './http-app.ts';

/** The collector's HTTP application with the metrics routes, over a real store. */
export interface MetricsFixture extends Omit<HttpFixture, 'app' | 'get' | 'post'> {
  readonly app: FastifyInstance;
  readonly fleet: Fleet;
  readonly counters: CollectorCounters;
  /** The text of a scrape with the metrics token. */
  scrape(url: string, accept?: string): Promise<string>;
}

export const createMetricsFixture = async (
  options: HttpFixtureOptions & { readonly prepare?: (fixture: HttpFixture) => Promise<void> } = {},
): Promise<MetricsFixture> => {
  const base = await createHttpFixture(options);
  await options.prepare?.(base);
  const fleet = createFleet();
  const counters = createCollectorCounters();
  const { service, clock } = base;
  const app = await buildHttp({
    service,
    clock,
    access: { secrets: base.secrets, metricsTokenHash: tokenHashOf(metricsToken), metricsAddresses: [] },
    log: false,
    plugins: [metricsRoutes({ service, clock, fleet, counters })],
  });
  return {
    ...base,
    app,
    fleet,
    counters,
    scrape: async (url, accept) => {
      const headers = { authorization: `Bearer ${metricsToken}`, ...(accept === undefined ? {} : { accept }) };
      const answer = await app.inject({ method: 'GET', url, headers });
      if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}: ${answer.body}`);
      return answer.body;
    },
    close: async () => {
      await app.close();
      counters.close();
      await base.close();
    },
  };
};

/** What Prometheus's own checker says of an exposition; empty when it has nothing to say. */
export const promtoolSays = (text: string): readonly string[] => {
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  if (checked.error !== undefined) throw checked.error;
  const lines = `${checked.stdout}${checked.stderr}`.split('\n').filter((line) => line !== '');
  return checked.status === 0 || lines.length > 0 ? lines : [`promtool ended with ${checked.status}`];
};
