import { messageOf } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import type { AgentMessage } from '@jiwei/shared/protocol/control.ts';
import type { ProbeRequest } from '../link/message.ts';
import type { ProbeOutcome } from '../probes/probe.ts';
import type { Stamps } from '../stamps.ts';
import { type Ask, failedOutcome } from './check-runner.ts';

/** A question asked once belongs to no check; its result needs an id all the same. */
const questionId = asId<'check'>('probe-request');

/** Asks what the collector wants to know, once, without confirmation. */
export const answerProbe = async (
  { requestId, probe, timeoutMs }: ProbeRequest,
  context: { readonly ask: Ask; readonly stamps: Stamps; readonly signal: AbortSignal },
): Promise<Extract<AgentMessage, { type: 'probeAnswer' }>> => {
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
