// How the agent is started, for a small footprint on hosts that have other work to do. What each part saves is measured in
// docs/performance.md. Plain JavaScript for whatever Node the machine has.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Flags of Node and V8, before the program. */
const flags = [
  // The agent's data lives for milliseconds or for ever: a larger young generation only delays collection.
  '--max-semi-space-size=1',
  // A bound for a leak, far above what is used; the spool is on disk, not in memory.
  '--max-old-space-size=96',
  // Helper threads cost memory each and gain nothing: there is nothing to do at the same time.
  '--single-threaded',
  '--v8-pool-size=1',
  // Optimizing compilers take more memory, and in the first hours more CPU time, than they save in a process that works 3 ms a second.
  '--no-opt',
  '--no-maglev',
  // V8 takes a program that rests for one that has finished, and collects the whole heap again and again: a fifth of all CPU time.
  '--no-memory-reducer',
  // Instead the agent asks for a collection itself, a minute after its start and then every hour.
  '--expose-gc',
];

/** Compiled code is kept beside the bundle, too: from the second start on nothing is compiled. */
const environment = {
  // One heap of the C library for all threads; each of its own would keep some 100 KiB that are seldom used.
  MALLOC_ARENA_MAX: '1',
  // Its top goes back to the system as soon as 64 KiB of it are free, and none is taken in advance: 1 MiB less, and no more CPU time.
  MALLOC_TRIM_THRESHOLD_: '65536',
  MALLOC_TOP_PAD_: '0',
};

const sourceFolders = ['agent/src', 'shared/src'];
const sourceFiles = ['deploy/build-agent.ts', 'deploy/small-schema.ts', 'package-lock.json'];

/** Changes with every source of the agent, without reading them. */
const stampOf = (root) => {
  const hash = createHash('sha256').update(process.versions.node);
  const note = (path) => {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  };
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) walk(join(folder, entry.name));
      else note(join(folder, entry.name));
    }
  };
  for (const folder of sourceFolders) walk(join(root, folder));
  for (const file of sourceFiles) note(join(root, file));
  return hash.digest('hex').slice(0, 16);
};

/**
 * The words that start the agent, after Node, and the environment beside that of the caller. The agent is bundled when its sources changed
 * (a second); where that fails it runs from source, with the same behaviour and a larger footprint.
 * @param root folder of the repository
 * @param node the Node that will run it
 */
export const agentLaunch = (root, node) => {
  const folder = join(root, 'node_modules', '.cache', 'jiwei-agent', stampOf(root));
  const bundle = join(folder, 'agent.cjs');
  if (!existsSync(bundle)) {
    const built = spawnSync(node, [join(root, 'deploy', 'build-agent.ts'), folder], { cwd: root, encoding: 'utf8' });
    if (built.status !== 0) {
      const reason = (built.stderr || built.error?.message || '').trim().split('\n').slice(0, 3).join(' ');
      console.error(`jiwei: the agent could not be bundled and runs from source, with more memory (${reason})`);
      return { words: [...flags, join(root, 'agent', 'src', 'main.ts')], environment: {} };
    }
  }
  return { words: [...flags, bundle], environment: { ...environment, NODE_COMPILE_CACHE: join(folder, 'code') } };
};
