import type { EpochMs } from '@jiwei/shared/time.ts';
import { onAgentConnected, onAgentLost, onAgentOverdue, onProbeAnswer, onRestarted } from './agents.ts';
import { onSamples } from './alerts.ts';
import { assessAll, settleMaintenance } from './assess.ts';
import { onNoticesOver, onNoticeTried } from './attempts.ts';
import { onAgentCloned } from './clones.ts';
import type { EngineConfig } from './config.ts';
import { onConfig } from './configure.ts';
import { nextDeadline, setDeadline } from './deadlines.ts';
import { dealWithNext, decideLostZones } from './due.ts';
import type { Effect } from './effect.ts';
import { entityValue } from './entities.ts';
import type { EngineEvent } from './event.ts';
import { settleHistories } from './histories.ts';
import { onHuman } from './human.ts';
import { onPushed, onResults } from './results.ts';
import { armRules, type EngineState, emptyState } from './state.ts';
import { createTurn, effectsOf, type Turn } from './turn.ts';

/** A state that has seen nothing yet. */
export const createState = (config: EngineConfig, atMs: EpochMs): EngineState => {
  const state = emptyState(config, atMs);
  if (config.maintenance.length > 0) setDeadline(state.deadlines, 'maintenance|', atMs);
  armRules(state);
  return state;
};

/** When the engine wants to be called though nothing happens (a tick will do); null when it waits for nothing. */
export const nextDeadlineMs = (state: EngineState): EpochMs | null => nextDeadline(state.deadlines);

/**
 * Takes in one event. Deterministic: the same state and event give the same state and effects on every machine. Mutates `state`.
 * What was due before the event happens before it; what is due at its very instant happens after it, so that an act in the last
 * millisecond still counts.
 * @returns what to store and to do, all in one transaction
 */
export const step = (state: EngineState, event: EngineEvent): Effect[] => run(state, [event], true);

/**
 * Takes in as a whole what agents and jobs said up to one instant, who is connected and who is asked by then: decisions are made when all of it
 * is known, so that nobody is told of an outage whose end came with it. What is due at the very instant is left to the next step, so that a
 * person's act of that instant still counts.
 * @param events all of the same atMs
 */
export const stepTogether = (state: EngineState, events: readonly EngineEvent[]): Effect[] => run(state, events, false);

const run = (state: EngineState, events: readonly EngineEvent[], isDueDealtWith: boolean): Effect[] => {
  for (const event of events) state.nowMs = Math.max(state.nowMs, event.atMs);
  const turn = createTurn(state, state.nowMs);
  const groups: Record<Group, EngineEvent[]> = { answer: [], circumstance: [], other: [] };
  for (const event of events) groups[groupOf[event.kind]].push(event);
  for (const event of groups.answer) take(turn, event);
  settleHistories(turn);
  const isAnyDue = lapse(turn, state.nowMs - 1);
  for (const event of groups.circumstance) take(turn, event);
  if (isAnyDue || groups.circumstance.length > 0) {
    decideAll(turn);
    dealWithDue(turn, state.nowMs - 1);
  }
  for (const event of groups.other) take(turn, event);
  decideAll(turn);
  if (isDueDealtWith) dealWithDue(turn, state.nowMs);
  return effectsOf(turn, (entity, id) => entityValue(state, entity, id));
};

/**
 * When an event is taken in. Answers first: where one is there, what fell due because none had come is not so. Then who is connected and asked,
 * before anything is decided: a vote that is given back in the same moment decides nothing by its absence. The rest meets what was decided.
 */
type Group = 'answer' | 'circumstance' | 'other';

const groupOf: Readonly<Record<EngineEvent['kind'], Group>> = {
  results: 'answer',
  push: 'answer',
  config: 'circumstance',
  restarted: 'circumstance',
  agentConnected: 'circumstance',
  agentLost: 'circumstance',
  agentOverdue: 'circumstance',
  agentCloned: 'other',
  samples: 'other',
  probeAnswer: 'other',
  human: 'other',
  noticeTried: 'other',
  noticesOver: 'other',
  tick: 'other',
};

const take = (turn: Turn, event: EngineEvent): void => {
  switch (event.kind) {
    case 'config':
      return onConfig(turn, event);
    case 'results':
      return onResults(turn, event);
    case 'samples':
      return onSamples(turn, event);
    case 'agentConnected':
      return onAgentConnected(turn, event);
    case 'agentLost':
      return onAgentLost(turn, event);
    case 'agentOverdue':
      return onAgentOverdue(turn, event);
    case 'restarted':
      return onRestarted(turn, event);
    case 'agentCloned':
      return onAgentCloned(turn, event);
    case 'probeAnswer':
      return onProbeAnswer(turn, event);
    case 'push':
      return onPushed(turn, event);
    case 'human':
      return onHuman(turn, event);
    case 'noticeTried':
      return onNoticeTried(turn, event);
    case 'noticesOver':
      return onNoticesOver(turn, event);
    case 'tick':
      return;
    default:
      return event satisfies never;
  }
};

/** Histories first, then what they mean. Deciding changes no history, so once is enough. */
const settle = (turn: Turn): void => {
  settleHistories(turn);
  assessAll(turn);
};

/** What all of it means. Windows come last: whether what they held back still fails is known when all else was looked at. */
const decideAll = (turn: Turn): void => {
  settleHistories(turn);
  decideLostZones(turn);
  assessAll(turn);
  if (!turn.isMaintenanceDue) return;
  turn.isMaintenanceDue = false;
  settleMaintenance(turn);
  settle(turn);
};

/**
 * Deadlines, the earliest first, without deciding anything: after a time away, an answer that still counts only because the turn of its own end has
 * not come yet must not tell anybody anything.
 * @returns whether there was any
 */
const lapse = (turn: Turn, untilMs: EpochMs): boolean => {
  let isAny = false;
  while (dealWithNext(turn, untilMs)) {
    isAny = true;
    settleHistories(turn);
  }
  return isAny;
};

/** Deciding may set further deadlines at or before `untilMs`. */
const dealWithDue = (turn: Turn, untilMs: EpochMs): void => {
  while (lapse(turn, untilMs)) decideAll(turn);
};
