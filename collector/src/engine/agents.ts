import type { CheckResult } from '@jiwei/shared/check.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { AgentState, Loss, Question } from './agent-state.ts';
import type { AgentEntry } from './config.ts';
import { agentCheckIdOf } from './config-index.ts';
import { setDeadline } from './deadlines.ts';
import type { Span } from './effect.ts';
import type { EngineEvent } from './event.ts';
import { checkTimeline } from './histories.ts';
import { saysNothing } from './lane.ts';
import { type EngineState, indexAgent } from './state.ts';
import { asAgentId, zoneAssetIdOf } from './subject.ts';
import { rewrite } from './timeline.ts';
import { keep, revise, soil, type Turn } from './turn.ts';

/** Two failed answers, from different agents where there are any, make a host unreachable. */
const failuresNeeded = 2;
/** Agents asked in one round before it is given up until the next: two may be silent themselves without it saying anything. */
const questionsPerRoundMax = 4;
/** Share of a question's time in which the host must reply: two failed answers are in before anybody has to be told. */
const probeShareOfTime = 0.4;

/** Stores what is now so of the agent and looks at everything it bears upon. */
export const putAgent = (turn: Turn, agent: AgentState): void => {
  const { state } = turn;
  const before = state.agents.get(agent.id);
  const isNewsOfZone = ((before?.loss ?? null) !== null) !== (agent.loss !== null) || before?.isOverdue !== agent.isOverdue;
  state.agents.set(agent.id, agent);
  indexAgent(state, agent);
  setDeadline(state.deadlines, `agent|${agent.id}`, agentDueAtMs(agent));
  keep(turn, 'agent', agent.id);
  const entry = state.config.agents.get(agent.id);
  if (entry === undefined) return;
  turn.assess.add(entry.assetId);
  if (entry.zoneId !== null && isNewsOfZone) turn.assess.add(zoneAssetIdOf(entry.zoneId));
};

/** When a lost agent must be looked at: the end of its grace, of an open question, or the next round. */
export const agentDueAtMs = (agent: AgentState): EpochMs | null => {
  const { loss } = agent;
  if (loss === null) return null;
  const dues = [loss.isGraceOver ? null : loss.graceEndsAtMs, loss.question?.dueAtMs ?? null, loss.nextRoundAtMs].filter(
    (atMs) => atMs !== null,
  );
  return dues.length === 0 ? null : Math.min(...dues);
};

type Stretch = Omit<Span, 'reason' | 'attributedTo'>;

/** Makes the history of the agent's own check from `fromMs` on exactly `tail`. */
const record = (turn: Turn, agentId: AgentId, fromMs: EpochMs, tail: readonly Stretch[], isCorrection = false): void => {
  const { state } = turn;
  const entry = state.config.agents.get(agentId);
  if (entry === undefined) return;
  const id = agentCheckIdOf(agentId);
  const spans = tail.map((span) => ({ ...span, reason: null, attributedTo: null }));
  const timeline = checkTimeline(state, id);
  const moved = revise(turn, { kind: 'check', id }, timeline, isCorrection, (own) => rewrite(own, fromMs, spans));
  if (moved !== null) soil(turn.dirtyAssets, entry.assetId, moved);
};

/** The agent's link stands. */
export const onAgentConnected = (turn: Turn, event: Extract<EngineEvent, { kind: 'agentConnected' }>): void => {
  const { state, nowMs } = turn;
  if (!state.config.agents.has(event.agentId)) return;
  const { agentId, bootId } = event;
  const before = state.agents.get(agentId);
  const isSameRun = before?.bootId === bootId;
  if (before !== undefined && before.loss === null && isSameRun && before.isOverdue !== true) return;
  const loss = before?.loss ?? null;
  if (loss !== null) recordReturn(turn, agentId, loss, isSameRun);
  else if (before === undefined) record(turn, agentId, nowMs, [{ fromMs: nowMs, status: 'up' }]);
  putAgent(turn, { id: agentId, bootId, sinceMs: before !== undefined && loss === null ? before.sinceMs : nowMs, loss: null });
};

/**
 * The agent is back. Within the grace of a moment its host was never in question. After more than that only its own word counts: the same run
 * of the agent went on all the time, so its host did too, and what was unknown is put right; what was found out meanwhile (nobody could reach
 * the host) stays, because it was so for its users. A new run proves nothing of the time before it.
 */
const recordReturn = (turn: Turn, agentId: AgentId, loss: Loss, isSameRun: boolean): void => {
  const { state, nowMs } = turn;
  const isMoment = !loss.isGraceOver && loss.cause !== 'away' && nowMs - loss.atMs <= state.config.timing.agentGraceMs;
  const up: Stretch = { fromMs: nowMs, status: 'up' };
  if (isMoment) return record(turn, agentId, loss.atMs, [{ ...up, fromMs: loss.atMs }]);
  if (!isSameRun) return record(turn, agentId, nowMs, [up]);
  const { spans } = checkTimeline(state, agentCheckIdOf(agentId));
  const since = spans.slice(
    Math.max(
      0,
      spans.findLastIndex((span) => span.fromMs <= loss.atMs),
    ),
  );
  const tail = since.map(({ fromMs, status }): Stretch => ({ fromMs, status: status === 'unknown' ? 'up' : status }));
  const wasShownUnknown = loss.isGraceOver && since.some(({ status }) => status === 'unknown');
  record(turn, agentId, since[0]?.fromMs ?? loss.atMs, [...tail, up], wasShownUnknown);
};

/** A heartbeat of the agent is missing, or has come after all. It decides nothing by itself; others of its zone may have to wait for it. */
export const onAgentOverdue = (turn: Turn, event: Extract<EngineEvent, { kind: 'agentOverdue' }>): void => {
  const agent = turn.state.agents.get(event.agentId);
  if (agent === undefined || agent.loss !== null || (agent.isOverdue ?? false) === event.isOverdue) return;
  putAgent(turn, { ...agent, isOverdue: event.isOverdue });
};

/** The agent's link is gone: a question, not yet an answer. */
export const onAgentLost = (turn: Turn, event: Extract<EngineEvent, { kind: 'agentLost' }>): void => {
  const { state, nowMs } = turn;
  const before = state.agents.get(event.agentId);
  if (before === undefined || before.loss !== null || !state.config.agents.has(event.agentId)) return;
  const atMs = Math.min(nowMs, Math.max(event.sinceMs, before.sinceMs));
  record(turn, event.agentId, atMs, [{ fromMs: atMs, status: 'unknown' }], atMs < nowMs);
  const loss = newLoss({ atMs, cause: event.cause, graceEndsAtMs: nowMs + state.config.timing.agentGraceMs, seenAtMs: nowMs });
  putAgent(turn, { ...before, sinceMs: atMs, isOverdue: false, loss: ask(turn, event.agentId, loss) });
  askOthersInstead(turn, event.agentId);
};

const newLoss = (loss: Pick<Loss, 'atMs' | 'cause' | 'graceEndsAtMs' | 'seenAtMs'>): Loss => ({
  ...loss,
  faultFromMs: loss.atMs,
  isGraceOver: false,
  questionCount: 0,
  question: null,
  askedIds: [],
  failedCount: 0,
  failedFromMs: null,
  verdict: 'asking',
  verdictAtMs: loss.seenAtMs,
  wasReachable: false,
  nextRoundAtMs: null,
});

/**
 * The collector was away, so of agents that were connected nothing is known from then on. They have until `agentsDueAtMs` to come back; only
 * then others are asked about their hosts, who first have to come back themselves.
 */
export const onRestarted = (turn: Turn, event: Extract<EngineEvent, { kind: 'restarted' }>): void => {
  const { state, nowMs } = turn;
  for (const agent of [...state.agents.values()]) {
    if (agent.loss !== null || !state.config.agents.has(agent.id)) continue;
    const unknownFromMs = Math.min(nowMs, Math.max(event.awaySinceMs, agent.sinceMs));
    record(turn, agent.id, unknownFromMs, [{ fromMs: unknownFromMs, status: 'unknown' }]);
    const loss = newLoss({ atMs: nowMs, cause: 'away', graceEndsAtMs: event.agentsDueAtMs, seenAtMs: nowMs });
    putAgent(turn, { ...agent, sinceMs: nowMs, isOverdue: false, loss: { ...loss, nextRoundAtMs: event.agentsDueAtMs } });
  }
};

/** What the agent was asked it will not answer any more. Those of its zone, whom it is asked about as a rule, need not wait for the deadline. */
const askOthersInstead = (turn: Turn, askerId: AgentId): void => {
  const { state } = turn;
  const zoneId = state.config.agents.get(askerId)?.zoneId ?? null;
  const lostIds = zoneId === null ? [] : [...(state.lostOf.get(zoneId) ?? [])];
  const waiting = lostIds.filter((id) => state.agents.get(id)?.loss?.question?.askerId === askerId).sort();
  for (const id of waiting) {
    const agent = state.agents.get(id);
    if (agent !== undefined && agent.loss !== null) putAgent(turn, { ...agent, loss: settle(turn, id, agent.loss, null) });
  }
};

/**
 * The collector itself was away, so nobody could connect: agents whose grace was still running get until `untilMs`. Without it every restart
 * of both would look like a lost agent. Losses that were already settled stay as they are.
 */
export const prolongGraces = (state: EngineState, untilMs: EpochMs): void => {
  for (const agent of state.agents.values()) {
    if (agent.loss === null || agent.loss.isGraceOver || agent.loss.graceEndsAtMs >= untilMs) continue;
    const waiting = { ...agent, loss: { ...agent.loss, graceEndsAtMs: untilMs } };
    state.agents.set(agent.id, waiting);
    setDeadline(state.deadlines, `agent|${agent.id}`, agentDueAtMs(waiting));
  }
};

/** So few are looked at one by one, instead of walking past thousands that are lost. */
const fewConnected = 64;

/** The same choice as below, of those that are connected. */
const chooseOfFew = (state: EngineState, lost: AgentEntry, askedIds: readonly AgentId[]): AgentId | null => {
  const { placeOf, agents, agentsOfZone } = state.index;
  const place = placeOf.get(lost.id);
  const zoneCount = lost.zoneId === null ? 0 : (agentsOfZone.get(lost.zoneId)?.length ?? 0);
  let best: { readonly id: AgentId; readonly rank: number } | null = null;
  for (const id of state.connected) {
    const other = placeOf.get(id);
    if (id === lost.id || other === undefined || place === undefined) continue;
    const isNear = lost.zoneId !== null && state.config.agents.get(id)?.zoneId === lost.zoneId;
    const steps = isNear
      ? (other.inZone - place.inZone + zoneCount) % zoneCount
      : agents.length + ((other.overall - place.overall + agents.length) % agents.length);
    const rank = steps + (askedIds.includes(id) ? 2 * agents.length : 0);
    if (best === null || rank < best.rank) best = { id, rank };
  }
  return best?.id ?? null;
};

/** Others that can be asked now, the nearest in order first: of the zone, then anybody; those not yet asked in this round first. */
const chooseAsker = (state: EngineState, lost: AgentEntry, askedIds: readonly AgentId[]): AgentId | null => {
  const place = state.index.placeOf.get(lost.id);
  const zone = lost.zoneId === null ? [] : (state.index.agentsOfZone.get(lost.zoneId) ?? []);
  if (state.connected.size <= fewConnected) return chooseOfFew(state, lost, askedIds);
  let again: AgentId | null = null;
  // Walked, not copied and filtered: thousands may be lost at once, and the next one is nearly always there.
  for (const { list, at } of [
    { list: zone, at: place?.inZone ?? 0 },
    { list: state.index.agents, at: place?.overall ?? 0 },
  ]) {
    for (let step = 1; step < list.length; step += 1) {
      const other = list[(at + step) % list.length];
      if (other === undefined || other.id === lost.id || state.agents.get(other.id)?.loss !== null) continue;
      if (!askedIds.includes(other.id)) return other.id;
      again ??= other.id;
    }
  }
  return again;
};

/** Nobody could look: what was known of the host is no longer so. The next round may tell more. */
const cannotTell = (turn: Turn, agentId: AgentId, loss: Loss): Loss => {
  const { nowMs } = turn;
  if (loss.verdict === 'reachable' || loss.verdict === 'unreachable')
    record(turn, agentId, nowMs, [{ fromMs: nowMs, status: 'unknown' }]);
  return {
    ...unanswered(loss, nowMs),
    question: null,
    nextRoundAtMs: nowMs + turn.state.config.timing.questionIntervalMs,
    seenAtMs: nowMs,
  };
};

/** Nothing is known of the host as it is now; what was found before is kept, to be told of. */
const unanswered = (loss: Loss, nowMs: EpochMs): Loss =>
  loss.verdict === 'cannotTell'
    ? loss
    : { ...loss, verdict: 'cannotTell', verdictAtMs: nowMs, foundBefore: loss.verdict === 'asking' ? null : loss.verdict };

/** Puts the next question, or settles that nobody can tell. */
const ask = (turn: Turn, agentId: AgentId, loss: Loss, isAgain = true): Loss => {
  const { state, nowMs } = turn;
  const { timing } = state.config;
  const entry = state.config.agents.get(agentId);
  const askerId = entry === undefined || entry.address === null ? null : chooseAsker(state, entry, loss.askedIds);
  const isExhausted = askerId !== null && !isAgain && loss.askedIds.includes(askerId);
  if (entry === undefined || entry.address === null || askerId === null || isExhausted) return cannotTell(turn, agentId, loss);
  const requestId = `${agentId}/${loss.atMs}/${loss.questionCount + 1}`;
  const question = { requestId, askerId, askedAtMs: nowMs, dueAtMs: nowMs + timing.questionMs };
  turn.requests.push({
    kind: 'requestProbe',
    requestId,
    agentId: askerId,
    probe: { kind: 'icmp', spec: { host: entry.address, count: 2, lossRatioDegraded: 1, tcpFallbackPort: 22 } },
    // The answer still has to come back within the question's own time.
    timeoutMs: Math.max(1, Math.floor(timing.questionMs * probeShareOfTime)),
  });
  return { ...loss, question, questionCount: loss.questionCount + 1, askedIds: [...loss.askedIds, askerId], nextRoundAtMs: null };
};

/** Another agent has looked; late perhaps, when it was given up already. */
export const onProbeAnswer = (turn: Turn, event: Extract<EngineEvent, { kind: 'probeAnswer' }>): void => {
  const lostId = event.requestId.slice(0, event.requestId.indexOf('/'));
  const agent = turn.state.agents.get(asAgentId(lostId));
  const loss = agent?.loss ?? null;
  if (agent === undefined || loss === null) return;
  const isAnswered = ({ requestId, askerId }: Question): boolean => requestId === event.requestId && askerId === event.agentId;
  if (loss.question !== null && isAnswered(loss.question))
    return putAgent(turn, { ...agent, loss: settle(turn, agent.id, loss, event.result) });
  const late = loss.lateQuestions?.find(isAnswered);
  if (late === undefined || saysNothing(event.result)) return;
  const lateQuestions = loss.lateQuestions?.filter((question) => question !== late) ?? [];
  putAgent(turn, { ...agent, loss: believe(turn, agent.id, { ...loss, lateQuestions }, event.result, late.askedAtMs) });
};

/** What the answer to the open question (null: none came in time) makes of the loss. */
const settle = (turn: Turn, agentId: AgentId, loss: Loss, result: CheckResult | null): Loss => {
  const { question } = loss;
  const open: Loss = { ...loss, question: null, seenAtMs: turn.nowMs };
  if (result !== null && !saysNothing(result)) return believe(turn, agentId, open, result, question?.askedAtMs ?? turn.nowMs);
  // An agent that may not ask, or does not answer, says nothing of the host: somebody else is asked, nobody twice.
  const lateQuestions = [...(loss.lateQuestions ?? []), ...(result === null && question !== null ? [question] : [])];
  const unsaid: Loss = lateQuestions.length === 0 ? open : { ...open, lateQuestions };
  if (loss.askedIds.length >= questionsPerRoundMax) return cannotTell(turn, agentId, unsaid);
  const next = ask(turn, agentId, unsaid, false);
  // People are told in time that nobody can tell yet, and what is found out later is told in place.
  return next.verdict === 'asking' && result === null ? unanswered(next, turn.nowMs) : next;
};

/** What an answer that says something of the host makes of the loss. */
const believe = (turn: Turn, agentId: AgentId, loss: Loss, result: CheckResult, askedAtMs: EpochMs): Loss => {
  if (result.outcome !== 'down') return reached(turn, agentId, loss, askedAtMs);
  const failed: Loss = {
    ...loss,
    failedCount: loss.failedCount + 1,
    failedFromMs: Math.min(loss.failedFromMs ?? askedAtMs, askedAtMs),
    seenAtMs: turn.nowMs,
  };
  if (failed.failedCount >= failuresNeeded) return missed(turn, agentId, failed);
  // When the answer was late somebody else may be asked already.
  return failed.question === null ? ask(turn, agentId, failed) : failed;
};

const roundOver = (turn: Turn) => ({
  question: null,
  lateQuestions: [],
  askedIds: [],
  failedCount: 0,
  failedFromMs: null,
  seenAtMs: turn.nowMs,
  nextRoundAtMs: turn.nowMs + turn.state.config.timing.questionIntervalMs,
});

/** Somebody reached the host: only its agent is gone. */
const reached = (turn: Turn, agentId: AgentId, loss: Loss, askedAtMs: EpochMs): Loss => {
  const isNew = loss.verdict !== 'reachable';
  if (isNew) {
    // At the first answer of all it has been there all the time; later only what is asked now is known.
    const spans = turn.state.checks.get(agentCheckIdOf(agentId))?.spans ?? [];
    const wasDown = spans.some((span) => span.status === 'down' && span.fromMs >= loss.atMs);
    const fromMs = loss.wasReachable || wasDown ? askedAtMs : knownFromMs(loss, askedAtMs);
    record(turn, agentId, fromMs, [{ fromMs, status: 'degraded' }]);
  }
  return { ...loss, ...roundOver(turn), ...verdictOf(turn, loss, 'reachable', askedAtMs), wasReachable: true };
};

/**
 * Nobody reached the host: it is down, from the loss on; from the first failed question when more is known of the time before: that it was reached,
 * or that it was found down once and nobody could look since.
 */
const missed = (turn: Turn, agentId: AgentId, loss: Loss): Loss => {
  const isNew = loss.verdict !== 'unreachable';
  if (isNew) {
    const failedFromMs = loss.failedFromMs ?? turn.nowMs;
    const wasKnown = loss.wasReachable || loss.foundBefore === 'unreachable';
    const fromMs = wasKnown ? failedFromMs : knownFromMs(loss, failedFromMs);
    record(turn, agentId, fromMs, [{ fromMs, status: 'down' }]);
  }
  return { ...loss, ...roundOver(turn), ...verdictOf(turn, loss, 'unreachable', loss.failedFromMs ?? turn.nowMs) };
};

/** From when on the first look at a host says something: from the loss, which was seen; where nobody listened then, from the look itself. */
const knownFromMs = (loss: Loss, lookedAtMs: EpochMs): EpochMs => (loss.cause === 'away' ? lookedAtMs : loss.atMs);

/** The first verdict of all dates the fault. */
const verdictOf = (turn: Turn, loss: Loss, verdict: 'reachable' | 'unreachable', lookedAtMs: EpochMs) => ({
  verdict,
  verdictAtMs: loss.verdict === verdict ? loss.verdictAtMs : turn.nowMs,
  faultFromMs: loss.verdict === 'asking' ? knownFromMs(loss, lookedAtMs) : loss.faultFromMs,
});

/** A lost agent's instant has come. @returns whether its grace has just ended */
export const onAgentDue = (turn: Turn, agentId: AgentId): boolean => {
  const { state, nowMs } = turn;
  const agent = state.agents.get(agentId);
  if (agent === undefined || agent.loss === null) return false;
  let { loss } = agent;
  const isGraceEnd = !loss.isGraceOver && loss.graceEndsAtMs <= nowMs;
  if (isGraceEnd) loss = { ...loss, isGraceOver: true };
  if (loss.question !== null && loss.question.dueAtMs <= nowMs) loss = settle(turn, agentId, loss, null);
  else if (loss.nextRoundAtMs !== null && loss.nextRoundAtMs <= nowMs)
    loss = ask(turn, agentId, { ...loss, lateQuestions: [], askedIds: [], failedCount: 0, failedFromMs: null });
  putAgent(turn, { ...agent, loss });
  return isGraceEnd;
};
