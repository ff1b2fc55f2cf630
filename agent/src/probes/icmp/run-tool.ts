import { spawn } from 'node:child_process';
import { codeOf } from '../network-error.ts';

/** What a helper program left behind. `exitCode` is null when it was killed. */
export interface ToolResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Bytes of output kept per stream: a batch of 500 targets with 20 replies each prints about 100 KiB. */
const outputBytesMax = 1_048_576;

/** A program to run. */
export interface ToolCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** The agent's own environment when left out. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly signal: AbortSignal;
}

export type RunTool = (command: ToolCommand) => Promise<ToolResult | null>;

/**
 * Runs a helper program to its end; kills it when the signal fires and then answers with what it printed until then.
 * @returns null when there is no such program, or it may not be run
 * @throws other errors of starting it (`EMFILE`, `EAGAIN`): a want of the agent's own host
 */
export const runTool: RunTool = (options) =>
  new Promise((resolve, reject) => {
    const child = spawn(options.file, options.args, {
      shell: false,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      // LC_ALL wins over LANG: the output is read by a parser that knows English.
      ...(options.env === undefined ? {} : { env: { ...options.env, LC_ALL: 'C', LANG: 'C' } }),
    });
    const kill = (): void => {
      child.kill('SIGKILL');
    };
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.once('error', (error) => {
      options.signal.removeEventListener('abort', kill);
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'EACCES' || code === 'EPERM') resolve(null);
      else reject(error);
    });
    child.once('close', (exitCode) => {
      options.signal.removeEventListener('abort', kill);
      resolve({ exitCode, stdout: stdout(), stderr: stderr() });
    });
    options.signal.addEventListener('abort', kill, { once: true });
    if (options.signal.aborted) kill();
  });

const collect = (stream: NodeJS.ReadableStream): (() => string) => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    if (bytes < outputBytesMax) chunks.push(chunk);
    bytes += chunk.length;
  });
  return () => Buffer.concat(chunks).toString('utf8');
};
