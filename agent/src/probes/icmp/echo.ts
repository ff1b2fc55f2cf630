import { isIP } from 'node:net';
import type { Clock } from '@jiwei/shared/clock.ts';
import { orAborted } from '@jiwei/shared/or-aborted.ts';
import { type EchoAnswer, runEchoBatch, type Waiting } from './echo-batch.ts';
import { type EchoTool, spacingMs } from './echo-tool.ts';
import { type KnownTool, knownTool } from './permission.ts';

/** One address to ping. */
export interface EchoRequest {
  /** IPv4 or IPv6 text, never a name: it goes onto a command line. */
  readonly address: string;
  readonly count: number;
  /** Time within which the answer must be there, ms. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** Pings whatever is asked for, with the tool that fits. */
export interface Echo {
  /**
   * Pings one address; null when this host has no tool that may. Rejects with the signal's reason, or because a tool could not be started for
   * want of processes or files.
   */
  ask(request: EchoRequest): Promise<EchoAnswer | null>;
  /** Whether many who ask at about the same time share a process, as far as is known: fping is there and may ping. */
  isBatching(): boolean;
}

/** Requests that come within this time go out together, ms: short beside a round trip over the country, long enough for a burst. */
export const gatherMs = 50;
/**
 * Up to here each gets a `ping` of its own, which says in words why an address cannot be reached; above, one `fping` asks all: four pings take
 * three times the CPU time of one fping with four targets, and 64 some ten times.
 */
export const aloneMax = 3;

/** Gathers what arrives at about the same time and chooses the tool. */
export const createEcho = (options: { readonly clock: Clock; readonly ping: EchoTool; readonly fping: EchoTool }): Echo => {
  const { clock } = options;
  const ping = knownTool(options.ping, clock);
  const fping = knownTool(options.fping, clock);
  let waiting: Waiting[] = [];

  const choose = async (isMany: boolean): Promise<KnownTool | null> => {
    const [first, second] = isMany ? [fping, ping] : [ping, fping];
    if (await first.isUsable()) return first;
    return (await second.isUsable()) ? second : null;
  };

  const flush = async (requests: readonly Waiting[]): Promise<void> => {
    try {
      const known = await choose(requests.length > aloneMax);
      if (known === null) {
        for (const request of requests) request.resolve(null);
        return;
      }
      const batches = batchesOf(requests, known.tool.targetsMax);
      const done = await Promise.all(batches.map((batch) => runEchoBatch(known.tool, batch, clock)));
      if (done.includes(false)) known.forget();
    } catch (error) {
      for (const request of requests) request.reject(error);
    }
  };

  const flushWaiting = (): void => {
    const requests = waiting.filter((request) => !request.signal.aborted);
    waiting = [];
    // Never rejects: every failure is handed to the requests.
    void flush(requests);
  };

  return {
    ask: (request) =>
      orAborted(
        new Promise((resolve, reject) => {
          // Whoever asks has looked the name up; a name that slipped through could be an option of the tool.
          if (isIP(request.address) === 0) throw new Error(`"${request.address}" is no address`);
          const askedMs = clock.monotonicMs();
          const { address, waitMs, signal } = request;
          waiting.push({ address, count: fittingCount(request), askedMs, dueMs: askedMs + waitMs, signal, resolve, reject });
          if (waiting.length === 1) clock.after(Math.min(gatherMs, waitMs / 4), flushWaiting);
        }),
        request.signal,
      ),
    isBatching: fping.wasUsable,
  };
};

/** Requests that can share a process: of the same family and count. An address that is asked twice is sent to once. */
const batchesOf = (requests: readonly Waiting[], targetsMax: number): readonly (readonly Waiting[])[] => {
  const alike = Map.groupBy(requests, ({ address, count }) => `${isIP(address)} ${count}`);
  return [...alike.values()].flatMap((group) => {
    const targets = [...Map.groupBy(group, ({ address }) => address).values()];
    const batchCount = Math.ceil(targets.length / targetsMax);
    return Array.from({ length: batchCount }, (_, index) => targets.slice(index * targetsMax, (index + 1) * targetsMax).flat());
  });
};

/** Requests whose sending takes at most half of the time, so that the last has the other half to come back. */
const fittingCount = ({ count, waitMs }: EchoRequest): number => Math.min(count, 1 + Math.floor(waitMs / 2 / spacingMs));
