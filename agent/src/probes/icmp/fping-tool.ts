import { isIPv6 } from 'node:net';
import { secondMs } from '@jiwei/shared/time.ts';
import { type EchoReport, type EchoTool, spacingMs } from './echo.ts';
import type { RunTool, ToolResult } from './run-tool.ts';

/**
 * One process of `fping` for a whole batch. It sends to all targets in turn and prints, at its end and on stderr, a line for each:
 * `10.0.0.1 : 0.42 - 0.51`, where `-` is a lost one.
 */
export const createFpingTool = (runTool: RunTool): EchoTool => ({
  name: 'fping',
  run: async ({ addresses, count, waitMs, signal }) => {
    const families = [addresses.filter((address) => !isIPv6(address)), addresses.filter((address) => isIPv6(address))];
    const found = new Map<string, EchoReport>();
    const results = await Promise.all(families.map((some) => runFping(runTool, some, { count, waitMs, signal })));
    for (const result of results) {
      for (const [address, roundTripsMs] of parseFping(result?.stderr ?? '')) found.set(address, { roundTripsMs });
    }
    // Exit 4 and silence: the right to open the socket is gone, and nothing is known of any target. One that was killed is silent, too.
    const isRefused = found.size === 0 && results.every((result) => result === null || result.exitCode !== null);
    return isRefused ? null : addresses.map((address) => found.get(address) ?? { roundTripsMs: [] });
  },
  isPermitted: async (signal) => {
    const result = await runFping(runTool, ['127.0.0.1'], { count: 1, waitMs: secondMs, signal });
    return result !== null && parseFping(result.stderr).size > 0;
  },
});

const runFping = async (
  runTool: RunTool,
  addresses: readonly string[],
  { count, waitMs, signal }: { readonly count: number; readonly waitMs: number; readonly signal: AbortSignal },
): Promise<ToolResult | null> => {
  if (addresses.length === 0) return null;
  // Every round takes at least the spacing; what is left is for the last replies.
  const lastReplyMs = Math.max(50, Math.floor(waitMs - count * spacingMs));
  return runTool({
    file: 'fping',
    args: ['-C', String(count), '-q', '-i', '1', '-p', String(spacingMs), '-t', String(lastReplyMs), ...addresses],
    signal,
  });
};

/** Round trips by address, ms, lost ones left out. Lines of another form (warnings, ICMP errors) are passed over. */
export const parseFping = (output: string): ReadonlyMap<string, readonly number[]> => {
  const found = new Map<string, readonly number[]>();
  for (const line of output.split('\n')) {
    const match = /^(\S+)\s+:((?: (?:-|\d+(?:\.\d+)?))+)\s*$/.exec(line);
    if (match === null) continue;
    const [, address = '', replies = ''] = match;
    found.set(
      address,
      replies
        .trim()
        .split(' ')
        .filter((reply) => reply !== '-')
        .map(Number)
        .filter((roundTripMs) => Number.isFinite(roundTripMs)),
    );
  }
  return found;
};
