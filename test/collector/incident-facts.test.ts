import { expect, test } from 'vitest';
import type { Incident } from '../../collector/src/engine/incident.ts';
import { factsOf } from '../../collector/src/words/incident-facts.ts';
import type { Language } from '../../collector/src/words/language.ts';

const linesOf = (problem: string, details: Incident['details'], language: Language): readonly string[] =>
  factsOf({ problem, reason: 'CONNECTION_REFUSED', details, summary: 'portal: in English' }, language).map(
    ({ label, value }) => `${label[language]} | ${value}`,
  );

const cases: readonly {
  readonly why: string;
  readonly problem: string;
  readonly details: Incident['details'];
  readonly zh: readonly string[];
  readonly en: readonly string[];
}[] = [
  {
    why: 'a check with what its target answered',
    problem: 'down',
    details: {
      'oa.web.target': 'http http://oa.example/',
      'oa.web.reason': 'HTTP_STATUS',
      'oa.web.detail': '503 Service Unavailable',
    },
    zh: ['检查 | http http://oa.example/（oa.web）：HTTP 状态码不在允许范围内，503 Service Unavailable'],
    en: ['Check | http http://oa.example/ (oa.web): the HTTP status is not in the accepted set, 503 Service Unavailable'],
  },
  {
    why: 'one without more to say, and one of a version before, without its target',
    problem: 'check:job',
    details: { 'job.target': 'heartbeat job', 'job.reason': 'HEARTBEAT_MISSED', 'old.reason': 'SLOW' },
    zh: ['检查 | heartbeat job（job）：未按时收到心跳', '检查 | old：响应正确，但超过慢响应阈值'],
    en: [
      'Check | heartbeat job (job): the expected heartbeat did not come',
      'Check | old: the answer was right but took longer than slowMs',
    ],
  },
  {
    why: 'the reason of the incident itself, which has been read by then',
    problem: 'down',
    details: {
      'a.target': 'tcp a:1',
      'a.reason': 'CONNECTION_REFUSED',
      'a.detail': 'ECONNREFUSED',
      'b.reason': 'CONNECTION_REFUSED',
    },
    zh: ['检查 | tcp a:1（a）：ECONNREFUSED', '检查 | b'],
    en: ['Check | tcp a:1 (a): ECONNREFUSED', 'Check | b'],
  },
  {
    why: 'a reason this version does not know',
    problem: 'degraded',
    details: { 'a.target': 'tcp a:1', 'a.reason': 'NOVEL' },
    zh: ['检查 | tcp a:1（a）：NOVEL'],
    en: ['Check | tcp a:1 (a): NOVEL'],
  },
  {
    why: 'more checks than one message names',
    problem: 'down',
    details: Object.fromEntries(Array.from({ length: 7 }, (_, index) => [`c${index}.reason`, 'TIMEOUT'])),
    zh: [...Array.from({ length: 5 }, (_, index) => `检查 | c${index}：在期限内没有得到完整响应`), '检查 | 另有 2 项'],
    en: [
      ...Array.from({ length: 5 }, (_, index) => `Check | c${index}: no complete answer came before the deadline`),
      'Check | and 2 more',
    ],
  },
  {
    why: 'a rule, in the words of whoever wrote it',
    problem: 'rule:disk',
    details: { summary: '根分区将满', rule: 'FilesystemNearlyFull', value: '0.05' },
    zh: ['说明 | 根分区将满', '规则 | FilesystemNearlyFull', '当前值 | 0.05'],
    en: ['Summary | 根分区将满', 'Rule | FilesystemNearlyFull', 'Value | 0.05'],
  },
  {
    why: 'an agent',
    problem: 'agent',
    details: { agent: 'web-1', cause: 'silent' },
    zh: ['代理 | web-1'],
    en: ['Agent | web-1'],
  },
  {
    why: 'a zone, by its agents',
    problem: 'zone',
    details: { agents: 'a, b, c' },
    zh: ['代理 | a, b, c'],
    en: ['Agents | a, b, c'],
  },
  {
    why: 'a storm, by its assets',
    problem: 'storm',
    details: { assets: '门户网站, 数据库', incidents: 'inc-1, inc-2' },
    zh: ['相关资产 | 门户网站, 数据库'],
    en: ['Assets | 门户网站, 数据库'],
  },
  {
    why: 'a storm with what it took in, of which nothing else tells',
    problem: 'storm',
    details: { assets: '门户网站, 数据库', incidents: 'inc-1, inc-2', attached: '大厅摄像头' },
    zh: ['相关资产 | 门户网站, 数据库', '一并发生故障的资产 | 大厅摄像头'],
    en: ['Assets | 门户网站, 数据库', 'Failed with them | 大厅摄像头'],
  },
  {
    why: 'nothing but the summary',
    problem: 'down',
    details: {},
    zh: ['说明 | portal: in English'],
    en: ['Summary | portal: in English'],
  },
];
for (const { why, problem, details, zh, en } of cases) {
  test(`what was found, for people: ${why}`, () => {
    expect([linesOf(problem, details, 'zh-CN'), linesOf(problem, details, 'en')]).toEqual([zh, en]);
  });
}
