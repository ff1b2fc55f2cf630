import { noticeKinds } from '../../../collector/src/engine/effect.ts';
import type { EngineEvent, HumanAct } from '../../../collector/src/engine/event.ts';
import type { CheckResult } from '../../../shared/src/check.ts';
import { asId } from '../../../shared/src/ids.ts';
import { type ReasonCode, reasonCodes } from '../../../shared/src/reasons.ts';
import { type Outcome, outcomes } from '../../../shared/src/status.ts';
import { minuteMs } from '../../../shared/src/time.ts';
import { configOf, type Declaration, declareLine } from './declare.ts';
import { instantsOf, wordsOf } from './text.ts';
import { createWorld, incidentNamed, type World } from './world.ts';

const outcomeOf = (text: string): Outcome => {
  const found = outcomes.find((outcome) => outcome === text);
  if (found === undefined) throw new Error(`not an outcome: ${text}`);
  return found;
};

const reasonOf = (outcome: Outcome, text: string | undefined): ReasonCode => {
  const usual = { up: 'OK', degraded: 'SLOW', down: 'TIMEOUT' } as const;
  if (text === undefined) return usual[outcome];
  const found = reasonCodes.find((code) => code === text);
  if (found === undefined) throw new Error(`not a reason: ${text}`);
  return found;
};

const resultOf = (checkId: string, outcome: Outcome, reason: string | undefined, atMs: number): CheckResult => ({
  checkId: asId(checkId),
  observedAtMs: atMs,
  outcome,
  reason: reasonOf(outcome, reason),
  latencyMs: outcome === 'down' ? null : 5,
  run: outcome === 'down' ? { ofDown: 1, ofUp: 0 } : { ofDown: 0, ofUp: 1 },
});

/** `up`, `down TIMEOUT`, `down@20s,40s TIMEOUT; up@60s..120s/20s`. */
const resultsOf = (checkId: string, text: string, atMs: number): CheckResult[] =>
  text.split(';').flatMap((part) => {
    const [what = '', reason] = wordsOf(part);
    const [outcome = '', when] = what.split('@');
    return (when === undefined ? [atMs] : instantsOf(when)).map((at) => resultOf(checkId, outcomeOf(outcome), reason, at));
  });

const overWhys = ['untold', 'endTold', 'due'] as const;
const causes = ['closed', 'silent', 'bye'] as const;
const acts = ['acknowledge', 'arrive', 'note', 'resolve'] as const;

const actOf = (kind: HumanAct['kind'], note: string): HumanAct =>
  kind === 'note' ? { kind, note } : { kind, note: note === '' ? null : note };

/** What a word of an agent's line means. */
const agentEvent = (world: World, agentId: string, words: readonly string[], atMs: number): EngineEvent => {
  const [verb = '', ...rest] = words;
  const agent = asId<'agent'>(agentId);
  // `connected` is the same run of the agent as before; `connected run=2` a later one.
  if (verb === 'connected')
    return { kind: 'agentConnected', atMs, agentId: agent, bootId: Number(rest[0]?.slice('run='.length) ?? 1) };
  if (verb === 'lost') {
    const cause = causes.find((one) => one === rest[0]) ?? 'closed';
    const since = rest.find((word) => word.startsWith('since='))?.slice('since='.length);
    return {
      kind: 'agentLost',
      atMs,
      agentId: agent,
      cause,
      sinceMs: since === undefined ? atMs : (instantsOf(since)[0] ?? atMs),
    };
  }
  if (verb === 'overdue' || verb === 'heard')
    return { kind: 'agentOverdue', atMs, agentId: agent, isOverdue: verb === 'overdue' };
  if (verb === 'cloned') return { kind: 'agentCloned', atMs, agentId: agent, address: rest[0] ?? '', hostname: 'copy' };
  if (verb === 'answers') {
    const [lostId = '', outcome = '', reason] = rest;
    const requestId = world.questions.get(`${agentId}/${lostId}`);
    if (requestId === undefined) throw new Error(`${agentId} was not asked about ${lostId}`);
    return {
      kind: 'probeAnswer',
      atMs,
      agentId: agent,
      requestId,
      result: resultOf('question', outcomeOf(outcome), reason, atMs),
    };
  }
  if (verb === 'sample') {
    const samples = rest.map((word) => {
      const [series = '', value = ''] = word.split('=');
      const [name = '', label] = series.split('/');
      const labels: [string, string][] = [['instance', agentId]];
      if (label !== undefined) labels.push(['of', label]);
      return { name, labels, value: Number(value), observedAtMs: atMs };
    });
    return { kind: 'samples', atMs, agentId: agent, samples };
  }
  return { kind: 'results', atMs, agentId: agent, results: resultsOf(verb, rest.join(' '), atMs) };
};

const reconfigure = (world: World, atMs: number): void => {
  world.take({ kind: 'config', atMs, config: configOf(world.declaration, world.state().config.version + 1) });
};

/** `declare <line>` or `remove <kind> <id>`; several in one line, separated by `;`, are one new configuration. */
const declareOrRemove = (world: World, change: string): void => {
  if (change.startsWith('declare ')) declareLine(world.declaration, change.slice('declare '.length));
  else if (!world.declaration.delete(change.slice('remove '.length))) throw new Error(`nothing to remove: ${change}`);
};

/** `duty drops firing,resolved web/down untold since=10s tries=3 why`: notices that are over before they could be told over a route. */
const noticesOver = (world: World, words: readonly string[], atMs: number): EngineEvent => {
  const [route = '', , kinds = '', name = '', why = '', since = '', tries = '', ...error] = words;
  const incidentId = incidentNamed(world, name);
  const cycle = world.state().incidents.get(incidentId)?.incident.cycles.length ?? 0;
  const notices = kinds.split(',').map((kind) => ({
    id: asId<'notification'>(`${incidentId}/${cycle}/${kind}/${route}`),
    notice: noticeKinds.find((one) => one === kind) ?? 'firing',
  }));
  return {
    ...{ kind: 'noticesOver', atMs, incidentId, routeId: asId(route), notices },
    why: overWhys.find((one) => one === why) ?? 'untold',
    waitedFromMs: instantsOf(since.slice('since='.length))[0] ?? atMs,
    tries: Number(tries.slice('tries='.length)),
    error: error.length === 0 ? null : error.join(' '),
  };
};

const perform = (world: World, line: string, atMs: number): void => {
  const words = wordsOf(line);
  const [first = '', second = '', third = ''] = words;
  const act = acts.find((word) => word === second);
  if (line === 'collector stops') world.stop();
  else if (line === 'collector starts') world.start(atMs);
  else if (first === 'tick') world.take({ kind: 'tick', atMs });
  else if (first === 'declare' || first === 'remove') {
    for (const change of line.split(';')) declareOrRemove(world, change.trim());
    reconfigure(world, atMs);
  } else if (first === 'push') {
    const detail = third === 'down' ? 'said so' : null;
    world.take({ kind: 'push', atMs, checkId: asId(second), isUp: third !== 'down', detail });
  } else if (second === 'sent' || second === 'unsent') {
    // `duty sent firing web/down`, or `duty unsent firing web/down why`.
    const [, , , name = '', ...why] = words;
    const notice = noticeKinds.find((kind) => kind === third) ?? 'firing';
    const isSent = second === 'sent';
    world.take({
      ...{ kind: 'noticeTried', atMs, incidentId: incidentNamed(world, name), routeId: asId(first), notice },
      ...{ triedAtMs: atMs, tries: 1, outcome: isSent ? 'sent' : 'again', nextTryAtMs: atMs + minuteMs },
      error: isSent ? null : why.join(' '),
    });
  } else if (second === 'drops') world.take(noticesOver(world, words, atMs));
  else if (act !== undefined) {
    const incidentId = incidentNamed(world, third);
    world.take({ kind: 'human', atMs, incidentId, actor: first, act: actOf(act, words.slice(3).join(' ')) });
  } else world.take(agentEvent(world, first, words.slice(1), atMs));
};

const isEvent = (line: string): boolean => /^\d/.test(line);

/**
 * Runs a scenario and writes it anew: its own lines as they are, below each event what the engine did until the next one. An effect that
 * came later than the event above it says when.
 * @param isRestarted whether the engine is restarted from its store before the event of that number; the first is 1, and ticks count
 */
export const runScenario = (text: string, isRestarted: (event: number) => boolean = () => false): string => {
  const declaration: Declaration = new Map();
  const source = text.split('\n').filter((line) => !line.startsWith('      '));
  const said: string[] = [];
  let world: World | undefined;
  let isLaneShown = false;
  const flush = (): void => {
    if (world !== undefined) said.push(...world.lines.splice(0).map((line) => `      ${line}`));
  };
  for (const line of source) {
    if (line === 'show lanes') isLaneShown = true;
    else if (isEvent(line)) {
      world ??= createWorld(declaration, { isLaneShown, isRestarted });
      const blank = line.search(/\s/);
      for (const [turn, atMs] of instantsOf(line.slice(0, blank)).entries()) {
        world.pass(atMs);
        if (turn === 0) {
          flush();
          said.push(line);
        }
        perform(world, line.slice(blank).trim(), atMs);
      }
      continue;
    } else if (line !== '' && !line.startsWith('#')) declareLine(declaration, line);
    flush();
    said.push(line);
  }
  flush();
  return said.join('\n');
};
