import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { notifierSchemas } from '../../collector/src/notify/registry.ts';
import { isSameWork, unaskedChecks, workOf } from '../../collector/src/registry/assign.ts';
import { compile } from '../../collector/src/registry/compile.ts';
import type { Declaration } from '../../collector/src/registry/declaration.ts';
import { declarationErrorText } from '../../collector/src/registry/error-text.ts';
import { parseDeclaration } from '../../collector/src/registry/parse.ts';
import { createDirectory, type Directory } from '../../collector/src/runtime/directory.ts';
import type { AgentRecord } from '../../collector/src/store/port.ts';
import { createManualClock } from '../support/manual-clock.ts';

const seed = Number(process.env['JIWEI_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const runs = { numRuns: Number(process.env['JIWEI_RUNS'] ?? 60), seed };
console.info(`handing over: JIWEI_SEED=${seed}`);

const base = `
zones: [{ id: east, name: East, crew: East crew }, { id: west, name: West, crew: West crew }]
units: [{ id: tax, name: Tax, zone: east }]
assets: [{ id: web, name: Web, kind: website, unit: tax, address: 10.0.0.1 }]
agents: [{ id: e0, asset: web }, { id: e2 }, { id: e4 }]
`;

const declare = (checks: readonly string[]): Declaration => {
  const lines = checks.map((from, at) => `  - { id: c${at}, asset: web, kind: icmp, from: ${from} }\n`);
  const result = parseDeclaration(`${base}checks:${lines.length === 0 ? ' []' : `\n${lines.join('')}`}`, {
    fileName: 'test.yaml',
    notifierSchemas,
  });
  if ('errors' in result) throw new Error(result.errors.map(declarationErrorText).join('\n'));
  return result.declaration;
};

const recordOf = (id: string, changes: Partial<AgentRecord> = {}): AgentRecord => ({
  id: asId<'agent'>(id),
  publicKey: id,
  zoneId: asId<'zone'>('east'),
  labels: {},
  enrolledAtMs: 0,
  revokedAtMs: null,
  hostname: id,
  platform: 'linux',
  architecture: 'x64',
  agentVersion: '1',
  lastSeenAtMs: 0,
  lastAddress: null,
  ...changes,
});

const agentCount = 6;
const agentIdOf = (at: number) => asId<'agent'>(`e${at}`);

const agentFacts = fc.record({
  isWest: fc.boolean(),
  isProbe: fc.boolean(),
  isRevoked: fc.constantFrom(false, false, false, true),
});
const recordFrom = (at: number, { isWest, isProbe, isRevoked }: { isWest: boolean; isProbe: boolean; isRevoked: boolean }) =>
  recordOf(`e${at}`, {
    zoneId: asId<'zone'>(isWest ? 'west' : 'east'),
    labels: isProbe ? { role: 'probe' } : {},
    revokedAtMs: isRevoked ? 1 : null,
  });

const sources = fc.array(
  fc.oneof(
    fc
      .record({ zone: fc.constantFrom('east', 'west'), count: fc.integer({ min: 1, max: 3 }) })
      .map((from) => JSON.stringify(from)),
    fc.integer({ min: 1, max: 3 }).map((count) => `{ labels: { role: probe }, count: ${count} }`),
    fc.constantFrom('host', '{ agents: [e0, e2, e4] }'),
  ),
  { maxLength: 30, size: 'max' },
);

const change = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('turn'), agent: fc.nat(agentCount - 1), isLost: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('compile') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hello'), agent: fc.nat(agentCount - 1), atMs: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('record'), agent: fc.nat(agentCount - 1), facts: agentFacts }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('declare'), sources }) },
);

/** What the directory says must be what compiling everything from scratch says; a handover must be all that is another. */
const compileAndCompare = (directory: Directory, lostIds: ReadonlySet<ReturnType<typeof agentIdOf>>): boolean => {
  const before = directory.config;
  const toldBefore = new Map([...directory.agents()].map(({ id }) => [id, directory.workOf(id)]));
  const { agentIds, handover } = directory.compile();
  const { config } = directory;
  const whole = compile(directory.declaration, directory.agents(), [], config.version, lostIds);
  expect({ ...config, checks: new Map(config.checks) }).toEqual(whole.config);
  for (const { id } of directory.agents()) {
    const told = directory.workOf(id);
    expect(isSameWork(told, workOf(whole.config, id, whole.asking.checkIdsOf(id))), id).toBe(true);
    const was = toldBefore.get(id);
    if (was !== undefined && isSameWork(was, told)) expect(told.version, id).toBe(was.version);
    else expect(agentIds, id).toContain(id);
  }
  if (handover === null) return false;
  expect(handover.before).toBe(before);
  const moved = new Set(handover.checkIds);
  for (const [id, check] of config.checks) if (!moved.has(id)) expect(check).toBe(before.checks.get(id));
  expect({ ...config, version: 0, checks: 0 }).toEqual({ ...before, version: 0, checks: 0 });
  return true;
};

test('agents lost and back one by one leave every check with whom compiling all of it would give it to', () => {
  let handoverCount = 0;
  fc.assert(
    fc.property(
      sources,
      fc.array(agentFacts, { minLength: agentCount, maxLength: agentCount }),
      fc.array(change, { maxLength: 40, size: 'max' }),
      (first, facts, changes) => {
        const agents = facts.map((one, at) => recordFrom(at, one));
        const directory = createDirectory(createManualClock(1), { declaration: declare(first), agents, maintenance: [] });
        const lostIds = new Set<ReturnType<typeof agentIdOf>>();
        for (const one of changes) {
          const id = agentIdOf('agent' in one ? one.agent : 0);
          if (one.kind === 'turn') {
            if (one.isLost) lostIds.add(id);
            else lostIds.delete(id);
            directory.setLost(id, one.isLost);
          } else if (one.kind === 'declare') directory.setDeclaration(declare(one.sources));
          else if (one.kind === 'record') directory.setAgent(recordFrom(one.agent, one.facts));
          else if (one.kind === 'hello') directory.setAgent({ ...(directory.agent(id) ?? recordOf(id)), lastSeenAtMs: one.atMs });
          else if (compileAndCompare(directory, lostIds)) handoverCount += 1;
        }
        compileAndCompare(directory, lostIds);
      },
    ),
    runs,
  );
  expect(handoverCount).toBeGreaterThan(0);
});

test('an agent that asks as much as it may is given no more, whoever is lost, and what nobody could ask is asked again when one is back', () => {
  const count = limits.checksPerAgentMax + 50;
  const declaration = declare(Array.from({ length: count }, () => '{ zone: east, count: 1 }'));
  const agents = [recordOf('e0'), recordOf('e1')];
  const directory = createDirectory(createManualClock(1), { declaration, agents, maintenance: [] });
  const lostIds = new Set<ReturnType<typeof agentIdOf>>();
  const turn = (at: number, isLost: boolean): boolean => {
    if (isLost) lostIds.add(agentIdOf(at));
    else lostIds.delete(agentIdOf(at));
    directory.setLost(agentIdOf(at), isLost);
    return compileAndCompare(directory, lostIds);
  };
  expect(turn(0, true)).toBe(false);
  expect(unaskedChecks(directory.config)).toHaveLength(50);
  expect(turn(0, false)).toBe(false);
  expect(unaskedChecks(directory.config)).toHaveLength(0);
});

test('the hello of an agent that is as it was compiles nothing, one of another address does', () => {
  const agents = ['e0', 'e1', 'e2'].map((id) => recordOf(id));
  const declaration = declare(Array.from({ length: 20 }, () => '{ zone: east, count: 1 }'));
  const directory = createDirectory(createManualClock(1), { declaration, agents, maintenance: [] });
  directory.setAgent(recordOf('e1', { lastSeenAtMs: 7, agentVersion: '2', platform: 'win32' }));
  expect(directory.compile()).toEqual({ agentIds: [], handover: { before: directory.config, checkIds: [] } });
  directory.setAgent(recordOf('e1', { lastAddress: '10.0.0.7' }));
  expect(directory.compile().handover).toBeNull();
});
