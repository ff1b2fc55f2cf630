import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@jiwei/shared/errors.ts';
import { type AgentId, asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EngineConfig } from '../../collector/src/engine/config.ts';
import { notifierSchemas } from '../../collector/src/notify/registry.ts';
import { isSameWork, unaskedChecks, workOf } from '../../collector/src/registry/assign.ts';
import { type Compiled, compile } from '../../collector/src/registry/compile.ts';
import type { Declaration } from '../../collector/src/registry/declaration.ts';
import { windowsAsDeclared } from '../../collector/src/registry/declared-windows.ts';
import { durationText, parseDurationMs } from '../../collector/src/registry/duration.ts';
import { declarationErrorText } from '../../collector/src/registry/error-text.ts';
import type { FileText } from '../../collector/src/registry/file-text.ts';
import { withRulesInline } from '../../collector/src/registry/inline-rules.ts';
import { parseInstantMs } from '../../collector/src/registry/instant.ts';
import { parseDeclaration } from '../../collector/src/registry/parse.ts';
import type { AgentRecord, StoredMaintenance } from '../../collector/src/store/port.ts';

const noFile = { error: new AppError('CONFIG_UNREADABLE', 'no such file') };
const parse = (text: string, ruleFiles: Readonly<Record<string, string>> = {}): Declaration => {
  const readRuleFile = (path: string): FileText => {
    const text = ruleFiles[path];
    return text === undefined ? noFile : { text };
  };
  const result = parseDeclaration(text, { fileName: 'conf/test.yaml', notifierSchemas, readRuleFile });
  if ('errors' in result) throw new Error(result.errors.map(declarationErrorText).join('\n'));
  return result.declaration;
};

const base = `
zones: [{ id: east, name: East, crew: East crew }, { id: west, name: West, crew: West crew }]
units: [{ id: tax, name: Tax, zone: east }, { id: water, name: Water, zone: west }]
assets:
  - { id: web, name: Web, kind: website, unit: tax, address: 10.0.0.1 }
  - { id: pump, name: Pump, kind: server, unit: water }
agents: [{ id: p0, asset: pump }]
`;
const checkOf = (line: string) => {
  const [check] = parse(`${base}checks:\n  - { id: c, ${line} }\n`).checks;
  if (check === undefined) throw new Error('no check was declared');
  return check;
};

const recordOf = (id: string, changes: Partial<AgentRecord> = {}): AgentRecord => ({
  id: asId<'agent'>(id),
  publicKey: id,
  zoneId: asId<'zone'>('east'),
  labels: {},
  enrolledAtMs: 0,
  revokedAtMs: null,
  hostname: `host-${id}`,
  platform: 'linux',
  architecture: 'x64',
  agentVersion: '0.1.0',
  lastSeenAtMs: 0,
  lastAddress: null,
  ...changes,
});

describe('a check that says little', () => {
  test('gets the defaults: 20 s, 5 s, 3 failures, 2 successes at 1 s, one agent of the zone, the address of its asset', () => {
    expect(checkOf('asset: web, kind: tcp, port: 80')).toEqual({
      id: 'c',
      assetId: 'web',
      probe: { kind: 'tcp', spec: { host: '10.0.0.1', port: 80, tls: false, exchange: [] } },
      schedule: { intervalMs: 20_000 },
      timeoutMs: 5_000,
      confirm: { failures: 3, successes: 2, retryMs: 1_000 },
      critical: true,
      severity: 'major',
      quorum: null,
      staleAfterMs: 50_000,
      from: { kind: 'zone', zoneId: 'east', count: 1 },
    });
  });

  test('takes the defaults of the file before those of the product', () => {
    const text = `${base}defaults: { interval: 1m, confirm: { failures: 5 } }\nchecks: [{ id: c, asset: web, kind: tcp, port: 80, confirm: { retry: 2s } }]\n`;
    expect(parse(text).checks[0]).toMatchObject({
      schedule: { intervalMs: 60_000 },
      confirm: { failures: 5, successes: 2, retryMs: 2_000 },
      staleAfterMs: 130_000,
    });
  });

  const sources: readonly { readonly line: string; readonly from: unknown }[] = [
    { line: 'asset: pump, kind: process, name: x', from: { kind: 'host' } },
    { line: 'asset: pump, kind: unit, unit: x.service', from: { kind: 'host' } },
    { line: 'asset: pump, kind: heartbeat', from: { kind: 'collector' } },
    { line: 'asset: web, kind: icmp, from: { agents: [p0] }', from: { kind: 'agents', agentIds: ['p0'] } },
    { line: 'asset: web, kind: icmp, from: { zone: west, count: 3 }', from: { kind: 'zone', zoneId: 'west', count: 3 } },
    { line: 'asset: web, kind: icmp, from: { labels: { role: x } }', from: { kind: 'labels', labels: { role: 'x' }, count: 1 } },
  ];
  for (const { line, from } of sources)
    test(`is asked from the right place: ${line}`, () => expect(checkOf(line).from).toEqual(from));

  test('a heartbeat is stale after two intervals, its grace and 5 s', () => {
    expect(checkOf('asset: pump, kind: heartbeat, interval: 1h, graceMs: 60000').staleAfterMs).toBe(7_265_000);
  });

  test('calendar times keep their zone and say their own age', () => {
    const check = checkOf('asset: web, kind: icmp, cron: 0 3 * * *, timeZone: Asia/Shanghai, staleAfter: 26h');
    expect(check.schedule).toEqual({ cron: '0 3 * * *', timeZone: 'Asia/Shanghai' });
    expect(check.staleAfterMs).toBe(93_600_000);
  });
});

describe('rules', () => {
  const group =
    'groups: [{ name: g, interval: 30s, labels: { team: x }, rules: [{ alert: A, expr: up == 0, for: 1m30s }, { alert: A, expr: up == 2 }] }]';

  test('of a rule file are those of the file itself, with ids of their group and name', () => {
    const inline = parse(group).rules;
    expect(parse('ruleFiles: [rules.yml]', { 'conf/rules.yml': group })).toMatchObject({
      rules: inline,
      ruleFiles: ['conf/rules.yml'],
    });
    expect(inline).toMatchObject([
      { id: 'g/A', name: 'A', expr: 'up == 0', forMs: 90_000, keepFiringForMs: 0, evaluationMs: 30_000, labels: { team: 'x' } },
      { id: 'g/A#2', expr: 'up == 2', forMs: 0 },
    ]);
  });

  test('of rule files can be written into the declaration, which then says the same without them', () => {
    const files = { 'conf/rules.yml': group.replaceAll('name: g,', 'name: other,') };
    const text = `# Kept.\n${base}${group}\nruleFiles: [rules.yml] # gone\n`;
    const whole = withRulesInline(text, 'conf/test.yaml', (path) => (path === 'conf/rules.yml' ? { text: files[path] } : noFile));
    expect(whole).toContain('# Kept.');
    expect(parse(whole)).toEqual({ ...parse(text, files), ruleFiles: [] });
    expect(withRulesInline(base, 'conf/test.yaml', () => noFile)).toBe(base);
  });

  test('an error in a rule file names that file and its line', () => {
    const options = {
      fileName: 'test.yaml',
      notifierSchemas,
      readRuleFile: () => ({ text: 'groups:\n  - name: g\n    rules:\n      - { alert: A }\n' }),
    };
    const result = parseDeclaration('ruleFiles: [rules.yml]', options);
    expect('errors' in result ? result.errors.map(declarationErrorText) : []).toEqual([
      'rules.yml:4:9: groups[0].rules[0].expr: is missing; needs an expression',
    ]);
  });

  const badFiles: readonly { readonly why: string; readonly text: string; readonly error: string }[] = [
    { why: 'is empty', text: '\n', error: 'rules.yml:1:1: is empty; needs groups: [] to declare nothing on purpose' },
    {
      why: 'has a key with nothing after it',
      text: 'groups:\n',
      error: 'rules.yml:1:1: groups: is null, since nothing follows it; needs a list, or [] for none on purpose',
    },
    { why: 'is a list', text: '- a\n', error: 'rules.yml:1:1: is a list; the file needs a map with the keys groups' },
  ];
  for (const { why, text, error } of badFiles) {
    test(`of a rule file that ${why} are none anybody declared`, () => {
      const result = parseDeclaration('ruleFiles: [rules.yml]', {
        fileName: 'test.yaml',
        notifierSchemas,
        readRuleFile: () => ({ text }),
      });
      expect('errors' in result ? result.errors.map(declarationErrorText) : []).toEqual([error]);
    });
  }
});

test('the declarations that are delivered are in order', () => {
  for (const name of ['local.yaml', 'examples/district.yaml']) {
    const declaration = parse(readFileSync(join(import.meta.dirname, '../../deploy', name), 'utf8'));
    expect(declaration.checks.length, name).toBeGreaterThan(0);
  }
});

test('an empty declaration declares nothing and has the standard timing', () => {
  expect(parse('{}')).toMatchObject({
    zones: [],
    checks: [],
    timing: { respondMs: 180_000, onsiteMs: 900_000 },
    hostIntervalMs: 15_000,
  });
});

test('the warning of a response that is due keeps its share of what is promised', () => {
  expect(parse('timing: { respond: 1m }').timing).toMatchObject({ respondMs: 60_000, respondWarnMs: 40_000 });
  expect(parse('timing: { respond: 3m }').timing.respondWarnMs).toBe(120_000);
  expect(parse('timing: { respond: 5m, respondWarn: 1m }').timing.respondWarnMs).toBe(60_000);
  expect(() => parse('timing: { respond: 20m }')).toThrow('being on site after 15m (onsite) cannot be due before');
  expect(parse('timing: { respond: 15m }').timing).toMatchObject({ respondWarnMs: 600_000, onsiteMs: 900_000 });
});

const errorsOf = (text: string): readonly string[] => {
  const result = parseDeclaration(text, { fileName: 'test.yaml', notifierSchemas });
  return 'errors' in result ? result.errors.map(declarationErrorText) : [];
};

test('an address that is none is told with an example, not with a pattern', () => {
  const smtp = "notifiers: [{ id: m, kind: smtp, host: mail, from: 'wang at example.org', to: [duty] }]";
  const need = 'needs a mail address such as duty@example.org';
  expect(errorsOf(smtp)).toEqual([
    `test.yaml:1:52: notifiers[0].from: is "wang at example.org"; ${need}`,
    `test.yaml:1:80: notifiers[0].to[0]: is "duty"; ${need}`,
  ]);
});

test('an asset that is not there is one mistake, not also a host that is missing', () => {
  expect(errorsOf('checks: [{ id: c, asset: gone, kind: tcp, port: 80 }]')).toEqual([
    'test.yaml:1:26: checks[0].asset: is "gone", but no such asset is declared; no asset is declared',
  ]);
});

test('any text is a declaration or a list of errors, never a throw', () => {
  const pieces = fc.constantFrom(
    'zones',
    'checks',
    'groups',
    ': ',
    '- ',
    '\n',
    '  ',
    '{ ',
    ' }',
    '[',
    ']',
    'id',
    '&a ',
    '*a',
    '"',
    '20s',
    '!!x ',
    '<<',
    '? ',
    '|',
  );
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      const result = parseDeclaration(text, { fileName: 'x.yaml', notifierSchemas });
      if ('errors' in result) expect(result.errors.length).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
});

describe('the configuration of the engine', () => {
  const text = `${base}checks:
  - { id: host, asset: pump, kind: process, name: x }
  - { id: near, asset: web, kind: icmp, from: { zone: east, count: 2 } }
  - { id: named, asset: web, kind: icmp, from: { agents: [p0] } }
  - { id: labelled, asset: web, kind: icmp, from: { labels: { role: probe }, count: 5 } }
  - { id: job, asset: pump, kind: heartbeat }
maintenance:
  - { id: m, from: 2026-12-05T22:00:00+08:00, to: 2026-12-06T02:00:00+08:00, units: [water], reason: R, approvedBy: W, approvedAt: 2026-12-01T00:00:00Z }
`;
  const declaration = parse(text);
  const workFrom = ({ config, asking }: Compiled, agentId: string) =>
    workOf(config, asId<'agent'>(agentId), asking.checkIdsOf(asId<'agent'>(agentId)));
  const agentIdsOf = (config: EngineConfig) =>
    Object.fromEntries([...config.checks.values()].map((check) => [check.id, check.agentIds]));

  test('gives a host nobody declared an asset of its own, and an address only when others can reach it', () => {
    const agents = [recordOf('p0', { lastAddress: '10.9.9.9' }), recordOf('new', { lastAddress: '127.0.0.1' })];
    const config = compile(declaration, agents, [], 3).config;
    expect([...config.agents.values()]).toEqual([
      { id: 'p0', assetId: 'pump', zoneId: 'west', address: '10.9.9.9' },
      { id: 'new', assetId: 'agent:new', zoneId: 'east', address: null },
    ]);
    expect(config.assets.get(asId<'asset'>('agent:new'))).toMatchObject({ name: 'host-new', unitId: null, zoneId: 'east' });
    expect(config.version).toBe(3);
  });

  test('chooses agents by host, name, zone and label; never revoked ones, and lost ones only when nobody else is there', () => {
    const agents = [
      recordOf('p0'),
      ...['e1', 'e2', 'e3'].map((id) => recordOf(id, { labels: { role: 'probe' } })),
      recordOf('gone', { revokedAtMs: 5, labels: { role: 'probe' } }),
    ];
    const config = compile(declaration, agents, [], 1).config;
    expect(agentIdsOf(config)).toMatchObject({ host: ['p0'], named: ['p0'], labelled: ['e1', 'e2', 'e3'], job: [] });
    const chosen = agentIdsOf(config)['near'] ?? [];
    expect(chosen).toHaveLength(2);
    const lost = new Set<AgentId>(chosen.slice(0, 1));
    const others = agentIdsOf(compile(declaration, agents, [], 2, lost).config)['near'];
    expect(others).toHaveLength(2);
    expect(others).not.toContain(chosen[0]);
    expect(others).toContain(chosen[1]);
    const allLost = new Set(agents.map((agent) => agent.id));
    expect(agentIdsOf(compile(declaration, agents, [], 2, allLost).config)['near']).toEqual(chosen);
  });

  test('passes over agents that have as many checks as an agent may have; what nobody is left for is unasked', () => {
    const zoneChecks = (count: number) =>
      Array.from(
        { length: count },
        (_, index) => `  - { id: c${index}, asset: web, kind: icmp, from: { zone: east, count: 1 } }\n`,
      );
    const many = parse(
      `${base}checks:\n${zoneChecks(2 * limits.checksPerAgentMax + 2).join('')}  - { id: job, asset: pump, kind: heartbeat }\n`,
    );
    const compiled = compile(many, [recordOf('e1'), recordOf('e2')], [], 1);
    expect(['e1', 'e2'].map((id) => workFrom(compiled, id).checks.length)).toEqual([
      limits.checksPerAgentMax,
      limits.checksPerAgentMax,
    ]);
    expect(unaskedChecks(compiled.config)).toEqual([`c${2 * limits.checksPerAgentMax}`, `c${2 * limits.checksPerAgentMax + 1}`]);
  });

  test('takes windows from the record, whole units resolved, called-off ones cut', () => {
    const window: StoredMaintenance = {
      id: asId<'maintenance'>('extra'),
      fromMs: 100,
      toMs: 300,
      assetIds: [],
      unitIds: [],
      zoneIds: [asId<'zone'>('east')],
      reason: 'R',
      approvedBy: 'W',
      approvedAtMs: 50,
      cancelledAtMs: 200,
    };
    const declared = windowsAsDeclared([], declaration.maintenance, { version: 4, appliedAtMs: 77 });
    const config = compile(declaration, [recordOf('e1')], [...declared, window, { ...window, cancelledAtMs: 100 }], 1).config;
    expect(config.maintenance).toMatchObject([
      {
        ...{ id: 'm@4', fromMs: Date.parse('2026-12-05T14:00:00Z'), toMs: Date.parse('2026-12-05T18:00:00Z') },
        ...{ assetIds: ['pump'], approvedAtMs: Date.parse('2026-12-01T00:00:00Z'), createdAtMs: 77 },
      },
      // One from before creation was recorded: it was planned through the API, at the moment of its approval.
      { id: 'extra', fromMs: 100, toMs: 200, assetIds: ['agent:e1', 'web'], approvedAtMs: 50, createdAtMs: 50 },
    ]);
  });

  test('tells an agent its checks by id, and knows when there is nothing new to tell', () => {
    const agents = [recordOf('p0')];
    const work = workFrom(compile(declaration, agents, [], 7), 'p0');
    expect(work).toMatchObject({ version: 7, host: { intervalMs: 15_000 }, checks: [{ id: 'host' }, { id: 'named' }] });
    expect(isSameWork(work, workFrom(compile(declaration, agents, [], 8), 'p0'))).toBe(true);
    expect(isSameWork(work, { ...work, checks: [] })).toBe(false);
  });

  test('tells an agent what of its host to read: what is said of it, else what is said of all, else nothing', () => {
    const agents = [recordOf('p0'), recordOf('e1')];
    const told = (yaml: string, agentYaml = 'id: p0, asset: pump') => {
      const compiled = compile(parse(`${base.replace('id: p0, asset: pump', agentYaml)}${yaml}`), agents, [], 1);
      return ['p0', 'e1'].map((id) => workFrom(compiled, id).host.collectors);
    };
    expect(told('')).toEqual([undefined, undefined]);
    expect(told('host: { collectors: essential }\n')).toEqual([['essential'], ['essential']]);
    expect(told('host: { collectors: [essential, systemd] }\n', 'id: e1, collectors: all')).toEqual([
      ['essential', 'systemd'],
      ['all'],
    ]);
  });
});

test('few checks move when an agent comes: about one in the number of agents, and only to the new one', () => {
  const checks = Array.from({ length: 400 }, (_, number) => `  - { id: c${number}, asset: web, kind: icmp }`).join('\n');
  const declaration = parse(`${base}checks:\n${checks}\n`);
  const agents = Array.from({ length: 7 }, (_, number) => recordOf(`e${number}`));
  const before = compile(declaration, agents, [], 1).config;
  const after = compile(declaration, [...agents, recordOf('e7')], [], 2).config;
  const moved = [...after.checks.values()].filter((check) => check.agentIds[0] !== before.checks.get(check.id)?.agentIds[0]);
  expect(moved.every((check) => check.agentIds[0] === 'e7')).toBe(true);
  // 400 / 8 = 50 expected; the hash is fixed, so this cannot flicker.
  expect(moved.length).toBeGreaterThan(25);
  expect(moved.length).toBeLessThan(80);
});

describe('durations', () => {
  const cases: readonly (readonly [string, number | null])[] = [
    ['20s', 20 * secondMs],
    ['1m30s', 90 * secondMs],
    ['500ms', 500],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['0s', 0],
    ['', null],
    ['20', null],
    ['1.5s', null],
    ['30s1m', null],
    ['-5s', null],
    ['5 s', null],
  ];
  for (const [text, ms] of cases) test(`"${text}" is ${ms}`, () => expect(parseDurationMs(text)).toBe(ms));

  test('what is written is what is read', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10 ** 11 }), (ms) => parseDurationMs(durationText(ms)) === ms));
  });
});

describe('instants', () => {
  const cases: readonly { readonly text: string; readonly atMs: number | null; readonly why: string }[] = [
    { text: '2026-12-01T22:00:00+08:00', atMs: Date.UTC(2026, 11, 1, 14), why: 'with its offset' },
    { text: '2026-12-01T22:00-03:30', atMs: Date.UTC(2026, 11, 2, 1, 30), why: 'without seconds, behind UTC' },
    { text: '2026-12-01T22:00:59.5Z', atMs: Date.UTC(2026, 11, 1, 22, 0, 59, 500), why: 'with half a second' },
    { text: '2028-02-29T00:00:00Z', atMs: Date.UTC(2028, 1, 29), why: 'the leap day of a leap year' },
    { text: '2000-02-29T00:00:00Z', atMs: Date.UTC(2000, 1, 29), why: 'a century that is a leap year' },
    { text: '2027-02-29T00:00:00Z', atMs: null, why: 'no leap year' },
    { text: '2100-02-29T00:00:00Z', atMs: null, why: 'a century that is none' },
    { text: '2026-02-30T00:00:00Z', atMs: null, why: 'February has no 30th' },
    { text: '2026-04-31T00:00:00Z', atMs: null, why: 'April has no 31st' },
    { text: '2026-11-31T22:00:00+08:00', atMs: null, why: 'November has no 31st' },
    { text: '2026-11-00T22:00:00Z', atMs: null, why: 'no day 0' },
    { text: '2026-13-01T22:00:00Z', atMs: null, why: 'no month 13' },
    { text: '2026-00-01T22:00:00Z', atMs: null, why: 'no month 0' },
    { text: '2026-12-01T24:00:00Z', atMs: null, why: 'midnight is 00:00 of the next day' },
    { text: '2026-12-01T23:60:00Z', atMs: null, why: 'no minute 60' },
    { text: '2026-12-01T23:59:60Z', atMs: null, why: 'no second 60' },
    { text: '2026-12-01T22:00:00+14:00', atMs: Date.UTC(2026, 11, 1, 8), why: 'the largest offset' },
    { text: '2026-12-01T22:00:00+14:01', atMs: null, why: 'beyond the largest offset' },
    { text: '2026-12-01T22:00:00+08:60', atMs: null, why: 'no minute 60 of an offset' },
    { text: '2026-12-01T22:00:00', atMs: null, why: 'without its offset' },
    { text: '0099-12-01T22:00:00Z', atMs: null, why: 'before 1970' },
  ];
  for (const { text, atMs, why } of cases) test(`${text}: ${why}`, () => expect(parseInstantMs(text)).toBe(atMs));

  test('what is printed is what is read', () => {
    const instants = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) });
    fc.assert(fc.property(instants, (atMs) => parseInstantMs(new Date(atMs).toISOString()) === atMs));
  });
});
