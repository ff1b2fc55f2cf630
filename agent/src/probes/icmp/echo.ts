import type { Clock } from '@jiwei/shared/clock.ts';
import { minuteMs, secondMs } from '@jiwei/shared/time.ts';
import { orAborted } from '../abort.ts';

/** What came back to one tool from one address: a round trip in ms for every reply. */
export interface EchoReport {
  readonly roundTripsMs: readonly number[];
  /** What the tool said when nothing came back. */
  readonly detail?: string;
}

/** A program that can ping several addresses. */
export interface EchoTool {
  readonly name: 'ping' | 'fping';
  /**
   * Sends `count` requests to each address (IPv4 or IPv6 text), `spacingMs` apart, and waits `waitMs` in all. When the signal fires it
   * reports what has come until then.
   * @returns one report per address in their order; null when the tool is missing or may not ping
   */
  run(request: {
    readonly addresses: readonly string[];
    readonly count: number;
    readonly waitMs: number;
    readonly signal: AbortSignal;
  }): Promise<readonly EchoReport[] | null>;
  /** Whether the tool is there and has the privilege, found out on the loopback address. */
  isPermitted(signal: AbortSignal): Promise<boolean>;
}

/** One address to ping. */
export interface EchoRequest {
  readonly address: string;
  readonly count: number;
  /** Time within which the answer must be there, ms. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** Pings one address with whichever tool fits; null when this host has none that may. Rejects with the signal's reason. */
export type Echo = (request: EchoRequest) => Promise<EchoAnswer | null>;

/** What came back, and how it was asked. */
export interface EchoAnswer extends EchoReport {
  /** Requests that were sent: fewer than asked for where the time is too short for all of them. */
  readonly sentCount: number;
  readonly method: 'ping' | 'fping';
}

/** Between two requests to one target, ms: the least that iputils grants to everyone. */
export const spacingMs = 200;

/** Requests that come within this time go out together, ms: short beside a round trip over the country, long enough for a burst. */
export const gatherMs = 50;
/** Up to here one `ping` each is cheaper in waiting; above, one `fping` in processes. */
export const aloneMax = 8;
/** Targets of one fping process: it sends one a millisecond, so that so many are sent within `spacingMs`. */
const batchMax = 200;
/** Privileges and packages change while an agent runs; they are looked at again after this time. */
const permissionMs = 10 * minuteMs;
const permissionTestMsMax = 2 * secondMs;

interface Waiting extends EchoRequest {
  /** `clock.monotonicMs()` at which the answer must be there. */
  readonly dueMs: number;
  readonly resolve: (answer: EchoAnswer | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers what arrives at about the same time and chooses the tool. */
export const createEcho = (options: { readonly clock: Clock; readonly ping: EchoTool; readonly fping: EchoTool }): Echo => {
  const { clock } = options;
  const ping = rememberPermission(options.ping, clock);
  const fping = rememberPermission(options.fping, clock);
  let waiting: Waiting[] = [];

  const choose = async (isMany: boolean): Promise<EchoTool | null> => {
    const [first, second] = isMany ? [fping, ping] : [ping, fping];
    if (await first.isUsable()) return first.tool;
    return (await second.isUsable()) ? second.tool : null;
  };

  const flush = async (requests: readonly Waiting[]): Promise<void> => {
    try {
      const tool = await choose(requests.length > aloneMax);
      const batches = batchesOf(requests, tool?.name === 'fping' ? batchMax : 1);
      await Promise.all(batches.map((batch) => runBatch(tool, batch, clock)));
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

  return (request) =>
    orAborted(
      new Promise((resolve, reject) => {
        waiting.push({ ...request, count: fittingCount(request), dueMs: clock.monotonicMs() + request.waitMs, resolve, reject });
        if (waiting.length === 1) clock.after(Math.min(gatherMs, request.waitMs / 4), flushWaiting);
      }),
      request.signal,
    );
};

/** Requests that can share a process: the same count, and about the same time left. */
const batchesOf = (requests: readonly Waiting[], sizeMax: number): readonly (readonly Waiting[])[] => {
  const alike = Map.groupBy(requests, ({ count, waitMs }) => `${count} ${Math.floor(waitMs / 250)}`);
  return [...alike.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / sizeMax) }, (_, index) => group.slice(index * sizeMax, (index + 1) * sizeMax)),
  );
};

/** Requests whose sending takes at most half of the time, so that the last has the other half to come back. */
const fittingCount = ({ count, waitMs }: EchoRequest): number => Math.min(count, 1 + Math.floor(waitMs / 2 / spacingMs));

const runBatch = async (tool: EchoTool | null, batch: readonly Waiting[], clock: Clock): Promise<void> => {
  const [first] = batch;
  if (first === undefined) return;
  const addresses = [...new Set(batch.map(({ address }) => address))];
  const waitMs = Math.max(1, Math.min(...batch.map(({ dueMs }) => dueMs)) - clock.monotonicMs());
  const overdue = new AbortController();
  const cancelTimer = clock.after(waitMs, () => overdue.abort());
  const signal = AbortSignal.any([overdue.signal, whenAllAbort(batch.map((request) => request.signal))]);
  const running = tool?.run({ addresses, count: first.count, waitMs, signal }) ?? Promise.resolve(null);
  const reports = await running.finally(cancelTimer);
  for (const request of batch) {
    const report = reports?.[addresses.indexOf(request.address)];
    request.resolve(tool === null || report === undefined ? null : { ...report, sentCount: first.count, method: tool.name });
  }
};

/** Fires when the last of the signals has: a shared process is killed only when nobody waits for it any more. */
const whenAllAbort = (signals: readonly AbortSignal[]): AbortSignal => {
  const controller = new AbortController();
  let left = signals.length;
  for (const signal of signals) {
    const count = (): void => {
      left -= 1;
      if (left === 0) controller.abort(signal.reason);
    };
    if (signal.aborted) count();
    else signal.addEventListener('abort', count, { once: true });
  }
  return controller.signal;
};

/** Asks a tool's permission at most once per `permissionMs`; those who ask meanwhile wait for the same answer. */
const rememberPermission = (tool: EchoTool, clock: Clock): { tool: EchoTool; isUsable: () => Promise<boolean> } => {
  let known: { readonly answer: Promise<boolean>; readonly atMs: number } | null = null;
  const ask = async (): Promise<boolean> => {
    const controller = new AbortController();
    const cancel = clock.after(permissionTestMsMax, () => controller.abort());
    return tool.isPermitted(controller.signal).finally(cancel);
  };
  return {
    tool,
    isUsable: () => {
      if (known === null || clock.monotonicMs() - known.atMs >= permissionMs) {
        known = { answer: ask(), atMs: clock.monotonicMs() };
        // A test that could not even be started says nothing for the next ten minutes; whoever waits for it gets the error.
        known.answer.catch(() => {
          known = null;
        });
      }
      return known.answer;
    },
  };
};
