import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';

/**
 * Makes the agent one file of plain JavaScript, and a second one with what is needed twice a day. As CommonJS: an `import` of a module of
 * Node reads all its exports, and `node:http` then loads an HTTP client of 7 MiB that nobody asked for; `require` reads what is used.
 */
const root = resolve(import.meta.dirname, '..');

/**
 * Modules of Node that are loaded when one of these functions is first called, not at the start: TLS alone takes 2.4 MiB, and an agent that
 * speaks to a collector on its own host and asks no TLS service never needs it.
 */
const lateFunctions: Readonly<Record<string, readonly string[]>> = {
  tls: ['checkServerIdentity', 'connect', 'getCACertificates'],
  https: ['request'],
};

const lateModules: Plugin = {
  name: 'late modules',
  resolveId: (source) => {
    const name = source.replace(/^node:/, '');
    return Object.hasOwn(lateFunctions, name) ? `\0late:${name}` : null;
  },
  load: (id) => {
    if (!id.startsWith('\0late:')) return null;
    const name = id.slice('\0late:'.length);
    const late = (lateFunctions[name] ?? []).map(
      (called) => `export const ${called} = (...words) => process.getBuiltinModule('node:${name}').${called}(...words);`,
    );
    return late.join('\n');
  },
};

/**
 * Bundles a program of the agent's code.
 * @param input path of its first file by the name the output gets
 * @param folder where `<name>.cjs` goes; made if missing
 */
export const bundleForAgent = async (input: Readonly<Record<string, string>>, folder: string): Promise<void> => {
  mkdirSync(folder, { recursive: true });
  const bundle = await rolldown({
    input: { ...input },
    cwd: root,
    platform: 'node',
    // Speed-ups of ws in native code, which the agent does without.
    external: ['bufferutil', 'utf-8-validate'],
    plugins: [lateModules],
    resolve: { alias: { zod: join(root, 'deploy', 'small-schema.ts') } },
    // No module of ours or of its packages does work when it is imported, so that what is not used can go.
    treeshake: { moduleSideEffects: false },
    logLevel: 'warn',
  });
  try {
    await bundle.write({
      dir: folder,
      format: 'cjs',
      minify: true,
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name].cjs',
    });
  } finally {
    await bundle.close();
  }
};

/** Builds beside its place and moves there in one step: nobody ever starts half a program, and two who build at once do no harm. */
const buildInto = async (folder: string): Promise<void> => {
  const unfinished = `${folder}.${process.pid}`;
  try {
    await bundleForAgent({ agent: join(root, 'agent', 'src', 'main.ts') }, unfinished);
    if (!existsSync(folder)) renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
};

/** Earlier builds; an agent that still runs from one of them asks for its inventory with it. */
const keptBuildsMax = 3;

const sweep = (parent: string): void => {
  const builds = readdirSync(parent).map((name) => join(parent, name));
  const newestFirst = builds.toSorted((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs);
  for (const old of newestFirst.slice(keptBuildsMax)) rmSync(old, { recursive: true, force: true });
};

const [, program, target] = process.argv;
if (program === import.meta.filename) {
  if (target === undefined) throw new Error('usage: node deploy/build-agent.ts FOLDER');
  await buildInto(resolve(target));
  sweep(dirname(resolve(target)));
}
