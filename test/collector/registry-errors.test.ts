import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { webhookNotifier } from '../../collector/src/notify/webhook.ts';
import { declarationErrorText } from '../../collector/src/registry/error-text.ts';
import { readTextNow } from '../../collector/src/registry/file-text.ts';
import { parseDeclaration } from '../../collector/src/registry/parse.ts';
import { collectorSets, hostCollectors } from '../../shared/src/host-collectors.ts';

const folder = join(import.meta.dirname, '../fixtures/registry');
const notifierSchemas = new Map<string, z.ZodType>([
  ['log', z.strictObject({})],
  ['webhook', z.strictObject({ url: z.url(), secret: z.string().optional() })],
]);

/** Every bad file with everything it is told, without the file's name. */
const cases: readonly { readonly file: string; readonly why: string; readonly errors: readonly string[] }[] = [
  {
    file: 'bad-ids',
    why: 'what an id, a name and a crew may be',
    errors: [
      '2:11: zones[0].id: is "East Zone"; needs an id: 1 to 64 of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit',
      '2:28: zones[0].name: is ""; needs at least 1 character',
      '2:38: zones[0].crew: is 7; needs a text',
    ],
  },
  {
    file: 'bad-maintenance',
    why: 'a window has an order, a length, a scope and offsets',
    errors: [
      '8:5: maintenance[0].assets: is for nothing; needs at least one of assets, units or zones',
      '10:9: maintenance[0].to: is not after from; needs a later instant',
      '13:17: maintenance[0].approvedAt: is "2026-12-01"; needs an instant with its offset, such as 2026-12-01T22:00:00+08:00',
      '14:49: maintenance[1].to: makes a window of 59d; needs at most 30d',
      '15:57: maintenance[2].to: is "2026-11-31T22:00:00+08:00"; needs a date and time that exist, and an offset of at most 14 hours',
    ],
  },
  {
    file: 'bad-notifier',
    why: 'notifiers and routes; a secret is not shown',
    errors: [
      '2:23: notifiers[0].kind: is "webhok"; needs one of log, webhook',
      '3:37: notifiers[1].url: is "no address"; needs an address such as https://example.org/',
      '3:57: notifiers[1].secret: is (a secret); needs a text',
      '5:26: routes[0].notifier: is "hok", but no such notifier is declared; did you mean "hook"?',
      '6:46: routes[1].severities[0]: is "bad"; needs one of catastrophic, critical, major, minor',
    ],
  },
  {
    file: 'bad-rule',
    why: 'expressions, templates, durations and recording rules',
    errors: [
      '5:15: groups[0].rules[0].expr: at character 1: "rate(node_cpu_seconds_total[5m])" is a function call, which is not supported; supported are vector selectors with label matchers, numbers, + - * / % ^, comparisons (with bool), and/or/unless, on/ignoring/group_left/group_right, and parentheses',
      '6:85: groups[0].rules[1].annotations.summary: at character 1: "{{ humanize $value }}" is not supported in a template; supported are {{ $labels.name }} and {{ $value }}',
      '7:29: groups[0].rules[2].expr: at character 9: "(?!x).*" is not a regular expression of RE2 (invalid or unsupported Perl syntax: (?!)',
      '7:61: groups[0].rules[2].for: is 5; needs a duration with its unit, such as 5s or 5ms: a bare number is refused (0s to 30d)',
      '8:11: groups[0].rules[3].record: is a recording rule, which is not supported; only alerts are',
    ],
  },
  {
    file: 'bare-number',
    why: 'nobody can know the unit of a bare number',
    errors: [
      '8:78: checks[0].interval: is 20; needs a duration with its unit, such as 20s or 20ms: a bare number is refused (1s to 1d)',
    ],
  },
  {
    file: 'cron-incomplete',
    why: 'calendar times need a zone and an age',
    errors: [
      '8:74: checks[0].cron: needs timeZone beside it, such as Asia/Shanghai',
      '8:74: checks[0].cron: needs staleAfter beside it: the age at which the last result no longer says anything, such as 26h for a daily check',
    ],
  },
  {
    file: 'duplicate-id',
    why: 'an id means one thing',
    errors: ['7:11: assets[1].id: is "web", which assets[0] has already; needs an id of its own'],
  },
  {
    file: 'empty',
    why: 'nothing is not a wish that everything be gone',
    errors: ['2:4: is empty; needs {} to declare nothing on purpose'],
  },
  {
    file: 'interval-too-short',
    why: 'a probe would overlap its own confirmation',
    errors: ['8:78: checks[0].interval: is "50ms"; needs 1s to 1d'],
  },
  {
    file: 'missing-host',
    why: 'neither the check nor its asset says where',
    errors: ['8:5: checks[0].host: is missing; needs a text'],
  },
  {
    file: 'no-host-agent',
    why: 'a process is seen from its own host only',
    errors: [
      '8:5: checks[0].from: asks from the host of "web", but no declared agent runs on it; needs an entry of agents with that asset',
    ],
  },
  {
    file: 'null-sections',
    why: 'a key with nothing after it is a line that was forgotten, not an empty list',
    errors: [
      '3:67: assets[0].parents: is null; needs a list',
      '4:1: timing: is null, since nothing follows it; needs a map of keys, or {} for none on purpose',
      '5:1: checks: is null, since nothing follows it; needs a list, or [] for none on purpose',
      '7:1: routes: is null, since nothing follows it; needs a list, or [] for none on purpose',
      '10:11: groups[0].rules: is null; needs a list',
      '11:12: notifiers: is a map of keys; needs a list',
    ],
  },
  {
    file: 'orderings',
    why: 'what is to come first comes first',
    errors: [
      '4:37: timing.respondWarn: leaves no time: the warning after 1m (respondWarn) needs to come before the response is due, after 1m (respond)',
      '4:49: timing.onsite: is too early: being on site after 59s (onsite) cannot be due before the response is, after 1m (respond)',
      '4:64: timing.question: leaves no room: a question of 20s (question) needs to be shorter than the interval of 20s (questionInterval)',
      '5:37: defaults.timeout: leaves no room: the timeout of 10s needs to be shorter than the interval of 10s',
      '5:60: defaults.confirm.retry: comes too late: the confirming question after 11s (confirm.retry) needs to come within the interval of 10s',
      '8:96: checks[1].confirm.retry: comes too late: the confirming question after 6s (confirm.retry) needs to come within the interval of 5s',
      '9:64: checks[2].interval: comes too late: the confirming question after 11s (confirm.retry) needs to come within the interval of 10s',
      '10:71: checks[3].slowMs: is 3000; needs less than the timeout of 3s, or nothing is ever slow',
      '11:107: checks[4].staleAfter: is 5s; needs more than the timeout of 5s',
    ],
  },
  {
    file: 'parent-cycle',
    why: 'a cycle is named as a chain, once',
    errors: ['7:57: assets[1].parents: leads back to the asset itself: a → c → b → a; needs parents without a cycle'],
  },
  {
    file: 'collector-unknown',
    why: 'what is read of a host has names',
    errors: [`9:33: host.collectors[1]: is "disk"; needs one of ${[...collectorSets, ...hostCollectors].join(', ')}`],
  },
  {
    file: 'port-out-of-range',
    why: 'options are checked by the schema of the kind',
    errors: ['8:64: checks[0].port: is 70000; needs at most 65535'],
  },
  {
    file: 'quorum-too-large',
    why: 'more cannot agree than are asked',
    errors: ['8:108: checks[0].quorum: is 3; needs at most the number of agents that ask, 2'],
  },
  {
    file: 'rule-file-missing',
    why: 'a rule file must be there',
    errors: [
      '1:13: ruleFiles[0]: is "nowhere.yml"; needs a file that can be read: cannot read nowhere.yml: ENOENT: no such file or directory, open \'nowhere.yml\'',
    ],
  },
  {
    file: 'stale-before-next',
    why: 'a window equal to the interval makes gaps',
    errors: ['8:95: checks[0].staleAfter: is 20s; needs more than the interval of 20s, or every late result makes a gap'],
  },
  {
    file: 'timeout-longer-than-interval',
    why: 'a run must end before the next',
    errors: ['8:92: checks[0].timeout: leaves no room: the timeout of 30s needs to be shorter than the interval of 10s'],
  },
  {
    file: 'unit-in-two-zones',
    why: 'a unit lies in one zone',
    errors: [
      '6:11: units[1].id: is "tax", which units[0] has already, once in zone east and once in zone west; a unit lies in one zone; needs an id of its own',
    ],
  },
  {
    file: 'unknown-agent',
    why: 'only a declared agent can be named',
    errors: ['8:85: checks[0].from.agents[0]: is "probe", but no such agent is declared; no agent is declared'],
  },
  {
    file: 'unknown-asset',
    why: 'the nearest name is offered',
    errors: ['8:26: checks[0].asset: is "wb", but no such asset is declared; did you mean "web"?'],
  },
  {
    file: 'unknown-key',
    why: 'top-level keys',
    errors: ['7:1: checkz: is not a known key; did you mean "checks"?'],
  },
  {
    file: 'unknown-kind',
    why: 'kinds of probes',
    errors: [
      '8:37: checks[0].kind: is "htttp"; needs one of icmp, tcp, http, tls, dns, process, unit, heartbeat; did you mean "http"?',
    ],
  },
  {
    file: 'unknown-nested-key',
    why: 'keys inside an entry',
    errors: ['8:79: checks[0].confirm.failurs: is not a known key; did you mean "failures"?'],
  },
  {
    file: 'unknown-spec-key',
    why: 'options of the kind',
    errors: ['8:58: checks[0].prot: is not a known key; did you mean "port"?'],
  },
  {
    file: 'unknown-unit',
    why: 'an asset belongs to a declared unit',
    errors: ['7:53: assets[1].unit: is "taxx", but no such unit is declared; did you mean "tax"?'],
  },
  {
    file: 'unknown-zone',
    why: 'a unit lies in a declared zone',
    errors: ['4:40: units[0].zone: is "est", but no such zone is declared; did you mean "east"?'],
  },
  {
    file: 'wrong-shapes',
    why: "maps, lists and durations in each other's place",
    errors: [
      '1:8: zones: is "east"; needs a list',
      '2:9: units[0]: is "tax"; needs a map of keys',
      '3:11: defaults: is "20s"; needs a map of keys',
      '4:20: timing.respond: is "soon"; needs a duration with its unit, such as 20s, 1m30s or 500ms (1ms to 1d)',
      '4:43: timing.agentStormCount: is 0; needs at least 2',
    ],
  },
  {
    file: 'yaml-alias-bomb',
    why: 'a small file must not blow up',
    errors: ['1:1: aliases stand for too much or for nothing; at most 100 values may come from aliases'],
  },
  {
    file: 'yaml-duplicate-key',
    why: 'the second would silently win',
    errors: [
      '3:1: zones: stands a second time in one map, first in line 1; needs to stand once',
      '6:49: checks[1].confirm.retry: stands a second time in one map, first in line 6; needs to stand once',
    ],
  },
  {
    file: 'yaml-not-a-map',
    why: 'the file is a map',
    errors: [
      '1:1: is a list; the file needs a map with the keys defaults, timing, host, probeTargets, zones, units, assets, agents, checks, groups, ruleFiles, maintenance, notifiers, routes',
    ],
  },
  {
    file: 'yaml-syntax',
    why: 'both places where the text is broken',
    errors: [
      '3:1: YAML: Flow map in block collection must be sufficiently indented and end with a }',
      '4:1: YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  },
];

describe('a bad declaration names every error by file, place, path, value and need', () => {
  for (const { file, why, errors } of cases) {
    test(`${file}: ${why}`, () => {
      const fileName = `${file}.yaml`;
      const result = parseDeclaration(readFileSync(join(folder, fileName), 'utf8'), {
        fileName,
        notifierSchemas,
        readRuleFile: readTextNow,
      });
      if (!('errors' in result)) throw new Error('the file was accepted');
      expect(result.errors.map(declarationErrorText)).toEqual(errors.map((error) => `${fileName}:${error}`));
    });
  }

  test('each file of the folder has its row', () => {
    expect(cases.map(({ file }) => `${file}.yaml`).sort()).toEqual(readdirSync(folder).sort());
  });
});

describe('an error shows no secret, whatever was written wrong', () => {
  const notifier = (rest: string): string => `notifiers: [{ id: hook, kind: webhook, ${rest} }]\n`;
  const check = (rest: string): string =>
    `assets: [{ id: web, name: Web, kind: website }]\nchecks: [{ id: page, asset: web, kind: http, ${rest} }]\n`;
  const rows: readonly { readonly why: string; readonly yaml: string; readonly says: string }[] = [
    {
      why: 'an address with a token in its query',
      yaml: notifier('url: "http://chat.example:8080/hook?access_token=GEHEIM"'),
      says: 'is "http://chat.example:8080/…"; the address is not encrypted',
    },
    {
      why: 'an address with a token in its path',
      yaml: notifier('url: "http://chat.example/hook/GEHEIM"'),
      says: 'is "http://chat.example/…"; the address is not encrypted',
    },
    {
      why: 'an address with name and password',
      yaml: check('url: "http://user:GEHEIM@web.example/"'),
      says: 'is "http://web.example/…"; needs an http:// or https:// address without user name and password',
    },
    {
      why: 'an address with a password with a slash in it',
      yaml: notifier('url: "http://user:12/GEHEIM@web.example/"'),
      says: 'is (an address that may hold a secret); the address is not encrypted',
    },
    {
      why: 'an address without its colon',
      yaml: check('url: "http//user:GEHEIM@web.example/"'),
      says: 'is (an address that may',
    },
    { why: 'a query alone', yaml: check('url: "web.example/?key=GEHEIM"'), says: 'is (an address that may' },
    {
      why: 'an address of another scheme',
      yaml: check('url: "ftp://web.example/GEHEIM"'),
      says: 'is "ftp://web.example/…"; needs',
    },
    { why: 'a bare address', yaml: notifier('url: "http://chat.example"'), says: 'is "http://chat.example/"; the address' },
    {
      why: 'an address as a key',
      yaml: notifier('"https://chat.example/GEHEIM": 1'),
      says: '["https://chat.example/…"]: is not a known key',
    },
    {
      why: 'a header',
      yaml: check('url: "https://web.example/", headers: { X-Door: "GEHEIM\\n" }'),
      says: 'headers.X-Door: is (a secret)',
    },
    { why: 'all headers', yaml: check('url: "https://web.example/", headers: "Cookie GEHEIM"'), says: 'headers: is (a secret)' },
    { why: 'a password that YAML takes for a tag', yaml: notifier('secret: !GEHEIM 1'), says: 'a text that begins with "!"' },
    {
      why: 'a password that YAML takes for an alias',
      yaml: notifier('secret: *GEHEIM'),
      says: 'aliases stand for too much or for nothing',
    },
    { why: 'a password that YAML takes for a block', yaml: 'notifiers:\n  - secret: |GEHEIM\n', says: 'Block scalar header' },
    { why: 'a password with an escape', yaml: notifier('secret: "\\UGEHEIMGEHEIM"'), says: 'Invalid escape sequence' },
    { why: 'what stands after the end', yaml: 'zones: []\n}GEHEIM\n', says: 'YAML: ' },
  ];
  const productSchemas = new Map<string, z.ZodType>([['webhook', webhookNotifier.schema]]);
  test.each(rows)('$why', ({ yaml, says }) => {
    const result = parseDeclaration(yaml, { fileName: 'a.yaml', notifierSchemas: productSchemas, readRuleFile: readTextNow });
    if (!('errors' in result)) throw new Error('the file was accepted');
    const text = result.errors.map(declarationErrorText).join('\n');
    expect(text).toContain(says);
    expect(text).not.toMatch(/GEHE/);
  });
});
