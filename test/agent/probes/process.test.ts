import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ListProcesses, listProcessesFromProc } from '../../../agent/src/probes/process/proc-scan.ts';
import { listProcessesFromSystem } from '../../../agent/src/probes/process/system-list.ts';
import { run } from './support/run.ts';

let folder: string;
let listProcesses: ListProcesses;
const live = new AbortController().signal;

/** A folder such as /proc has for a process. */
const addProcess = async (pid: number, stat: string, args: readonly string[], executable?: string): Promise<void> => {
  const own = join(folder, 'proc', String(pid));
  await mkdir(own, { recursive: true });
  await writeFile(join(own, 'stat'), `${pid} ${stat} 1 1 1 0`);
  await writeFile(join(own, 'cmdline'), args.map((arg) => `${arg}\0`).join(''));
  if (executable !== undefined) await symlink(executable, join(own, 'exe'));
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'processes-'));
  const user = process.getuid?.() ?? 0;
  await writeFile(join(folder, 'passwd'), `operator:x:${user}:0::/:/bin/sh\n`);
  await addProcess(1, '(systemd) S', ['/sbin/init']);
  await addProcess(20, '(nginx) S', ['nginx: master process /usr/sbin/nginx'], '/usr/sbin/nginx');
  await addProcess(21, '(nginx) S', ['nginx: worker process']);
  await addProcess(22, '(nginx) Z', []);
  await addProcess(30, '(java) S', ['/opt/jdk/bin/java', '-jar', '/srv/app one.jar']);
  await addProcess(31, '((odd) name) R', ['/opt/odd']);
  await addProcess(32, '(node_exporter-v) S', ['/usr/bin/node_exporter-very-long'], '/usr/bin/node_exporter-very-long (deleted)');
  await addProcess(40, '(kworker/0:1) I', []);
  await writeFile(join(folder, 'proc', 'uptime'), '1 1');
  // A process that ended between the listing and the reading.
  await mkdir(join(folder, 'proc', '99'));
  listProcesses = listProcessesFromProc({ procFolder: join(folder, 'proc'), passwdFile: join(folder, 'passwd') });
});
afterAll(() => rm(folder, { recursive: true }));

const rows: readonly { why: string; spec: Record<string, unknown>; count: number; expected: Record<string, unknown> }[] = [
  {
    why: 'a name counts its processes, zombies left out',
    spec: { name: 'nginx' },
    count: 2,
    expected: { outcome: 'up', reason: 'OK' },
  },
  { why: 'a name with brackets and blanks is read whole', spec: { name: '(odd) name' }, count: 1, expected: { outcome: 'up' } },
  {
    why: 'a name longer than the kernel keeps is found by its file',
    spec: { name: 'node_exporter-very-long' },
    count: 1,
    expected: { outcome: 'up' },
  },
  { why: 'a program is found by its first argument', spec: { name: 'java' }, count: 1, expected: { outcome: 'up' } },
  {
    why: 'a command line is matched with its blanks',
    spec: { commandLine: '-jar /srv/app one\\.jar$' },
    count: 1,
    expected: { outcome: 'up' },
  },
  {
    why: 'name and command line must both fit',
    spec: { name: 'nginx', commandLine: 'worker' },
    count: 1,
    expected: { outcome: 'up' },
  },
  { why: 'a user by name fits', spec: { name: 'nginx', user: 'operator' }, count: 2, expected: { outcome: 'up' } },
  {
    why: 'a user by number fits',
    spec: { name: 'nginx', user: String(process.getuid?.() ?? 0) },
    count: 2,
    expected: { outcome: 'up' },
  },
  {
    why: 'another user does not',
    spec: { name: 'nginx', user: 'nobody-at-all' },
    count: 0,
    expected: { reason: 'PROCESS_NOT_FOUND' },
  },
  {
    why: 'fewer than countMin is down',
    spec: { name: 'nginx', countMin: 3 },
    count: 2,
    expected: { outcome: 'down', reason: 'PROCESS_NOT_FOUND' },
  },
  { why: 'exactly countMax is up', spec: { name: 'nginx', countMax: 2 }, count: 2, expected: { outcome: 'up' } },
  {
    why: 'more than countMax is degraded',
    spec: { name: 'nginx', countMax: 1 },
    count: 2,
    expected: { outcome: 'degraded', reason: 'PROCESS_TOO_MANY' },
  },
  {
    why: 'a process that must not run is up when it does not',
    spec: { name: 'telnetd', countMin: 0, countMax: 0 },
    count: 0,
    expected: { outcome: 'up' },
  },
];
for (const { why, spec, count, expected } of rows) {
  test(`process: ${why}`, async () => {
    const outcome = await run('process', spec, { tools: { listProcesses } });
    expect(outcome).toMatchObject({ ...expected, values: { jiwei_probe_processes: count } });
  });
}

test('a host that hides processes is NOT_PERMITTED, not "none runs"', async () => {
  const hidden = listProcessesFromProc({ procFolder: join(folder, 'nowhere'), passwdFile: join(folder, 'passwd') });
  const outcome = await run('process', { name: 'nginx' }, { tools: { listProcesses: hidden } });
  expect(outcome).toMatchObject({ outcome: 'down', reason: 'NOT_PERMITTED' });
});

test('a scan that lasts past the deadline is TIMEOUT', async () => {
  expect(await run('process', { name: 'nginx' }, { signal: AbortSignal.abort(), tools: { listProcesses } })).toMatchObject({
    outcome: 'down',
    reason: 'TIMEOUT',
  });
});

test('this very process is found on this machine, by /proc where there is one and by the library', async () => {
  // The default list of the host's own system.
  const own = { commandLine: 'vitest|node' };
  expect(await run('process', own)).toMatchObject({ outcome: 'up' });
  const list = await listProcessesFromSystem(live);
  expect(list?.some(({ names }) => names.some((name) => name.startsWith('node')))).toBe(true);
});
