import type { CheckConfig } from '../../collector/src/engine/config.ts';
import type { EngineEvent } from '../../collector/src/engine/event.ts';
import { createState, nextDeadlineMs, step } from '../../collector/src/engine/step.ts';
import { asId } from '../../shared/src/ids.ts';
import { copyMemory, createMemory, keepEffects, restoreFrom } from '../support/engine/memory.ts';
import { resultOf } from '../support/engine/story.ts';
import { assetOf, checkOf, configOf, startMs } from '../support/engine/world.ts';

/**
 * Cost of the pure engine with 100,000 checks on 10,000 assets asked by 1,000 agents: results per second when all is well, when a tenth
 * fails, when all agents are lost at once; and the time in which a state of this size is rebuilt. Times are CPU time of the process, its
 * garbage collection included, so that other work on the machine counts little; the longest single step is given beside them.
 */
const checkCount = 100_000;
const assetCount = 10_000;
const agentCount = 1_000;
const perEvent = checkCount / agentCount;

const agentIdOf = (at: number) => asId<'agent'>(`agent-${at}`);
const checks: CheckConfig[] = Array.from({ length: checkCount }, (_, at) =>
  checkOf(`c${at}`, `a${at % assetCount}`, { agentIds: [agentIdOf(Math.floor(at / perEvent))] }),
);
const config = configOf({
  assets: Array.from({ length: assetCount }, (_, at) =>
    assetOf(`a${at}`, at % 100 === 0 ? {} : { parentIds: [asId<'asset'>(`a${at - (at % 100)}`)] }),
  ),
  agents: Array.from({ length: agentCount }, (_, at) => ({
    id: agentIdOf(at),
    assetId: asId<'asset'>(`a${at}`),
    zoneId: asId<'zone'>('z1'),
    address: `10.0.${at >> 8}.${at & 255}`,
  })),
  checks,
});

const memory = createMemory();
const state = createState(config, startMs);
let atMs = startMs;
const after = (byMs: number): number => {
  atMs += byMs;
  return atMs;
};

/** @param keep also tells the model of the store, outside of the time measured */
const run = (what: string, unit: string, count: number, events: Iterable<EngineEvent>): void => {
  const all: ReturnType<typeof step>[] = [];
  let longestMs = 0;
  // With --expose-gc (as `npm run bench` has it), so that nothing pays for what others left behind.
  globalThis.gc?.();
  const startedMs = cpuMs();
  for (const event of events) {
    // As the writer does: what is due before an event is worked off in portions of its own.
    const due = event.kind === 'tick' ? [] : ticks(event.atMs - 1);
    for (const one of chain(due, [event])) {
      const beforeMs = cpuMs();
      all.push(step(state, one));
      longestMs = Math.max(longestMs, cpuMs() - beforeMs);
    }
  }
  const tookMs = cpuMs() - startedMs;
  for (const effects of all) keepEffects(memory, effects);
  const perSecond = Math.round(count / (tookMs / 1_000)).toLocaleString('en');
  console.log(
    `${what.padEnd(52)} ${tookMs.toFixed(0).padStart(7)} ms  ${perSecond.padStart(9)} ${unit}/s  longest step ${longestMs.toFixed(0)} ms`,
  );
};

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

const chain = function* <T>(...parts: readonly Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part;
};

/** Ticks of one instant, until nothing is due any more. */
const ticks = function* (untilMs: number): Generator<EngineEvent> {
  while ((nextDeadlineMs(state) ?? Number.POSITIVE_INFINITY) <= untilMs) yield { kind: 'tick', atMs: untilMs };
};

const round = (isDown: (at: number) => boolean): EngineEvent[] => {
  atMs += 10_000;
  return Array.from({ length: agentCount }, (_, agent) => ({
    kind: 'results',
    atMs: atMs + agent,
    agentId: agentIdOf(agent),
    results: checks
      .slice(agent * perEvent, (agent + 1) * perEvent)
      .map((check, place) => resultOf(check.id, atMs + agent, isDown(agent * perEvent + place) ? 'down' : 'up')),
  }));
};

run(
  'agents connect',
  'events',
  agentCount,
  Array.from({ length: agentCount }, (_, at) => ({ kind: 'agentConnected', atMs, agentId: agentIdOf(at), bootId: 1 })),
);
run(
  'first results, all up',
  'results',
  checkCount,
  round(() => false),
);
run(
  'results, all up',
  'results',
  checkCount,
  round(() => false),
);
run(
  'results, a tenth fails',
  'results',
  checkCount,
  round((at) => at % 10 === 0),
);
run(
  'results, a tenth is confirmed down',
  'results',
  checkCount,
  round((at) => at % 10 === 0),
);
run(
  'results, a tenth goes on failing',
  'results',
  checkCount,
  round((at) => at % 10 === 0),
);
console.log(`incidents open: ${[...state.openOf.values()].reduce((sum, ids) => sum + ids.size, 0).toLocaleString('en')}`);
run(
  'results, all up again',
  'results',
  checkCount,
  round(() => false),
);
run('the same configuration again', 'events', 1, [{ kind: 'config', atMs: after(1_000), config }]);
run(
  'all agents lost at once',
  'events',
  agentCount,
  Array.from({ length: agentCount }, (_, at) => ({
    kind: 'agentLost',
    atMs,
    agentId: agentIdOf(at),
    cause: 'closed',
    sinceMs: atMs,
  })),
);
run('and their deadlines, a minute at once', 'agents', agentCount, ticks(after(60_000)));

const stored = copyMemory(memory);
globalThis.gc?.();
const startedMs = cpuMs();
const restored = restoreFrom(stored, config, atMs);
console.log(
  `restore (with reading JSON): ${(cpuMs() - startedMs).toFixed(0)} ms for ${stored.entities.size.toLocaleString('en')} entities`,
);
const ticked = cpuMs();
step(restored, { kind: 'config', atMs, config });
console.log(`first configuration after it: ${(cpuMs() - ticked).toFixed(0)} ms`);
console.log(`heap: ${Math.round(process.memoryUsage().heapUsed / 2 ** 20)} MiB`);
