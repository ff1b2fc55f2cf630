import { asId } from '@jiwei/shared/ids.ts';
import { reasonCodes } from '@jiwei/shared/reasons.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { faultCodes } from '../../collector/src/engine/incident.ts';
import { durationText, instantText, shortSpanText } from '../../collector/src/http/page/duration.ts';
import { escapeHtml, html } from '../../collector/src/http/page/html.ts';
import { chooseLanguage } from '../../collector/src/http/page/words.ts';
import { reasonText } from '../../collector/src/words/reasons.ts';
import { agentRecord, districtParts, incidentOf, sessionOf } from '../support/district-fixture.ts';
import { createHttpFixture, type HttpFixture } from '../support/http-app.ts';
import { fixtureNowMs } from '../support/live-view.ts';
import { batchOf } from '../support/store-samples.ts';

describe('pieces of the page', () => {
  test('text in a hole is escaped, in elements and attributes; markup of our own is not', () => {
    const name = `<img src=x onerror="a('b')"> & more`;
    expect(escapeHtml(name)).toBe('&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt; &amp; more');
    expect(html`<p title="${name}">${[html`<b>${name}</b>`, null, false, 7]}</p>`.markup).toBe(
      `<p title="${escapeHtml(name)}"><b>${escapeHtml(name)}</b>7</p>`,
    );
  });

  const durations: readonly { readonly why: string; readonly ms: number; readonly zh: string; readonly en: string }[] = [
    { why: 'below a second', ms: 999, zh: '0 秒', en: '0 s' },
    { why: 'negative, when clocks differ', ms: -5, zh: '0 秒', en: '0 s' },
    { why: 'one second', ms: 1_000, zh: '1 秒', en: '1 s' },
    { why: 'one second before a minute', ms: 59_999, zh: '59 秒', en: '59 s' },
    { why: 'a whole minute', ms: 60_000, zh: '1 分', en: '1 min' },
    { why: 'minutes and seconds', ms: 312_000, zh: '5 分 12 秒', en: '5 min 12 s' },
    { why: 'no third unit', ms: 3_600_000 + 60_000 + 1_000, zh: '1 小时 1 分', en: '1 hour 1 min' },
    { why: 'a gap between the units', ms: 86_400_000 + 60_000, zh: '1 天', en: '1 day' },
    { why: 'days', ms: 3 * 86_400_000 + 4 * 3_600_000, zh: '3 天 4 小时', en: '3 days 4 hours' },
  ];
  for (const { why, ms, zh, en } of durations) {
    test(`a duration in words: ${why}`, () => {
      expect([durationText(ms, 'zh-CN'), durationText(ms, 'en')]).toEqual([zh, en]);
    });
  }

  test('instants are told in the time of the district', () => {
    expect(instantText(fixtureNowMs)).toBe('2026-11-02 08:00:00');
    expect([shortSpanText(180.4), shortSpanText(2_500)]).toEqual(['180 ms', '2.5 s']);
  });

  const languages: readonly {
    readonly why: string;
    readonly asked?: string;
    readonly accept?: string;
    readonly expected: string;
  }[] = [
    { why: 'nothing said', expected: 'zh-CN' },
    { why: 'the query wins', asked: 'en', accept: 'zh-CN', expected: 'en' },
    { why: 'a query we do not speak counts for nothing', asked: 'fr', accept: 'en-GB', expected: 'en' },
    { why: 'the first spoken one', accept: 'fr, en;q=0.8, zh;q=0.5', expected: 'en' },
    { why: 'by quality, not by place', accept: 'en;q=0.5, zh-TW;q=0.9', expected: 'zh-CN' },
    { why: 'one refused', accept: 'en;q=0', expected: 'zh-CN' },
  ];
  for (const { why, asked, accept, expected } of languages) {
    test(`language: ${why}`, () => expect(chooseLanguage(asked, accept)).toBe(expected));
  }

  test('every reason has words in both languages', () => {
    for (const reason of [...reasonCodes, ...faultCodes]) {
      expect(reasonText(reason, 'zh-CN'), reason).toMatch(/[\u4e00-\u9fff]/);
      expect(reasonText(reason, 'en'), reason).toMatch(/^[a-zA-Z]/);
    }
  });
});

describe('the page with a district', () => {
  let http: HttpFixture;
  beforeAll(async () => {
    const attack = incidentOf('i4', 'portal', 1_000, { summary: '<script>alert(1)</script>' });
    const { cycles } = attack;
    const isChild = { cycles: cycles.map((cycle) => ({ ...cycle, excluded: 'child' as const })) };
    const attached = incidentOf('i5', 'switch', 900_000, { ...isChild, summary: 'merged elsewhere', attachedTo: attack.id });
    const held = asId<'incident'>('closed-by-hand');
    const left = incidentOf('i6', 'ups', 900_000, { ...isChild, summary: 'left behind', attachedTo: held });
    const incidents = [...(districtParts.incidents ?? []), attack, attached, left];
    http = await createHttpFixture({
      parts: { ...districtParts, incidents },
      sessions: [sessionOf('a1')],
      declarationError: 'a.yaml:3:5: bad',
    });
    await http.store.saveAgent(agentRecord('a1'));
    await http.store.saveAgent(agentRecord('a2'));
    await http.store.saveAgent(agentRecord('a3', { revokedAtMs: fixtureNowMs - 1_000 }));
  });
  afterAll(() => http.close());
  const page = async (language: string) => (await http.app.inject(`/?lang=${language}`)).body;

  test('tells status by symbol and word, names intact', async () => {
    const body = await page('zh');
    expect(body).toContain('<html lang="zh-CN">');
    for (const text of [
      '财政门户网站',
      '大门摄像机 &amp; 云台',
      '区教育局 &lt;Education&gt;',
      '1 项故障',
      '2 项未知',
      '故障',
      '性能下降',
    ]) {
      expect(body).toContain(text);
    }
    expect(body).toContain('<span aria-hidden="true">✕</span> 故障');
  });

  test('shows the clocks of open incidents: running, overdue, kept', async () => {
    const body = await page('en');
    for (const text of ['1 min left', '13 min left', 'overdue by 17 min', 'overdue by 5 min', 'done after 1 min 40 s']) {
      expect(body).toContain(text);
    }
  });

  test('shows what belongs to another incident right below it, with a mark and without a clock', async () => {
    const rows = (await page('en')).split('<tr>');
    const at = rows.findIndex((row) => row.includes('merged elsewhere'));
    expect(rows[at - 1]).toContain('&lt;script&gt;alert(1)');
    expect(rows[at]).toContain('<span class="below">核心交换机</span>');
    expect(rows[at]).toContain('part of the incident above');
    expect(rows[at]).not.toMatch(/overdue|left/);
    expect(rows.find((row) => row.includes('left behind'))).toContain('part of an incident closed by hand');
    expect(await page('zh')).toContain('并入上方故障');
  });

  test('shows agents with link, clock and spool, and the refused declaration', async () => {
    const body = await page('en');
    for (const text of ['2.6 s ahead', '2 frames', 'Lost', 'Revoked', 'a.yaml:3:5: bad', 'maintenance', 'flapping']) {
      expect(body).toContain(text);
    }
  });

  test('says of an asset that its incident was closed by hand while it fails on', async () => {
    const row = (await page('en')).split('<tr>').find((one) => one.includes('closed by hand, still failing'));
    expect(row).toContain('财政门户网站');
    expect(await page('zh')).toContain('已由人工关闭，故障仍在');
  });

  test('says why nothing is known of an asset that an agent cannot ask', async () => {
    const body = await page('en');
    expect(body).toContain('(a1, cam-ping): ping: &lt;not found&gt;');
    expect(await page('zh')).toContain('(a1, cam-ping): ping');
  });

  test('escapes whatever comes from outside', async () => {
    for (const language of ['zh', 'en']) {
      const body = await page(language);
      expect(body).not.toContain('<script>alert');
      expect(body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    }
  });

  test('keeps within its own policy: no inline style or script, only own files, and they exist', async () => {
    const answer = await http.app.inject('/');
    expect(answer.headers['content-security-policy']).toContain("default-src 'self'");
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).not.toMatch(/ style=| on\w+=|<style|<script>|https?:\/\//);
    const files = Array.from(answer.body.matchAll(/(?:href|src)="(\/page\/[^"]+)"/g), (match) => match[1] ?? '');
    expect(files).toHaveLength(2);
    for (const url of files) {
      const file = await http.app.inject({ url, remoteAddress: '192.0.2.7' });
      expect([file.statusCode, file.headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
      expect(file.headers['content-type']).toMatch(url.endsWith('.css') ? /^text\/css/ : /^text\/javascript/);
    }
  });

  test('refreshes without script', async () => {
    expect(await page('en')).toContain('<noscript><meta http-equiv="refresh" content="5"></noscript>');
  });
});

describe('the page of a new collector', () => {
  let http: HttpFixture;
  afterEach(() => http.close());

  test('has words for everything that is not there', async () => {
    http = await createHttpFixture();
    const body = (await http.app.inject('/?lang=en')).body;
    for (const text of ['No open incidents.', 'No assets', 'No agent has joined yet.', 'no data']) expect(body).toContain(text);
    const chinese = (await http.app.inject('/')).body;
    for (const text of ['当前没有未恢复的故障。', '尚未登记资产', '还没有代理接入。', '无数据']) expect(chinese).toContain(text);
  });

  test('marks figures with little coverage, and reads them again only after a while', async () => {
    http = await createHttpFixture({ parts: districtParts });
    await http.store.commit(
      batchOf({
        atMs: fixtureNowMs,
        spans: [
          {
            ...{
              kind: 'spans',
              subject: { kind: 'asset', id: districtParts.assets?.[0]?.id ?? expect.fail() },
              isCorrection: false,
            },
            ...{ fromMs: fixtureNowMs - 100_000 },
            spans: [
              { fromMs: fixtureNowMs - 100_000, status: 'up', reason: null, attributedTo: null },
              { fromMs: fixtureNowMs - 94_000 + 88_000, status: 'unknown', reason: null, attributedTo: null },
            ],
          },
        ],
      }),
    );
    const body = (await http.app.inject('/')).body;
    expect(body).toContain('94.0000 %');
    expect(body).toContain('<span class="tag unknown">数据不足</span>');
    http.clock.advance(14_999);
    expect((await http.app.inject('/')).body).toContain('94.0000 %');
    http.clock.advance(1);
    expect((await http.app.inject('/')).body).not.toContain('94.0000 %');
  });
});
