import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Folder of the repository. */
export const root = resolve(import.meta.dirname, '..', '..');

/** A real process of a test: started, watched, and ended with it. */
export interface TestProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything it wrote so far, both streams. */
  output(): string;
  /** Resolves when it wrote a line that fits, after so many characters of output; rejects when it ends first or `withinMs` pass. */
  line(pattern: RegExp, withinMs?: number, fromCharacter?: number): Promise<string>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts one of the product's programs under the Node that runs the tests. */
export const startProgram = (program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): TestProcess =>
  startProcess(process.execPath, [join(root, program), ...args], environment);

/** Starts any program. Its output is kept (at most the last 4 MiB) for the failure message. */
export const startProcess = (command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): TestProcess => {
  const child = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...environment },
  });
  let text = '';
  const listeners = new Set<() => void>();
  const take = (chunk: Buffer): void => {
    text = (text + chunk.toString('utf8')).slice(-4 * 1024 * 1024);
    for (const listener of [...listeners]) listener();
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  const exited = once(child, 'exit');
  return {
    child,
    pid: child.pid ?? 0,
    output: () => text,
    line: (pattern, withinMs = 20_000, fromCharacter = 0) =>
      new Promise((resolveLine, reject) => {
        const stop = (): void => {
          listeners.delete(look);
          clearTimeout(deadline);
          child.off('exit', onExit);
        };
        const fail = (why: string): void => {
          stop();
          reject(new Error(`${why} before a line fitted ${pattern}; output:\n${text}`));
        };
        const look = (): void => {
          const found = text
            .slice(fromCharacter)
            .split('\n')
            .find((line) => pattern.test(line));
          if (found === undefined) return;
          stop();
          resolveLine(found);
        };
        const onExit = (): void => fail(`${command} ended`);
        const deadline = setTimeout(() => fail(`${withinMs} ms passed`), withinMs);
        listeners.add(look);
        child.once('exit', onExit);
        look();
      }),
    kill: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await exited;
    },
  };
};

/** Waits for the message a program sends once it serves, and tells a collector that its admin token was seen, so that it keeps it. */
export const listening = async (started: TestProcess): Promise<{ url: string; adminToken: string | null }> => {
  const ended = once(started.child, 'exit').then(() => {
    throw new Error(`the program ended before it served; output:\n${started.output()}`);
  });
  const [message] = await Promise.race([once(started.child, 'message'), ended]);
  const told = message as { url: string; adminToken: string | null };
  if (typeof told.adminToken === 'string') {
    started.child.send({ kind: 'adminTokenShown' });
    await Promise.race([once(started.child, 'message'), ended]);
  }
  return told;
};

/** A folder of the test's own, removed by the disposer. */
export const testFolder = async (): Promise<{ path: string; remove(): Promise<void> }> => {
  const path = await mkdtemp(join(tmpdir(), 'jiwei-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
};

/**
 * Asks again and again until `look` gives something other than null. For conditions of other processes that tell no event.
 * @throws Error with `what` and the last problem after `withinMs`
 */
export const eventually = async <T>(what: string, look: () => Promise<T | null>, withinMs = 20_000): Promise<T> => {
  const deadlineMs = performance.now() + withinMs;
  let problem = 'it never became true';
  while (performance.now() < deadlineMs) {
    try {
      const found = await look();
      if (found !== null) return found;
    } catch (error) {
      problem = String(error);
    }
    await new Promise((again) => setTimeout(again, 50));
  }
  throw new Error(`${what}: ${problem} (within ${withinMs} ms)`);
};
