import { readFile } from 'node:fs/promises';
import { asId } from '@jiwei/shared/ids.ts';
import { reasonCodes } from '@jiwei/shared/reasons.ts';
import { describe, expect, test } from 'vitest';
import { faultCodes } from '../../collector/src/engine/incident.ts';
import { messageOf } from '../../collector/src/notify/message.ts';
import { durationText, instantText } from '../../collector/src/notify/message-time.ts';
import { reasonText } from '../../collector/src/words/reasons.ts';
import { noticeOf } from '../support/notices.ts';
import { incidentOf } from '../support/store-samples.ts';

const chinese = { language: 'zh-CN', timeZone: 'Asia/Shanghai', consoleUrl: 'https://ops.invalid/console' } as const;
const english = { language: 'en', timeZone: 'UTC' } as const;
const resolved = noticeOf({
  notice: 'resolved',
  incident: incidentOf({ state: 'resolved', faultFromMs: 1_762_495_385_000, faultToMs: 1_762_499_285_000 }),
});

describe('instants', () => {
  test.each([
    {
      why: 'Chinese, in Shanghai',
      atMs: 1_762_495_385_000,
      language: 'zh-CN',
      zone: 'Asia/Shanghai',
      text: '2025年11月07日 14:03:05',
    },
    {
      why: 'midnight is 00, not 24',
      atMs: 1_762_444_800_000,
      language: 'zh-CN',
      zone: 'Asia/Shanghai',
      text: '2025年11月07日 00:00:00',
    },
    { why: 'English names its zone', atMs: 1_762_495_385_000, language: 'en', zone: 'UTC', text: '2025-11-07 06:03:05 (UTC)' },
  ] as const)('$why: $text', ({ atMs, language, zone, text }) => {
    expect(instantText(atMs, language, zone)).toBe(text);
  });

  test.each([
    [0, '0秒', '0 s'],
    [999, '0秒', '0 s'],
    [42_000, '42秒', '42 s'],
    [65_000, '1分5秒', '1 min 5 s'],
    [3_600_000, '1小时', '1 h'],
    [3_660_000, '1小时1分', '1 h 1 min'],
    [90_061_000, '1天1小时', '1 d 1 h'],
    [-5, '0秒', '0 s'],
  ])('%i ms last %s', (durationMs, inChinese, inEnglish) => {
    expect(durationText(durationMs, 'zh-CN')).toBe(inChinese);
    expect(durationText(durationMs, 'en')).toBe(inEnglish);
  });
});

describe('messages', () => {
  test('a fault in Chinese, as text', () => {
    const message = messageOf(noticeOf(), chinese);
    expect(message.title).toBe('【故障】[重大] 税务局 政务服务网');
    expect(message.text).toBe(
      [
        '【故障】[重大] 税务局 政务服务网',
        '',
        '资产：政务服务网 (web-portal)',
        '单位：税务局 (tax)',
        '片区：东片区 (east)',
        '运维小组：East crew',
        '级别：重大',
        '原因：在期限内没有得到完整响应',
        '说明：web-portal is down',
        '故障开始：2025年11月07日 14:03:05',
        '响应期限：1970年01月01日 08:03:03',
        '故障编号：inc-1',
        '查看详情：https://ops.invalid/console/incidents/inc-1',
      ].join('\n'),
    );
  });

  test('a recovery in English, as text, without names and console', () => {
    const message = messageOf({ ...resolved, names: { asset: null, unit: null, zone: null } }, english);
    expect(message.text).toBe(
      [
        '[Resolved] tax web-portal (critical)',
        '',
        'Asset: web-portal',
        'Unit: tax',
        'Zone: east',
        'Crew: East crew',
        'Severity: critical',
        'Reason: no complete answer came before the deadline',
        'Summary: web-portal is down',
        'Fault since: 2025-11-07 06:03:05 (UTC)',
        'Fault until: 2025-11-07 07:08:05 (UTC)',
        'Duration: 1 h 5 min',
        'Incident: inc-1',
      ].join('\n'),
    );
    expect(message.url).toBeNull();
  });

  test('what comes from outside stays text: in markdown, in HTML, on one line', () => {
    const nasty = '<b>*x*</b>\r\nBcc: a@b [l](http://evil.invalid) "q"';
    const message = messageOf(noticeOf({ names: { asset: nasty, unit: null, zone: null } }), chinese);
    expect(message.title).not.toMatch(/[\r\n]/);
    expect(message.markdown).toContain('\\<b\\>\\*x\\*\\</b\\> Bcc: a@b \\[l\\](http://evil.invalid)');
    expect(message.html).toContain('&#60;b&#62;*x*&#60;/b&#62; Bcc');
    expect(message.html).not.toContain('<b>');
    expect(message.text.split('\n').filter((line) => line.startsWith('Bcc'))).toEqual([]);
  });

  test('an incident whose asset has no unit is told without one', () => {
    const incident = incidentOf({ unitId: null, zoneId: null, assetId: asId<'asset'>('agent:a1'), crew: '' });
    const message = messageOf(noticeOf({ incident, names: { asset: null, unit: null, zone: null } }), english);
    expect(message.title).toBe('[Fault] agent:a1 (critical)');
    expect(message.text).not.toMatch(/Unit|Zone|Crew/);
  });

  test('an incident of a zone itself names the zone, and no asset', () => {
    const incident = incidentOf({ unitId: null, assetId: asId<'asset'>('zone:east'), problem: 'storm', reason: 'ZONE_STORM' });
    const message = messageOf(noticeOf({ incident, names: { asset: '东片区', unit: null, zone: '东片区' } }), chinese);
    expect(message.title).toBe('【故障】[重大] 东片区');
    expect(message.text).toContain('\n片区：东片区 (east)\n');
    expect(message.text).not.toContain('资产：');
  });

  test('every reason has words in both languages', () => {
    for (const reason of [...reasonCodes, ...faultCodes]) {
      expect(reasonText(reason, 'en')).toMatch(/^[a-zA-Z]/);
      expect(reasonText(reason, 'zh-CN')).toMatch(/\p{Script=Han}/u);
    }
  });

  test('docs/reasons.md lists every code of the engine with its words, and no other', async () => {
    const text = await readFile(new URL('../../docs/reasons.md', import.meta.url), 'utf8');
    const ofEngine = text.slice(text.indexOf('\n## '));
    const rows = Array.from(ofEngine.matchAll(/^\| `([A-Z_]+)` \| ([^|]+) \|/gm), ([, code, words]) => [code, words?.trim()]);
    expect(rows).toEqual(faultCodes.map((code) => [code, reasonText(code, 'en')]));
  });
});
