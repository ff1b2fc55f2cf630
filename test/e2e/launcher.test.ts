import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lacks } from '../support/components.ts';
import { eventually, root, testFolder } from '../support/processes.ts';

/** In the place of the product: says who it is, and that it was asked to end. */
const program = `
process.on('SIGTERM', () => {
  console.log('asked to end');
  process.exit(0);
});
setInterval(() => undefined, 60_000);
console.log('runs as ' + process.pid);
`;

describe.skipIf(lacks('linux'))('what npm launches', () => {
  let folder: Awaited<ReturnType<typeof testFolder>>;
  let shell: ChildProcess;
  let output: string;
  let pid: number;

  /** A copy of the launcher with its packages as they are here, so that nothing has to be installed. */
  beforeEach(async () => {
    folder = await testFolder();
    const path = (...parts: readonly string[]): string => join(folder.path, ...parts);
    await mkdir(path('node_modules'));
    await mkdir(path('deploy'));
    for (const file of ['run.mjs', 'agent-launch.mjs']) await cp(join(root, 'deploy', file), path('deploy', file));
    await writeFile(path('deploy', 'start.ts'), program);
    const lock = await readFile(join(root, 'package-lock.json'));
    await writeFile(path('package-lock.json'), lock);
    await writeFile(path('node_modules', '.jiwei-installed'), createHash('sha256').update(lock).digest('hex'));
    const packageName = `node-linux-${process.arch}`;
    await mkdir(path('node_modules', packageName));
    await symlink(dirname(process.execPath), path('node_modules', packageName, 'bin'));
    output = '';
  });
  afterEach(async () => {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
    await folder.remove();
  });

  /** As npm does it: a shell, which waits for the launcher. */
  const launch = async (environment: Readonly<Record<string, string>>): Promise<void> => {
    const { npm_lifecycle_event: _ours, ...rest } = process.env;
    shell = spawn('/bin/sh', ['-c', `"${process.execPath}" deploy/run.mjs start; true`], {
      cwd: folder.path,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...rest, ...environment },
    });
    shell.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    pid = Number(await eventually('the program runs', async () => /runs as (\d+)/.exec(output)?.[1] ?? null));
  };

  test('is asked to end when the shell of npm is gone', async () => {
    await launch({ npm_lifecycle_event: 'start' });
    shell.kill('SIGTERM');
    await eventually('it has ended', async () => (existsSync(`/proc/${pid}`) ? null : true));
    expect(output).toContain('asked to end');
  });

  test('goes on without npm when a terminal is closed that let it run', async () => {
    await launch({});
    const launcherPid = Number(/^PPid:\s+(\d+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
    shell.kill('SIGTERM');
    await once(shell, 'exit');
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    process.kill(launcherPid, 'SIGTERM');
    await eventually('it has ended', async () => (existsSync(`/proc/${pid}`) ? null : true));
    expect(output).toContain('asked to end');
  });
});
