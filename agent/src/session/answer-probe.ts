import { messageOf } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { AgentMessage } from '@jiwei/shared/protocol/control.ts';
import type { ProbeRequest } from '../link/message.ts';
import type { ProbeOutcome } from '../probes/probe.ts';
import type { Stamps } from '../stamps.ts';
import { type Ask, failedOutcome } from './check-runner.ts';

/** A question asked once belongs to no check; its result needs an id all the same. */
const questionId = asId<'check'>('probe-request');

type Answer = Extract<AgentMessage, { type: 'probeAnswer' }>;

interface AnswerContext {
  readonly ask: Ask;
  readonly stamps: Stamps;
  readonly signal: AbortSignal;
}

/**
 * Answers what the collector wants to know, so many questions at once as checks may run at once. Whoever asks more is answered at once that this one
 * was not asked (PROBE_ERROR, which says nothing of the target): he can ask another agent, and nobody can make this one open sockets without end.
 */
export const createAnswers = (context: AnswerContext): ((request: ProbeRequest) => Promise<Answer>) => {
  let underWayCount = 0;
  const askInTurn: Ask = async (probe, timeoutMs, signal) => {
    if (underWayCount >= limits.probesAtOnceMax)
      return failedOutcome(`${limits.probesAtOnceMax} questions of the collector are under way; this one was not asked`);
    underWayCount += 1;
    try {
      return await context.ask(probe, timeoutMs, signal);
    } finally {
      underWayCount -= 1;
    }
  };
  return (request) => answerProbe(request, { ...context, ask: askInTurn });
};

/** Asks once, without confirmation. */
const answerProbe = async ({ requestId, probe, timeoutMs }: ProbeRequest, context: AnswerContext): Promise<Answer> => {
  const startedAtMs = context.stamps.nowMs();
  const { askedAfterMs = 0, values, ...rest } = await askSafely(probe, timeoutMs, context);
  const observedAtMs = startedAtMs + Math.floor(askedAfterMs);
  const run = rest.outcome === 'down' ? { ofDown: 1, ofUp: 0 } : { ofDown: 0, ofUp: 1 };
  const result = { checkId: questionId, observedAtMs, ...rest, run, ...(values === undefined ? {} : { values: { ...values } }) };
  return { type: 'probeAnswer', requestId, result };
};

const askSafely = async (
  probe: ProbeRequest['probe'],
  timeoutMs: number,
  { ask, signal }: { readonly ask: Ask; readonly signal: AbortSignal },
): Promise<ProbeOutcome> => {
  if (probe.kind === 'heartbeat') return failedOutcome('a heartbeat is not run by an agent');
  try {
    return await ask(probe, timeoutMs, signal);
  } catch (error) {
    return failedOutcome(messageOf(error));
  }
};
