import { isIPv6 } from 'node:net';
import { platform } from 'node:os';
import { secondMs } from '@jiwei/shared/time.ts';
import builderFactory from 'ping/lib/builder/factory.js';
import parserFactory from 'ping/lib/parser/factory.js';
import { type EchoTool, spacingMs } from './echo-tool.ts';
import type { RunTool, ToolResult } from './run-tool.ts';

/** One process of the system's `ping` per target; all it tells it tells at its end. */
export const createPingTool = (runTool: RunTool): EchoTool => ({
  name: 'ping',
  targetsMax: 1,
  run: async ({ addresses, count, waitMs, signal, onNews }) => {
    const [address = ''] = addresses;
    const result = await runPing(runTool, { address, count, waitMs, signal });
    if (result === null) return false;
    if (result.exitCode === null && !signal.aborted) throw new Error('ping was killed');
    const roundTripsMs = parse(address, result.stdout).slice(0, count);
    for (const [index, roundTripMs] of roundTripsMs.entries())
      onNews({ kind: 'echo', address, roundTripMs, sentAfterMs: index * spacingMs });
    const text = result.stderr.trim();
    if (text !== '') onNews({ kind: 'said', address, text });
    return true;
  },
  // iputils exits with 2, busybox with 1 and without its first line, when it may not open the socket.
  isPermitted: async (signal) => {
    const result = await runPing(runTool, { address: '127.0.0.1', count: 1, waitMs: secondMs, signal });
    return result !== null && (result.exitCode === 0 || (result.exitCode === 1 && result.stdout.trim() !== ''));
  },
});

interface OneRequest {
  readonly address: string;
  readonly count: number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

const runPing = (runTool: RunTool, { address, count, waitMs, signal }: OneRequest): Promise<ToolResult | null> => {
  // Made anew each time: the package writes into it.
  const config = {
    v6: isIPv6(address),
    numeric: true,
    min_reply: count,
    timeout: Math.max(1, Math.ceil(waitMs / secondMs)),
    extra: platform() === 'linux' ? ['-i', String(spacingMs / secondMs)] : [],
  };
  const builder = builderFactory.createBuilder(platform());
  return runTool({
    file: builderFactory.getExecutablePath(platform(), config.v6),
    args: builder.getCommandArguments(address, config),
    env: builder.getSpawnOptions().env,
    signal,
  });
};

/** Round trips in the order they came, ms; also of a ping that was killed before it had summed up. */
const parse = (address: string, output: string): readonly number[] => {
  if (output.trim() === '') return [];
  const parser = parserFactory.createParser(address, platform(), { v6: isIPv6(address) });
  try {
    for (const line of output.split('\n')) parser.eat(line);
    return parser.getResult().times.filter((time) => Number.isFinite(time));
  } catch (error) {
    // The package stumbles over what is not worded as it knows it (another ping, a wrapper, a name with blanks): then nothing was read.
    if (!(error instanceof TypeError)) throw error;
    return [];
  }
};
