import { spawn } from 'node:child_process';
import { codeOf } from '../network-error.ts';

/** What a helper program left behind. `exitCode` is null when it was killed. */
export interface ToolResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Bytes of output read per stream: a batch of 100 targets with 20 replies each prints about 170 KiB. */
const outputBytesMax = 1_048_576;

/** A program to run. */
export interface ToolCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** The agent's own environment when left out. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly signal: AbortSignal;
  /** Is given each whole line, of either stream, as it comes; without its end. */
  readonly onLine?: (line: string) => void;
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
    const stdout = collect(child.stdout, options.onLine);
    const stderr = collect(child.stderr, options.onLine);
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

const collect = (stream: NodeJS.ReadableStream, onLine: ToolCommand['onLine']): (() => string) => {
  let text = '';
  let bytes = 0;
  /** Where the line begins that is not whole yet. */
  let lineStart = 0;
  const decoder = new TextDecoder();
  stream.on('data', (chunk: Buffer) => {
    const isRead = bytes < outputBytesMax;
    bytes += chunk.length;
    if (!isRead) return;
    text += decoder.decode(chunk, { stream: true });
    if (onLine === undefined) return;
    for (let end = text.indexOf('\n', lineStart); end !== -1; end = text.indexOf('\n', lineStart)) {
      onLine(text.slice(lineStart, end));
      lineStart = end + 1;
    }
  });
  return () => text;
};
