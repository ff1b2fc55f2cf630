import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import type { Status } from '@jiwei/shared/status.ts';
import { dayMs, hourMs, minuteMs } from '@jiwei/shared/time.ts';
import { afterEach, describe, expect, test } from 'vitest';
import type { Incident, ResponseCycle } from '../../collector/src/engine/incident.ts';
import { createCollectorCounters } from '../../collector/src/metrics/collector-counters.ts';
import { metricDocs } from '../../collector/src/metrics/metric-docs.ts';
import { acceptsGzip, expositionOf } from '../../collector/src/metrics/negotiation.ts';
import { headText } from '../../collector/src/metrics/text-format.ts';
import { lacks } from '../support/components.ts';
import { districtParts, incidentOf, sessionOf } from '../support/district-fixture.ts';
import type { HttpFixture } from '../support/http-app.ts';
import { metricsToken } from '../support/http-app.ts';
import { fixtureNowMs } from '../support/live-view.ts';
import { createMetricsFixture, type MetricsFixture, promtoolSays } from '../support/metrics-app.ts';
import { openMetricsComplaints } from '../support/open-metrics.ts';
import { batchOf } from '../support/store-samples.ts';
import { missingOrExtra } from '../tidy/documents.ts';

const openMetrics = 'application/openmetrics-text; version=1.0.0';
let fixture: MetricsFixture | null = null;
afterEach(async () => {
  await fixture?.close();
  fixture = null;
});
const open = async (prepare?: (base: HttpFixture) => Promise<void>, declarationError?: string): Promise<MetricsFixture> => {
  fixture = await createMetricsFixture({
    parts: { ...districtParts, tooLateResultCount: 2, spansForgottenCount: 5, ruleSeries: { seriesCount: 12, droppedTotal: 3 } },
    sessions: [sessionOf('a1')],
    ...(prepare === undefined ? {} : { prepare }),
    ...(declarationError === undefined ? {} : { declarationError }),
  });
  return fixture;
};
/** Lines of one metric, comments left out. */
const linesOf = (text: string, name: string): string[] =>
  text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));

const linesStarting = (text: string, beginning: string): string[] =>
  text.split('\n').filter((line) => line.startsWith(beginning));

describe('/metrics', () => {
  test('tells the state of assets, checks, agents, alerts and open incidents', async () => {
    const text = await (await open()).scrape('/metrics');
    const names = [
      'jiwei_asset_info',
      'jiwei_asset_state',
      'jiwei_check_state',
      'jiwei_agent_up',
      'jiwei_alerts',
      'jiwei_results_too_late_total',
      'jiwei_spans_forgotten_total',
      'jiwei_rule_series',
      'jiwei_rule_samples_dropped_total',
      'jiwei_incidents_open',
    ];
    expect(names.flatMap((name) => linesOf(text, name)).join('\n')).toMatchInlineSnapshot(`
      "jiwei_asset_info{asset="portal",crew="第一小组",importance="5",kind="website",unit="u1",zone="z1"} 1
      jiwei_asset_info{asset="db",crew="第一小组",importance="4",kind="database",unit="u1",zone="z1"} 1
      jiwei_asset_info{asset="cam-1",crew="第一小组",importance="3",kind="camera",unit="u2",zone="z1"} 1
      jiwei_asset_info{asset="switch",crew="第一小组",importance="3",kind="switch",unit="u2",zone="z1"} 1
      jiwei_asset_info{asset="ups",crew="第一小组",importance="3",kind="ups",zone="z1"} 1
      jiwei_asset_state{asset="portal"} 0
      jiwei_asset_state{asset="db"} 4
      jiwei_asset_state{asset="cam-1"} 3
      jiwei_asset_state{asset="switch"} 1
      jiwei_check_state{asset="portal",check="portal-tcp"} 0
      jiwei_agent_up{agent="a1",asset="db",zone="z1"} 1
      jiwei_agent_up{agent="a2",asset="ups",zone="z1"} 0
      jiwei_alerts{rule="r1",state="firing"} 1
      jiwei_alerts{rule="r1",state="pending"} 1
      jiwei_results_too_late_total 2
      jiwei_spans_forgotten_total 5
      jiwei_rule_series 12
      jiwei_rule_samples_dropped_total 3
      jiwei_incidents_open{severity="critical",zone="z1"} 2
      jiwei_incidents_open{severity="minor",zone="z1"} 1"
    `);
  });

  test('tells of the agents’ links', async () => {
    const text = await (await open()).scrape('/metrics');
    const session = sessionOf('a1');
    expect(linesOf(text, 'jiwei_agent_clock_skew_seconds')).toStrictEqual([
      `jiwei_agent_clock_skew_seconds{agent="a1"} ${session.clockSkewMs / 1000}`,
    ]);
    expect(linesOf(text, 'jiwei_agent_spool_frames')).toStrictEqual([
      `jiwei_agent_spool_frames{agent="a1"} ${session.spoolFrames}`,
    ]);
  });

  test('says that the declaration file is refused', async () => {
    expect(linesOf(await (await open(undefined, 'line 3: wrong')).scrape('/metrics'), 'jiwei_declaration_refused')).toStrictEqual(
      ['jiwei_declaration_refused 1'],
    );
  });

  test('counts what the parts count', async () => {
    const { counters, scrape } = await open();
    counters.frameStored('samples', 250);
    counters.frameStored('samples', 50);
    counters.frameDuplicate();
    counters.linkRefused('FLOODING');
    counters.connectionRefused('address');
    counters.committed(0.003, 7);
    counters.notificationTried('duty', 'sent');
    counters.notificationsDropped('duty', asId('chief'), 2);
    counters.notificationsDropped(null, asId('gone'), 1);
    counters.queueLength(3, 400);
    const text = await scrape('/metrics');
    for (const line of [
      'jiwei_frames_stored_total{kind="samples"} 2',
      'jiwei_frame_bytes_total{kind="samples"} 300',
      'jiwei_frames_duplicate_total 1',
      'jiwei_links_refused_total{code="FLOODING"} 1',
      'jiwei_connections_refused_total{why="address"} 1',
      'jiwei_commit_seconds_bucket{le="0.005"} 1',
      'jiwei_commit_seconds_count 1',
      'jiwei_events_total 7',
      'jiwei_notify_total{channel="duty",result="sent"} 1',
      'jiwei_notify_dropped_total{channel="duty",route="chief"} 2',
      'jiwei_notify_dropped_total{route="gone"} 1',
      'jiwei_queue_bytes 400',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });

  test('answers in OpenMetrics when asked, with an end', async () => {
    const { app } = await open();
    const headers = { authorization: `Bearer ${metricsToken}`, accept: `${openMetrics},text/plain;q=0.5` };
    const answer = await app.inject({ url: '/metrics', headers });
    expect(answer.headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(answer.body.endsWith('# EOF\n')).toBe(true);
    expect(answer.body).toContain('# TYPE jiwei_frames_duplicate counter\n');
    expect(answer.body).toContain('\njiwei_frames_duplicate_total 0\n');
    expect(openMetricsComplaints(answer.body)).toEqual([]);
  });

  test('no name in the documents falls together with another one in OpenMetrics', () => {
    const heads = Object.entries(metricDocs).map(([name, { type }]) =>
      headText({ name, type, help: 'h' }, 'openmetrics').concat(...(type === 'histogram' ? [] : [`${name} 1\n`])),
    );
    expect(openMetricsComplaints(`${heads.join('')}# EOF\n`)).toEqual([]);
  });

  test.each([
    ['# TYPE a counter\na_total 1\n# TYPE a gauge\na 1\n# EOF\n', 'a has a second TYPE'],
    ['# TYPE a counter\na_total 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na 1\n# EOF\n', 'a begins a second time'],
    ['# TYPE a counter\na 1\n# EOF\n', 'a stands under a'],
    ['# TYPE a counter\na_total 1\n# TYPE a_total gauge\na_total 1\n# EOF\n', 'a_total is a family and a sample of a'],
    ['# TYPE a gauge\na 1\n', 'does not end with # EOF and a line end'],
  ])('what the check of OpenMetrics finds: %j', (text, complaint) => {
    expect(openMetricsComplaints(text)).toContain(complaint);
  });

  test('is packed when the caller takes gzip', async () => {
    const { app, scrape } = await open();
    const headers = { authorization: `Bearer ${metricsToken}`, 'accept-encoding': 'gzip' };
    for (const url of ['/metrics', '/metrics/fleet']) {
      const answer = await app.inject({ url, headers });
      expect(answer.headers['content-encoding']).toBe('gzip');
      const text = gunzipSync(answer.rawPayload).toString();
      const names = (all: string) => all.match(/^# TYPE .*$/gm);
      expect(names(text)).toStrictEqual(names(await scrape(url)));
    }
  });

  test('is closed to who has no token', async () => {
    const { app } = await open();
    for (const url of ['/metrics', '/metrics/fleet']) {
      const answer = await app.inject({ url, remoteAddress: '10.9.9.9' });
      expect(answer.statusCode).toBe(401);
    }
  });

  test('fails as a whole, with a status, when the store cannot be read', async () => {
    const { app, store } = await open();
    Object.assign(store, { sizeBytes: () => Promise.reject(new AppError('STORE_UNAVAILABLE', 'the disk is gone')) });
    const answer = await app.inject({ url: '/metrics', headers: { authorization: `Bearer ${metricsToken}` } });
    expect(answer.statusCode).toBe(503);
  });

  test.skipIf(lacks('promtool'))('promtool has nothing to say, of it and of the checks in /metrics/fleet', async () => {
    const { scrape } = await open();
    expect(promtoolSays(await scrape('/metrics'))).toStrictEqual([]);
    const fleet = await scrape('/metrics/fleet');
    expect(fleet).toContain('probe_success{agent="a1",asset="portal",check="portal-tcp",instance="10.1.2.3:443"} 0\n');
    expect(promtoolSays(fleet)).toStrictEqual([]);
  });
});

describe('availability', () => {
  const span = (fromMs: number, status: 'up' | 'down' | 'unknown') => ({ fromMs, status, reason: null, attributedTo: null });

  test('is that of the recorded spans, by asset and group, and missing where nothing is known', async () => {
    const text = await (
      await open(async ({ store }) => {
        const subject = (id: string) => ({ kind: 'asset', id: asId<'asset'>(id) }) as const;
        const portal = [
          span(fixtureNowMs - hourMs, 'up'),
          span(fixtureNowMs - 30 * minuteMs, 'down'),
          span(fixtureNowMs - 15 * minuteMs, 'unknown'),
        ];
        await store.commit(
          batchOf({
            spans: [
              { kind: 'spans', subject: subject('portal'), fromMs: fixtureNowMs - hourMs, spans: portal, isCorrection: false },
              {
                kind: 'spans',
                subject: subject('db'),
                fromMs: fixtureNowMs - hourMs,
                spans: [span(fixtureNowMs - hourMs, 'up')],
                isCorrection: false,
              },
            ],
          }),
        );
      })
    ).scrape('/metrics');
    const hour = (name: string) => linesOf(text, name).filter((line) => line.includes('window="1h"'));
    expect(hour('jiwei_availability_ratio')).toContain(
      `jiwei_availability_ratio{id="portal",scope="asset",window="1h"} ${30 / 45}`,
    );
    expect(hour('jiwei_availability_strict_ratio')).toContain(
      'jiwei_availability_strict_ratio{id="portal",scope="asset",window="1h"} 0.5',
    );
    expect(hour('jiwei_availability_coverage_ratio')).toContain(
      'jiwei_availability_coverage_ratio{id="portal",scope="asset",window="1h"} 0.75',
    );
    expect(hour('jiwei_availability_ratio')).toContain(`jiwei_availability_ratio{scope="all",window="1h"} ${90 / 105}`);
    expect(text).not.toContain('id="switch"');
    expect(linesOf(text, 'jiwei_availability_ratio').filter((line) => line.includes('id="portal"')).length).toBe(4);
  });

  test('is right in each window, by hand: degraded is up, maintenance is left out, what was not recorded does not count', async () => {
    const ago = (days: number, minutes = 0): number => fixtureNowMs - days * dayMs + minutes * minuteMs;
    const patch = (id: string, ...[first, ...rest]: readonly (readonly [number, Status])[]) => {
      const spans = [first, ...rest].flatMap((one) =>
        one === undefined ? [] : [{ fromMs: one[0], status: one[1], reason: null, attributedTo: null }],
      );
      const subject = { kind: 'asset', id: asId<'asset'>(id) } as const;
      return { kind: 'spans', subject, fromMs: first?.[0] ?? 0, spans, isCorrection: false } as const;
    };
    const portal = patch(
      'portal',
      [ago(40), 'up'],
      [ago(20), 'down'],
      [ago(19), 'up'],
      [ago(3), 'unknown'],
      [ago(3, 360), 'up'],
      [ago(0, -720), 'degraded'],
      [ago(0, -630), 'up'],
      // Half of the hour lies in a window.
      [ago(0, -600), 'down'],
      [ago(0, -540), 'up'],
      [ago(0, -30), 'down'],
      [ago(0, -15), 'up'],
    );
    // Declared two days ago; of the last six hours nothing is known.
    const core = patch('switch', [ago(2), 'up'], [ago(0, -360), 'unknown']);
    fixture = await createMetricsFixture({
      parts: {
        ...districtParts,
        maintenance: [
          {
            ...{ id: asId<'maintenance'>('m1'), fromMs: ago(0, -600), toMs: ago(0, -570), assetIds: [asId<'asset'>('portal')] },
            ...{ reason: 'work', approvedBy: 'chief', approvedAtMs: ago(1), createdAtMs: ago(1) },
          },
        ],
      },
      prepare: async ({ store }) => store.commit(batchOf({ spans: [portal, core] })),
    });
    const lines = new Map(
      linesStarting(await fixture.scrape('/metrics'), 'jiwei_availability_').map((line) => {
        const [series = '', value] = line.split(' ');
        return [series, Number(value)];
      }),
    );
    const figures = (labels: string) =>
      ['ratio', 'strict_ratio', 'coverage_ratio'].map((name) => lines.get(`jiwei_availability_${name}{${labels}}`));
    // Minutes: 1 h is 60, 1 d 1,440, 7 d 10,080, 30 d 43,200; the window takes 30 from all but the first.
    const wanted = [
      ['id="portal",scope="asset",window="1h"', 45 / 60, 45 / 60, 1],
      ['id="portal",scope="asset",window="1d"', 1_365 / 1_410, 1_365 / 1_410, 1],
      ['id="portal",scope="asset",window="7d"', 9_645 / 9_690, 9_645 / 10_050, 9_690 / 10_050],
      ['id="portal",scope="asset",window="30d"', 41_325 / 42_810, 41_325 / 43_170, 42_810 / 43_170],
      ['id="switch",scope="asset",window="1h"', undefined, 0, 0],
      ['id="switch",scope="asset",window="1d"', 1, 0.75, 0.75],
      ['id="switch",scope="asset",window="7d"', 1, 0.875, 0.875],
      ['id="switch",scope="asset",window="30d"', 1, 0.875, 0.875],
      ['id="u1",scope="unit",window="30d"', 41_325 / 42_810, 41_325 / 43_170, 42_810 / 43_170],
      ['id="z1",scope="zone",window="7d"', 12_165 / 12_210, 12_165 / 12_930, 12_210 / 12_930],
      ['scope="all",window="1h"', 45 / 60, 45 / 120, 60 / 120],
      ['scope="all",window="30d"', 43_845 / 45_330, 43_845 / 46_050, 45_330 / 46_050],
    ] as const;
    for (const [labels, ...values] of wanted) expect(figures(labels), labels).toEqual(values);
  });

  test('is measured again only after 15 s', async () => {
    const { store, clock, scrape } = await open();
    const figure = async () => linesOf(await scrape('/metrics'), 'jiwei_availability_ratio').length;
    expect(await figure()).toBe(0);
    const subject = { kind: 'asset', id: asId<'asset'>('portal') } as const;
    await store.commit(
      batchOf({
        spans: [{ kind: 'spans', subject, fromMs: fixtureNowMs - 1, spans: [span(fixtureNowMs - 1, 'up')], isCorrection: false }],
      }),
    );
    clock.advance(14_999);
    expect(await figure()).toBe(0);
    clock.advance(1);
    expect(await figure()).toBeGreaterThan(0);
  });
});

describe('response cycles', () => {
  const base = incidentOf('i9', 'portal', 20 * minuteMs);
  const cycleOf = (changes: Partial<ResponseCycle>): Incident => {
    const [cycle] = base.cycles;
    if (cycle === undefined) throw new Error('the fixture has no cycle');
    const resolvedAtMs = changes.resolvedAtMs ?? null;
    return { ...base, state: resolvedAtMs === null ? 'open' : 'resolved', resolvedAtMs, cycles: [{ ...cycle, ...changes }] };
  };
  const { openedAtMs } = base;
  const due = openedAtMs + 3 * minuteMs;
  const cases: readonly { why: string; incident: Incident; result: string | null }[] = [
    { why: 'answered at the due instant', incident: cycleOf({ respondedAtMs: due, resolvedAtMs: due + 1 }), result: 'hit' },
    { why: 'answered a millisecond late', incident: cycleOf({ respondedAtMs: due + 1, resolvedAtMs: due + 2 }), result: 'miss' },
    { why: 'never answered, resolved after it fell due', incident: cycleOf({ resolvedAtMs: due + 1 }), result: 'miss' },
    { why: 'recovered before it fell due', incident: cycleOf({ resolvedAtMs: due }), result: 'excluded' },
    { why: 'missed, but excluded', incident: cycleOf({ resolvedAtMs: due + 1, excluded: 'maintenance' }), result: 'excluded' },
  ];
  for (const { why, incident, result } of cases) {
    test(`${why}: ${result}`, async () => {
      const { tell, scrape } = await open();
      tell({ kind: 'incident', incident: { ...incident, crew: 'crew-9' }, entries: [] });
      const lines = linesOf(await scrape('/metrics'), 'jiwei_response_cycles_total').filter((line) => line.includes('crew-9'));
      expect(lines).toStrictEqual([`jiwei_response_cycles_total{crew="crew-9",result="${result}"} 1`]);
    });
  }

  test('an incident counts once: from the store, and again when it is reopened and resolved', async () => {
    const stored = { ...cycleOf({ respondedAtMs: due, resolvedAtMs: due + 60_000 }), crew: 'crew-9' };
    const old = { ...stored, id: asId<'incident'>('i8'), resolvedAtMs: fixtureNowMs - 25 * hourMs };
    const { tell, scrape } = await open(({ store }) => store.commit(batchOf({ incidents: [stored, old] })));
    const counts = async () => [
      ...linesOf(await scrape('/metrics'), 'jiwei_response_cycles_total').filter((line) => line.includes('crew-9')),
      ...linesOf(await scrape('/metrics'), 'jiwei_restore_seconds_count').filter((line) => line.includes('critical')),
    ];
    const twice = [
      'jiwei_response_cycles_total{crew="crew-9",result="hit"} 2',
      'jiwei_restore_seconds_count{severity="critical"} 2',
    ];
    expect(await counts()).toStrictEqual(twice);
    tell({ kind: 'incident', incident: stored, entries: [] });
    expect(await counts()).toStrictEqual(twice);
    const [first] = stored.cycles;
    if (first === undefined) throw new Error('the fixture has no cycle');
    tell({ kind: 'incident', incident: { ...stored, cycles: [first, { ...first, number: 2 }] }, entries: [] });
    expect((await counts())[0]).toBe('jiwei_response_cycles_total{crew="crew-9",result="hit"} 3');
  });

  test('histograms hold the seconds from opening, cumulatively', async () => {
    const { tell, scrape } = await open();
    tell({
      kind: 'incident',
      incident: { ...cycleOf({ respondedAtMs: openedAtMs + 45_500, resolvedAtMs: due }), severity: 'minor' },
      entries: [],
    });
    const text = await scrape('/metrics');
    const buckets = linesOf(text, 'jiwei_response_seconds_bucket').filter((line) => line.includes('"minor"'));
    // The district's own minor incident was answered after 100 s.
    expect(buckets.slice(0, 4)).toStrictEqual([
      'jiwei_response_seconds_bucket{le="10",severity="minor"} 0',
      'jiwei_response_seconds_bucket{le="30",severity="minor"} 0',
      'jiwei_response_seconds_bucket{le="60",severity="minor"} 1',
      'jiwei_response_seconds_bucket{le="120",severity="minor"} 2',
    ]);
    expect(text).toContain('jiwei_response_seconds_sum{severity="minor"} 145.5\n');
  });
});

describe('what is asked for', () => {
  const formats: readonly { why: string; accept: string | undefined; format: string }[] = [
    { why: 'nothing said', accept: undefined, format: 'text' },
    { why: 'anything', accept: '*/*', format: 'text' },
    { why: 'a browser', accept: 'text/html,*/*;q=0.8', format: 'text' },
    {
      why: 'Prometheus 2.42',
      accept: 'application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      format: 'openmetrics',
    },
    { why: 'text preferred', accept: 'text/plain,application/openmetrics-text;q=0.9', format: 'text' },
    { why: 'OpenMetrics refused', accept: 'application/openmetrics-text;q=0', format: 'text' },
    { why: 'a weight that is none', accept: 'application/openmetrics-text;q=x', format: 'text' },
  ];
  for (const { why, accept, format } of formats)
    test(`${why}: ${format}`, () => expect(expositionOf(accept).format).toBe(format));

  const textType = 'text/plain; version=0.0.4; charset=utf-8';
  const prometheus3 = (escaping: string): string =>
    `application/openmetrics-text;version=1.0.0;escaping=${escaping};q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,` +
    `text/plain;version=1.0.0;escaping=${escaping};q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1`;
  const escapings: readonly { why: string; accept: string | undefined; escaping: string; contentType: string }[] = [
    { why: 'nothing said', accept: undefined, escaping: 'values', contentType: textType },
    { why: 'the text without a scheme', accept: 'text/plain;version=0.0.4', escaping: 'values', contentType: textType },
    {
      why: 'Prometheus 2.42',
      accept: 'application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      escaping: 'values',
      contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
    },
    ...['allow-utf-8', 'underscores', 'dots', 'values'].map((escaping) => ({
      why: `Prometheus 3 that wants ${escaping}`,
      accept: prometheus3(escaping),
      escaping,
      contentType: `application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=${escaping}`,
    })),
    {
      why: 'the name of the scheme on Prometheus’s page of negotiation',
      accept: prometheus3('allow-utf8'),
      escaping: 'allow-utf-8',
      contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8',
    },
    {
      why: 'the text 1.0.0 before the text 0.0.4',
      accept: 'text/plain;version=0.0.4;q=0.2, text/plain;version=1.0.0;escaping="allow-utf-8";q=0.3',
      escaping: 'allow-utf-8',
      contentType: 'text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8',
    },
    {
      why: 'the text 0.0.4 with a scheme',
      accept: 'text/plain;version=0.0.4;escaping=underscores',
      escaping: 'underscores',
      contentType: `${textType}; escaping=underscores`,
    },
    {
      why: 'a scheme that is none',
      accept: 'text/plain;version=1.0.0;escaping=x\r\ny',
      escaping: 'values',
      contentType: textType,
    },
    {
      why: 'a scheme of another format',
      accept: 'text/html;escaping=dots,text/plain',
      escaping: 'values',
      contentType: textType,
    },
  ];
  for (const { why, accept, escaping, contentType } of escapings) {
    test(`${why}: ${escaping}`, () => expect(expositionOf(accept)).toMatchObject({ escaping, contentType }));
  }

  const encodings: readonly { accept: string | undefined; expected: boolean }[] = [
    { accept: undefined, expected: false },
    { accept: 'gzip', expected: true },
    { accept: 'deflate, GZIP;q=0.5', expected: true },
    { accept: 'gzip;q=0, *', expected: false },
    { accept: '*', expected: true },
    { accept: 'br', expected: false },
  ];
  for (const { accept, expected } of encodings) {
    test(`Accept-Encoding ${accept}: ${expected ? 'packed' : 'plain'}`, () => expect(acceptsGzip(accept)).toBe(expected));
  }
});

test('docs/metrics.md lists exactly the metrics there are, with type, labels and meaning', async () => {
  const document = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = document
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.replaceAll('`', '')),
    );
  const counters = createCollectorCounters();
  const process = (await counters.families()).filter(({ name }) => !(name in metricDocs));
  counters.close();
  expect(
    missingOrExtra(
      [...Object.keys(metricDocs), ...process.map(({ name }) => name)],
      rows.map(([name]) => name ?? ''),
    ),
  ).toEqual({
    missing: [],
    extra: [],
  });
  const own = rows.filter((row) => row.length === 4);
  expect(own).toStrictEqual(
    Object.entries(metricDocs).map(([name, { type, labels, help }]) => [name, type, labels.join(', ') || '–', help]),
  );
});

test('every metric of the table is written by a scrape', async () => {
  const text = await (await open()).scrape('/metrics');
  expect(Object.keys(metricDocs).filter((name) => !text.includes(`# TYPE ${name} `))).toStrictEqual([]);
});
