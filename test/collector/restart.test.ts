import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asId } from '@jiwei/shared/ids.ts';
import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { openCollector, type RunningCollector } from '../../collector/src/assemble.ts';
import { parseCommand } from '../../collector/src/options.ts';
import { newLoadIdentity, openLoadAgent } from '../support/load-agent.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';
import { eventually, testFolder } from '../support/processes.ts';

const declaration = `
zones: [{ id: z, name: z, crew: c }]
units: [{ id: u, name: u, zone: z }]
assets:
  - { id: h1, name: h1, kind: server, unit: u }
  - { id: h2, name: h2, kind: server, unit: u }
agents: [{ id: one, asset: h1 }, { id: two, asset: h2 }]
checks: [{ id: site, asset: h1, kind: tcp, host: 127.0.0.1, port: 9, interval: 20s, from: { zone: z, count: 1 } }]
`;

const open = async (folder: string, clock: ManualClock): Promise<RunningCollector> => {
  const file = join(folder, 'district.yaml');
  await writeFile(file, declaration);
  const command = parseCommand(['serve', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--declaration', file]);
  if (command.kind !== 'serve') throw new Error('not a command to serve');
  const fatal = (error: unknown): void => {
    throw error;
  };
  return openCollector(command.options, {
    clock,
    random: () => 0.5,
    log: Fastify({ logger: false }).log,
    version: '0',
    onFatal: fatal,
  });
};

/** Lets both clocks go on while something is awaited that takes turns of the event loop. */
const walking = <T>(clock: ManualClock, what: string, look: () => T | null): Promise<T> =>
  eventually(what, async () => {
    clock.advance(20);
    return look();
  });

const askers = ({ service }: RunningCollector): readonly string[] => service.view.config.checks.get(asId('site'))?.agentIds ?? [];

test('an agent that stays away after a restart of the collector gives its checks to another one', async () => {
  const folder = await testFolder();
  const clock = createManualClock(1_800_000_000_000);
  const before = await open(folder.path, clock);
  const identities = { one: newLoadIdentity(), two: newLoadIdentity() };
  const connect = async (collector: RunningCollector, name: 'one' | 'two') => {
    const { token } = await walkingPromise(
      clock,
      collector.service.createJoinToken({ zoneId: null, labels: {}, usesLeft: 1, lifetimeMs: 60_000 }),
    );
    return walkingPromise(
      clock,
      openLoadAgent({ url: collector.url, joinToken: token, name, series: [], identity: identities[name] }),
    );
  };
  const agents = [await connect(before, 'one'), await connect(before, 'two')];
  const [chosen = ''] = await walking(clock, 'the check is asked by one agent', () =>
    askers(before).length === 1 ? askers(before) : null,
  );
  for (const agent of agents) agent.close();
  await walkingPromise(clock, before.close());

  const after = await open(folder.path, clock);
  const stays = chosen === 'one' ? 'two' : 'one';
  const agent = await connect(after, stays);
  expect(askers(after)).toEqual([chosen]);
  clock.advance(44_000);
  expect(askers(after)).toEqual([chosen]);
  clock.advance(1_000);
  await walking(clock, 'the other agent asks the check', () => (askers(after)[0] === stays ? true : null));
  agent.close();
  await walkingPromise(clock, after.close());
  await folder.remove();
});

const walkingPromise = async <T>(clock: ManualClock, promise: Promise<T>): Promise<T> => {
  let isDone = false;
  const done = promise.finally(() => {
    isDone = true;
  });
  await walking(clock, 'it is done', () => (isDone ? true : null));
  return done;
};
