import type { Clock } from '@jiwei/shared/clock.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import { type EchoNews, type EchoOrder, type EchoTool, spacingMs } from './echo-tool.ts';
import type { RunTool, ToolResult } from './run-tool.ts';

/**
 * Between two packets of one process, whoever they go to, ms: 500 packets of 98 bytes (on Ethernet) a second, 0.4 Mbit/s. fping's own default
 * is 10, the least it grants to everyone 1; this is the least at which the requests of a whole batch go out within `spacingMs`.
 */
const packetGapMs = 2;
/** So many that each round of requests takes just `spacingMs`: with more, rounds would last longer than the spacing that was asked for. */
export const batchTargetsMax = 100;
/** For starting the process and reading its last lines: it should end by itself before it is cut off. */
const marginMs = 100;
/** Least wait for the last reply, ms: fping grants no less to everyone. */
const lastReplyMsMin = 50;

/**
 * One process of `fping` for a whole batch. It sends to all targets in turn and prints each reply when it comes, since version 5.0 also each
 * one that stayed away:
 * `[1795998455.69161] 10.0.0.1 : [0], 64 bytes, 0.36 ms (0.36 avg, 0% loss)` and `[1795998456.39605] 10.0.0.2 : [0], timed out (NaN avg, 100% loss)`
 */
export const createFpingTool = (runTool: RunTool, clock: Pick<Clock, 'nowMs'>): EchoTool => ({
  name: 'fping',
  targetsMax: batchTargetsMax,
  run: async (order) => {
    const startedAtMs = clock.nowMs();
    const targets = new Map(order.addresses.map((address, place) => [address, { address, place, toldCount: 0 }]));
    let hasSpoken = false;
    const result = await runFping(runTool, order, (line) => {
      const read = parseFping(line);
      const target = read === null ? undefined : targets.get(read.address);
      if (read === null || target === undefined) return;
      hasSpoken = true;
      if (read.kind === 'said') order.onNews(read);
      if (read.kind !== 'reply' && read.kind !== 'lost') return;
      const roundTripMs = read.kind === 'reply' ? read.roundTripMs : null;
      const sentAfterMs = read.printedAtMs - (roundTripMs ?? lastReplyMsOf(order)) - startedAtMs;
      // Times of a machine whose clock was set meanwhile are of no use: then the turn says when it must have been.
      const isPossible = sentAfterMs >= 0 && sentAfterMs <= clock.nowMs() - startedAtMs;
      order.onNews(newsOf(target, roundTripMs, isPossible ? sentAfterMs : null));
    });
    // Exit 4 and silence: the right to open the socket is gone, and nothing is known of any target.
    if (result === null || (!hasSpoken && result.exitCode !== null)) return false;
    giveUpRest(order, [...targets.values()], result.exitCode);
    return true;
  },
  isPermitted: async (signal) => {
    let hasSpoken = false;
    const order = { addresses: ['127.0.0.1'], count: 1, waitMs: secondMs, signal };
    await runFping(runTool, order, (line) => {
      hasSpoken ||= parseFping(line) !== null;
    });
    return hasSpoken;
  },
});

/** A target of one process. */
interface Target {
  readonly address: string;
  /** In the order of sending. */
  readonly place: number;
  /** Requests of which it was told what became of them. */
  toldCount: number;
}

/** @param sentAfterMs null where only the turn is known */
const newsOf = (target: Target, roundTripMs: number | null, sentAfterMs: number | null): EchoNews => {
  const turnMs = target.place * packetGapMs + target.toldCount * spacingMs;
  target.toldCount += 1;
  return { kind: 'echo', address: target.address, roundTripMs, sentAfterMs: sentAfterMs ?? turnMs };
};

/**
 * Of a target there is no way to nothing is printed, and old versions print nothing of a reply that stayed away: once fping has ended by
 * itself, what was not told is lost. One that hung or was killed may not even have asked: of a target without a word nothing is known.
 */
const giveUpRest = ({ count, signal, onNews }: EchoOrder, targets: readonly Target[], exitCode: number | null): void => {
  // 0: all have answered, 1: some have not, 2: an address it cannot use. More: it failed.
  const hasEnded = exitCode !== null && exitCode <= 2;
  const isUnknown = ({ toldCount }: Target): boolean => !hasEnded && toldCount === 0;
  for (const target of targets) {
    if (!isUnknown(target)) while (target.toldCount < count) onNews(newsOf(target, null, null));
  }
  const unknown = targets.filter(isUnknown);
  if (unknown.length === 0) return;
  const what =
    exitCode !== null ? `failed with exit code ${exitCode}` : signal.aborted ? 'did not end in its time' : 'was killed';
  throw new Error(`fping ${what} before it told of ${unknown.length} of ${targets.length} targets`);
};

const runFping = (
  runTool: RunTool,
  order: Omit<EchoOrder, 'onNews'>,
  onLine: (line: string) => void,
): Promise<ToolResult | null> => {
  const pace = ['-i', packetGapMs, '-p', spacingMs, '-t', lastReplyMsOf(order)].map(String);
  const args = ['-C', String(order.count), '-D', ...pace, '--', ...order.addresses];
  return runTool({ file: 'fping', args, signal: order.signal, onLine });
};

/** Patience with each reply, ms: what is left after the last request was sent. */
const lastReplyMsOf = ({ addresses, count, waitMs }: Omit<EchoOrder, 'onNews' | 'signal'>): number => {
  const lastSentMs = (count - 1) * spacingMs + addresses.length * packetGapMs;
  return Math.max(lastReplyMsMin, Math.floor(waitMs - lastSentMs - marginMs));
};

type FpingLine =
  | { readonly kind: 'reply'; readonly address: string; readonly roundTripMs: number; readonly printedAtMs: number }
  | { readonly kind: 'lost'; readonly address: string; readonly printedAtMs: number }
  | { readonly kind: 'summary'; readonly address: string }
  | Extract<EchoNews, { kind: 'said' }>;

/** A line of fping has about 80 characters, with an IPv6 address 120. */
const lineCharactersMax = 1_000;

/** Reads a line of fping; null for one of another form (a second reply to the same request, a warning). */
export const parseFping = (line: string): FpingLine | null => {
  if (line.length > lineCharactersMax) return null;
  const one = /^\[(\d+\.\d+)\] (\S+)\s+: \[\d+\], (?:(timed out)|\d+ bytes, (\d+(?:\.\d+)?(?:e[+-]\d+)?) ms)/.exec(line);
  if (one !== null) {
    const [, seconds, address = '', timedOut, roundTripMs] = one;
    const printedAtMs = Number(seconds) * secondMs;
    if (timedOut !== undefined) return { kind: 'lost', address, printedAtMs };
    return Number.isFinite(Number(roundTripMs))
      ? { kind: 'reply', address, roundTripMs: Number(roundTripMs), printedAtMs }
      : null;
  }
  const [, summed] = /^(\S+)\s+:(?: (?:-|\d+(?:\.\d+)?))+\s*$/.exec(line) ?? [];
  if (summed !== undefined) return { kind: 'summary', address: summed };
  const [, text = '', said] = /^(ICMP .+ from \S+) for ICMP Echo sent to (\S+)/.exec(line) ?? [];
  return said === undefined ? null : { kind: 'said', address: said, text };
};
