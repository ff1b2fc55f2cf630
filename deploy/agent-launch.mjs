// How the agent's Node is started, for a small footprint on hosts that have other work to do. Measured with test/bench/footprint.bench.ts:
// without any of this the agent holds about 65 MiB of private memory, with it about 30.
import { join } from 'node:path';

/** Flags of Node and V8, before the program. */
export const agentFlags = [
  // The agent's data lives for milliseconds or for ever: a larger young generation only delays collection.
  '--max-semi-space-size=1',
  // A bound for a leak, far above what is used; the spool is on disk, not in memory.
  '--max-old-space-size=96',
  // Helper threads that collect in parallel cost memory each and gain nothing on a heap this small.
  '--single-threaded-gc',
  // Less code is compiled ahead and inlined; the agent sleeps most of the time.
  '--optimize-for-size',
];

/**
 * Environment beside that of the caller. Node keeps compiled code and stripped types there, so that from the second start on the type
 * stripper, which takes over 20 MiB, is not loaded at all. A folder that cannot be written costs only that.
 */
export const agentEnvironment = (root) => ({ NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'jiwei-agent') });
