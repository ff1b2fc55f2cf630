import type { Socket } from 'node:net';
import { secondMs } from '@jiwei/shared/time.ts';
import { type DialTimes, dial, hostPort } from './dial.ts';
import { ProbeFault } from './fault.ts';
import { findingOf, judgeTime, toOutcome } from './outcome.ts';
import type { PatternRunner } from './pattern.ts';
import { type ProbeRunner, quote, type Specs } from './probe.ts';
import { shakeHands } from './tls-handshake.ts';

/** Characters of an unmatched reply that are kept: a banner is under 1 KiB, and a pattern must run on something bounded. */
const replyCharactersMax = 65_536;

/** Opens a TCP connection, optionally with TLS on it, and converses. */
export const tcpRunner: ProbeRunner<'tcp'> = {
  kind: 'tcp',
  run: async (spec, context) => {
    const { clock, signal, tools } = context;
    const startedMs = clock.monotonicMs();
    const times: DialTimes = { resolveMs: null, connectMs: null };
    const progress: Progress = { activity: `connecting to ${hostPort(spec)}`, isExpecting: false };
    const values = () => ({
      probe_dns_lookup_time_seconds: (times.resolveMs ?? Number.NaN) / secondMs,
      probe_tcp_connect_seconds: (times.connectMs ?? Number.NaN) / secondMs,
      probe_failed_due_to_regex: progress.isExpecting ? 1 : 0,
    });
    let socket: Socket | null = null;
    try {
      socket = await dial(spec, context, times);
      if (spec.tls) {
        progress.activity = `shaking hands over TLS with ${hostPort(spec)}`;
        socket = await shakeHands(socket, { serverName: spec.host, authorities: null }, signal);
      }
      if (spec.exchange.length > 0) await converse(socket, spec.exchange, tools.patterns, progress);
      const latencyMs = clock.monotonicMs() - startedMs;
      return toOutcome(judgeTime(latencyMs, spec.slowMs), latencyMs, values());
    } catch (error) {
      return toOutcome(findingOf(error, signal, progress.activity), null, values());
    } finally {
      socket?.destroy();
    }
  },
};

/** How far a run has come, for the result of one that goes no further. */
interface Progress {
  activity: string;
  isExpecting: boolean;
}

/**
 * Sends and expects step by step. Each pattern is looked for in what came after the end of the match before, so that the same words
 * expected twice must come twice.
 * @throws ProbeFault UNEXPECTED_REPLY when the other side ends or talks on without matching; the socket's own errors
 */
const converse = async (
  socket: Socket,
  steps: Specs['tcp']['exchange'],
  patterns: PatternRunner,
  progress: Progress,
): Promise<void> => {
  const chunks = socket.iterator({ destroyOnReturn: false });
  const decoder = new TextDecoder();
  let received = '';
  for (const step of steps) {
    if (step.send !== undefined) {
      progress.activity = `sending ${quote(step.send)}`;
      await write(socket, step.send);
    }
    if (step.expect === undefined) continue;
    progress.isExpecting = true;
    for (;;) {
      const match = patterns.find(step.expect, received);
      if (match !== null) {
        received = received.slice(match.to);
        break;
      }
      progress.activity = `expecting ${step.expect}, received ${quote(received)}`;
      if (received.length > replyCharactersMax) {
        throw new ProbeFault('UNEXPECTED_REPLY', `${received.length} characters came without ${step.expect}: ${quote(received)}`);
      }
      const next = await chunks.next();
      if (next.done === true) {
        throw new ProbeFault('UNEXPECTED_REPLY', `the other side ended while ${progress.activity}`);
      }
      received += decoder.decode(next.value, { stream: true });
    }
    progress.isExpecting = false;
  }
};

const write = (socket: Socket, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.write(text, (error) => (error ? reject(error) : resolve()));
  });
