import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import { beforeEach, expect, test } from 'vitest';
import type { Effect } from '../../collector/src/engine/effect.ts';
import type { EngineEvent } from '../../collector/src/engine/event.ts';
import type { TimelineEntry } from '../../collector/src/engine/incident.ts';
import type { EngineState } from '../../collector/src/engine/state.ts';
import { createState, nextDeadlineMs, step } from '../../collector/src/engine/step.ts';
import { checkEntities } from '../../collector/src/store/entity-shapes.ts';
import { createMemory, keepEffects, type Memory, restoreFrom } from '../support/engine/memory.ts';
import { resultOf } from '../support/engine/story.ts';
import { assetOf, configOf, startMs } from '../support/engine/world.ts';

const lost = asId<'agent'>('g1');
const other = asId<'agent'>('g2');
const config = configOf({
  assets: [assetOf('a1'), assetOf('a2')],
  agents: [
    { id: lost, assetId: asId<'asset'>('a1'), zoneId: null, address: 'a1.invalid' },
    { id: other, assetId: asId<'asset'>('a2'), zoneId: null, address: null },
  ],
  checks: [],
});

let memory: Memory;
let state: EngineState;
let nowMs: number;
let entries: TimelineEntry[];
let questions: Extract<Effect, { kind: 'requestProbe' }>[];

beforeEach(() => {
  memory = createMemory();
  state = createState(config, startMs);
  nowMs = startMs;
  entries = [];
  questions = [];
});

const take = (event: EngineEvent): void => {
  const effects = step(state, event);
  keepEffects(memory, effects);
  for (const effect of effects) {
    if (effect.kind === 'incident') entries.push(...effect.entries);
    if (effect.kind === 'requestProbe') questions.push(effect);
  }
};

/** Time passes, and what falls due happens at its instant. */
const pass = (ms: number): void => {
  const untilMs = nowMs + ms;
  for (let dueMs = nextDeadlineMs(state); dueMs !== null && dueMs <= untilMs; dueMs = nextDeadlineMs(state))
    take({ kind: 'tick', atMs: Math.max(dueMs, state.nowMs) });
  nowMs = untilMs;
};

/** Time passes until somebody is asked about the lost one. */
const passUntilAsked = (): void => {
  const before = questions.length;
  for (let seconds = 0; questions.length === before; seconds += 1) {
    if (seconds > 60) throw new Error('nobody is asked');
    pass(secondMs);
  }
};

const connect = (agentId: typeof lost): void => take({ kind: 'agentConnected', agentId, bootId: 1, atMs: nowMs });
const lose = (agentId: typeof lost, cause: 'closed' | 'bye'): void =>
  take({ kind: 'agentLost', agentId, cause, sinceMs: nowMs, atMs: nowMs });
/** The one who was asked last answers. */
const answer = (outcome: 'up' | 'down'): void => {
  const question = questions.at(-1);
  if (question === undefined) throw new Error('nobody was asked');
  const result = resultOf(asId<'check'>('question'), nowMs, outcome);
  take({ kind: 'probeAnswer', agentId: asId<'agent'>(question.agentId), requestId: question.requestId, result, atMs: nowMs });
};

const updates = (): TimelineEntry[] => entries.filter(({ kind }) => kind === 'updated');

const incidentOfLost = () => [...state.incidents.values()].find(({ incident }) => incident.assetId === 'a1')?.incident;

/** Restarts from what is stored, with every value changed first as the function says. */
const restart = (change: (key: string, value: Record<string, unknown>) => Record<string, unknown>): void => {
  for (const [key, text] of memory.entities)
    memory.entities.set(key, JSON.stringify(change(key, JSON.parse(text) as Record<string, unknown>)));
  checkEntities(
    [...memory.entities].map(([key, text]) => {
      const [entity = '', id = ''] = key.split('\n');
      return { entity, id, value: JSON.parse(text) as unknown };
    }),
  );
  state = restoreFrom(memory, config, nowMs);
};

const without = (value: unknown, name: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value as Record<string, unknown>).filter(([key]) => key !== name));

/** As the first builds stored a lost agent and its incident: without what was found before nobody could look. */
const asFirstBuildsDid = (key: string, value: Record<string, unknown>): Record<string, unknown> => {
  const [entity] = key.split('\n');
  if (entity === 'agent' && value['loss'] !== null) return { ...value, loss: without(value['loss'], 'foundBefore') };
  if (entity !== 'incident') return value;
  const incident = value['incident'] as Record<string, unknown>;
  return {
    ...value,
    incident: { ...incident, reason: 'AGENT_SILENT', details: without(incident['details'], 'host') },
  };
};

const sayGoodbyeUnseen = (): void => {
  connect(lost);
  pass(100 * secondMs);
  lose(lost, 'bye');
  pass(10 * secondMs);
};

test('a loss that earlier builds stored is read as one of which nothing is known: its incident stays as it is called', () => {
  sayGoodbyeUnseen();
  restart(asFirstBuildsDid);
  entries = [];
  pass(100 * secondMs);
  expect(incidentOfLost()).toMatchObject({ state: 'open', reason: 'AGENT_SILENT', severity: 'minor' });
  expect(updates()).toEqual([]);
});

test('the same loss stored as it is now keeps what the agent said itself', () => {
  sayGoodbyeUnseen();
  restart((_key, value) => value);
  entries = [];
  pass(100 * secondMs);
  expect(incidentOfLost()).toMatchObject({ state: 'open', reason: 'AGENT_STOPPED', details: { cause: 'bye', host: 'unknown' } });
  expect(updates()).toEqual([]);
});

test('a loss that earlier builds stored is told anew as soon as somebody can look', () => {
  sayGoodbyeUnseen();
  restart(asFirstBuildsDid);
  entries = [];
  connect(other);
  passUntilAsked();
  answer('up');
  expect(incidentOfLost()).toMatchObject({ reason: 'AGENT_STOPPED', details: { host: 'reachable' } });
  expect(updates()).toMatchObject([{ text: 'a1: the agent stopped; its host answers' }]);
});

test('a host that earlier builds found down stays down in words when nobody can look any more', () => {
  connect(lost);
  connect(other);
  pass(100 * secondMs);
  lose(lost, 'bye');
  answer('down');
  answer('down');
  pass(10 * secondMs);
  expect(incidentOfLost()).toMatchObject({ reason: 'HOST_DOWN' });
  restart((key, value) => {
    const { incident, ...rest } = asFirstBuildsDid(key, value) as { incident?: Record<string, unknown> };
    return incident === undefined ? rest : { ...rest, incident: { ...incident, reason: 'HOST_DOWN' } };
  });
  lose(other, 'closed');
  pass(60 * secondMs);
  expect(incidentOfLost()).toMatchObject({ reason: 'HOST_DOWN', severity: 'critical', details: { host: 'unknown' } });
});

test('a host that comes and goes without end does not fill the timeline without end', () => {
  connect(lost);
  connect(other);
  pass(100 * secondMs);
  lose(lost, 'closed');
  for (let changes = 0; changes < limits.timelineEntriesMax + 50; changes += 1) {
    answer('up');
    passUntilAsked();
    answer('down');
    answer('down');
    passUntilAsked();
  }
  const ofLost = entries.filter(({ incidentId }) => incidentId === incidentOfLost()?.id);
  expect(ofLost.filter(({ kind }) => kind === 'updated').length).toBeGreaterThan(limits.timelineEntriesMax / 2);
  expect(ofLost.filter(({ kind }) => kind === 'truncated')).toHaveLength(1);
  expect(ofLost.filter(({ number }) => number > limits.timelineEntriesMax).map(({ kind }) => kind)).not.toContain('updated');
});
