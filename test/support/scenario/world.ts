import { excuseHeartbeats } from '../../../collector/src/engine/absence.ts';
import { prolongGraces } from '../../../collector/src/engine/agents.ts';
import type { Effect, Span } from '../../../collector/src/engine/effect.ts';
import type { EngineEvent, RuleSample } from '../../../collector/src/engine/event.ts';
import { restoreState } from '../../../collector/src/engine/restore.ts';
import { updateSamples } from '../../../collector/src/engine/rules/rules.ts';
import type { EngineState } from '../../../collector/src/engine/state.ts';
import { createState, nextDeadlineMs, step } from '../../../collector/src/engine/step.ts';
import { asId, type IncidentId } from '../../../shared/src/ids.ts';
import { limits } from '../../../shared/src/limits.ts';
import { configOf, type Declaration } from './declare.ts';
import { createNames, effectLines } from './print.ts';
import { clockText, zeroMs } from './text.ts';

/** An engine with a store beside it, as the runtime would keep it, and what it said. */
export interface World {
  readonly declaration: Declaration;
  readonly isLaneShown: boolean;
  readonly lines: string[];
  /** Latest question to an agent about another: `<asker>/<lost>` → request id. */
  readonly questions: Map<string, string>;
  readonly incidentIdOf: ReadonlyMap<string, IncidentId>;
  readonly state: () => EngineState;
  /** Lets time pass up to `atMs` (not included): every deadline is met by a tick. */
  readonly pass: (atMs: number) => void;
  readonly take: (event: EngineEvent) => void;
  readonly stop: () => void;
  readonly start: (atMs: number) => void;
}

/** Breaches of what must hold in every scenario. */
const createGuard = () => {
  const noticeIds = new Set<string>();
  const told = new Map<string, Set<string>>();
  return (effect: Effect): string[] => {
    if (effect.kind === 'notify') {
      const { id, incidentId, routeId, notice } = effect;
      const breaches = noticeIds.has(id) ? [`BREACH: notice ${id} twice`] : [];
      noticeIds.add(id);
      const routes = told.get(incidentId) ?? new Set<string>();
      told.set(incidentId, routes);
      if (notice === 'resolved') {
        if (!routes.delete(routeId)) breaches.push(`BREACH: ${routeId} hears of an end it was never told the beginning of`);
      } else routes.add(routeId);
      return breaches;
    }
    if (effect.kind === 'incident' && effect.incident.state === 'resolved') {
      return (told.get(effect.incident.id)?.size ?? 0) > 0 && effect.incident.isTold ? ['BREACH: resolved and still told'] : [];
    }
    if (effect.kind === 'spans') {
      const isBroken = effect.spans.some((span, at) => {
        const before = effect.spans[at - 1];
        return (
          before !== undefined &&
          (before.fromMs >= span.fromMs || (before.status === span.status && before.attributedTo === span.attributedTo))
        );
      });
      return isBroken ? [`BREACH: spans of ${effect.subject.id} out of order or not joined`] : [];
    }
    return [];
  };
};

/** @param isRestarted whether the engine is restarted from its store before the event of that number: nothing it does may change by that */
export const createWorld = (
  declaration: Declaration,
  options: { isLaneShown: boolean; isRestarted(event: number): boolean },
): World => {
  const entities = new Map<string, { entity: string; id: string; value: unknown }>();
  const spans = new Map<string, { subject: Extract<Effect, { kind: 'spans' }>['subject']; spans: Span[] }>();
  const incidentIdOf = new Map<string, IncidentId>();
  const questions = new Map<string, string>();
  const lines: string[] = [];
  const names = createNames();
  const nameOfId = new Map<string, string>();
  const guard = createGuard();
  let config = configOf(declaration, 1);
  let state: EngineState = createState(config, zeroMs);
  let isRunning = true;
  let eventCount = 0;
  const samples: RuleSample[] = [];

  const restart = (atMs: number, lastAtMs: number): void => {
    const saved = JSON.parse(JSON.stringify([...entities.values()])) as { entity: string; id: string; value: unknown }[];
    const savedSpans = [...spans.values()].flatMap((history) =>
      history.spans.map((span) => ({ ...span, subject: history.subject })),
    );
    state = restoreState(config, saved, savedSpans, atMs, lastAtMs);
    // The collector reads the samples back from its log of frames.
    if (state.rules !== null) updateSamples(state.rules, samples);
  };

  const keep = (effect: Effect): void => {
    if (effect.kind === 'entity') {
      const key = `${effect.entity}|${effect.id}`;
      if (effect.value === null) entities.delete(key);
      else entities.set(key, { entity: effect.entity, id: effect.id, value: JSON.parse(JSON.stringify(effect.value)) });
    } else if (effect.kind === 'spans') {
      const key = `${effect.subject.kind}|${effect.subject.id}`;
      const before = spans.get(key)?.spans ?? [];
      spans.set(key, {
        subject: effect.subject,
        spans: [...before.filter((span) => span.fromMs < effect.fromMs), ...effect.spans],
      });
    } else if (effect.kind === 'incident') {
      const name = names(effect.incident);
      nameOfId.set(effect.incident.id, name);
      incidentIdOf.set(`${effect.incident.assetId}/${effect.incident.problem}`, effect.incident.id);
    } else if (effect.kind === 'requestProbe') {
      questions.set(`${effect.agentId}/${effect.requestId.split('/')[0]}`, effect.requestId);
    }
  };

  const nameIds = (text: string): string =>
    [...nameOfId].sort(([a], [b]) => b.length - a.length).reduce((said, [id, name]) => said.replaceAll(id, name), text);

  const run = (event: EngineEvent, saidAtMs: number, isFirst = false): void => {
    eventCount += 1;
    if (options.isRestarted(eventCount) && !isFirst) restart(state.nowMs, state.nowMs);
    if (event.kind === 'config') config = event.config;
    const effects = step(state, event);
    for (const effect of effects) {
      keep(effect);
      const when = event.atMs === saidAtMs ? '' : `${clockText(event.atMs)} `;
      for (const line of effectLines(effect, names, nameIds, options.isLaneShown)) lines.push(`${when}${line}`);
      lines.push(...guard(effect));
    }
  };

  // As after each start.
  run({ kind: 'config', atMs: zeroMs, config }, zeroMs, true);

  return {
    declaration,
    isLaneShown: options.isLaneShown,
    lines,
    questions,
    incidentIdOf,
    state: () => state,
    pass: (atMs) => {
      for (let ticks = 0; isRunning; ticks += 1) {
        const dueAtMs = nextDeadlineMs(state);
        if (dueAtMs === null || dueAtMs >= atMs) return;
        if (ticks > 10_000) throw new Error('the engine never comes to rest');
        run({ kind: 'tick', atMs: Math.max(dueAtMs, state.nowMs) }, Number.NaN);
      }
    },
    take: (event) => {
      if (event.kind === 'samples') samples.push(...event.samples);
      run(event, event.atMs);
    },
    stop: () => {
      isRunning = false;
    },
    start: (atMs) => {
      isRunning = true;
      const stoppedAtMs = state.nowMs;
      restart(atMs, stoppedAtMs);
      excuseHeartbeats(state, stoppedAtMs, atMs);
      prolongGraces(state, atMs + limits.reconnectMsMax);
      run({ kind: 'restarted', atMs, awaySinceMs: stoppedAtMs, agentsDueAtMs: atMs + limits.reconnectMsMax }, atMs, true);
    },
  };
};

/** Id of the incident people call `asset/problem`. @throws when there was none */
export const incidentNamed = (world: World, name: string): IncidentId => {
  const id = world.incidentIdOf.get(name);
  if (id === undefined && name !== 'nothing') throw new Error(`no incident ${name}`);
  return id ?? asId('nothing');
};
