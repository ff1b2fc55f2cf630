import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCommand } from '@jiwei/agent/options.ts';
import { closeKeys } from '@jiwei/agent/state/key-mode.ts';
import { openStateFolder } from '@jiwei/agent/state/state-folder.ts';
import { loadConfig, loadKey, makeNextKey, nextBootId, storeBootId } from '@jiwei/agent/state/stored.ts';
import { anchorAt, followWall, stampAt } from '@jiwei/agent/steady-time.ts';
import { rawPublicKey } from '@jiwei/shared/protocol/handshake.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lacks } from '../support/components.ts';
import { createMemoryDisk } from './memory-disk.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jiwei-state-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a state folder belongs to one at a time, and is free again when given back', () => {
  const first = openStateFolder(folder);
  expect(() => openStateFolder(folder)).toThrow(expect.objectContaining({ code: 'LOCKED' }));
  first.release();
  openStateFolder(folder).release();
});

test('a lock left by a process that died is taken over', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  await writeFile(join(folder, 'lock'), `${child.pid} \n`);
  openStateFolder(folder).release();
});

test('a lock of an earlier process with our own number is taken over, as after a restart of a container', async () => {
  await writeFile(join(folder, 'lock'), `${process.pid} another-boot/1\n`);
  if (process.platform !== 'linux') return;
  openStateFolder(folder).release();
});

test('a lock of a living process is respected', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
  await writeFile(join(folder, 'lock'), `${child.pid} \n`);
  expect(() => openStateFolder(folder)).toThrow(new RegExp(`process ${child.pid}`));
  child.kill();
  await once(child, 'exit');
});

test('the key is made once, and only its owner may read it', async () => {
  const state = openStateFolder(folder);
  const key = loadKey(state.files);
  expect(rawPublicKey(loadKey(state.files))).toBe(rawPublicKey(key));
  expect((await stat(join(folder, 'agent.key'))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(folder, 'agent.key'), 'utf8')).toContain('BEGIN PRIVATE KEY');
  state.release();
});

test.skipIf(lacks('unix'))('keys that others may read are closed to them, once, and told', async () => {
  const state = openStateFolder(folder);
  loadKey(state.files);
  makeNextKey(state.files);
  expect(closeKeys(folder)).toEqual([]);
  await chmod(join(folder, 'agent.key'), 0o644);
  await chmod(join(folder, 'agent.key.next'), 0o660);
  expect(closeKeys(folder)).toEqual([
    { file: join(folder, 'agent.key'), mode: '0644', problem: null },
    { file: join(folder, 'agent.key.next'), mode: '0660', problem: null },
  ]);
  for (const name of ['agent.key', 'agent.key.next']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  expect(closeKeys(folder)).toEqual([]);
  state.release();
});

test('a key file that holds something else is not replaced', () => {
  const disk = createMemoryDisk(new Map([['agent.key', Buffer.from('hello')]]));
  expect(() => loadKey(disk)).toThrow(/agent\.key in the state folder is not an Ed25519 key/);
  expect(disk.files.get('agent.key')?.toString()).toBe('hello');
});

test('boots are numbered by the clock, and upwards even when it is set back', () => {
  const disk = createMemoryDisk();
  expect(nextBootId(disk, 1_000)).toBe(1_000);
  expect(nextBootId(disk, 2_000)).toBe(2_000);
  expect(nextBootId(disk, 500)).toBe(2_001);
  storeBootId(disk, 9_000);
  expect(nextBootId(disk, 3_000)).toBe(9_001);
});

test('a stored configuration that cannot be read is as good as none, and is named', () => {
  expect(loadConfig(createMemoryDisk())).toEqual({ config: null, problem: null });
  const { config, problem } = loadConfig(createMemoryDisk(new Map([['config.json', Buffer.from('{"version":')]])));
  expect(config).toBeNull();
  expect(problem).toContain('JSON');
});

const clockCases: readonly { why: string; wallMs: number; steadyMs: number; stamp: number; isFollowed: boolean }[] = [
  { why: 'follows the steady clock', wallMs: 11_000, steadyMs: 1_000, stamp: 11_000, isFollowed: false },
  { why: 'is not moved by small adjustments', wallMs: 11_900, steadyMs: 1_000, stamp: 11_000, isFollowed: false },
  { why: 'stays at a difference of exactly the limit', wallMs: 12_000, steadyMs: 1_000, stamp: 11_000, isFollowed: false },
  { why: 'follows a step forward beyond it', wallMs: 12_001, steadyMs: 1_000, stamp: 12_001, isFollowed: true },
  { why: 'follows a step back beyond it', wallMs: 9_999, steadyMs: 1_000, stamp: 9_999, isFollowed: true },
  {
    why: 'follows after a sleep in which the steady clock stood',
    wallMs: 3_610_000,
    steadyMs: 5,
    stamp: 3_610_000,
    isFollowed: true,
  },
];
for (const { why, wallMs, steadyMs, stamp, isFollowed } of clockCases) {
  test(`a stamp ${why}`, () => {
    const anchor = anchorAt({ wallMs: 10_000, steadyMs: 0 });
    const next = followWall(anchor, { wallMs, steadyMs });
    expect({ stamp: stampAt(next, steadyMs), isFollowed: next !== anchor }).toEqual({ stamp, isFollowed });
  });
}

const accepted: readonly { why: string; words: string[]; environment?: Record<string, string>; expected: object }[] = [
  {
    why: 'https is another word for wss',
    words: ['--collector', 'https://c.example:7070'],
    expected: { collector: new URL('wss://c.example:7070') },
  },
  {
    why: 'this host needs no encryption',
    words: ['--collector', 'ws://127.0.0.1:7070'],
    expected: { collector: new URL('ws://127.0.0.1:7070') },
  },
  {
    why: 'nor does it over IPv6',
    words: ['--collector', 'ws://[::1]:7070'],
    expected: { collector: new URL('ws://[::1]:7070') },
  },
  {
    why: 'another host only if it is said',
    words: ['--insecure', '--collector', 'ws://c.example'],
    expected: { collector: new URL('ws://c.example') },
  },
  {
    why: 'the environment serves where no option is given',
    words: [],
    environment: { JIWEI_COLLECTOR: 'wss://c', JIWEI_STATE: '/s' },
    expected: { stateFolder: '/s' },
  },
  {
    why: 'an option goes before the environment',
    words: ['--collector', 'wss://c', '--state', '/a'],
    environment: { JIWEI_STATE: '/s' },
    expected: { stateFolder: '/a' },
  },
  {
    why: 'the disk for what is not sent has a size',
    words: ['--collector', 'wss://c', '--spool-mib', '8'],
    environment: { JIWEI_SPOOL_MIB: '9' },
    expected: { spoolBytesMax: 8 * 1024 * 1024 },
  },
];
for (const { why, words, environment, expected } of accepted) {
  test(`options: ${why}`, () => {
    expect(readCommand(words, environment ?? {})).toMatchObject({ kind: 'run', options: expected });
  });
}

const refused: readonly { why: string; words: string[]; message: RegExp }[] = [
  { why: 'no collector', words: [], message: /--collector is missing/ },
  { why: 'no encryption to another host', words: ['--collector', 'ws://c.example'], message: /not encrypted/ },
  {
    why: 'a host that only begins like this one',
    words: ['--collector', 'ws://127.0.0.1.example.org'],
    message: /not encrypted/,
  },
  { why: 'another scheme', words: ['--collector', 'ftp://c'], message: /wss:\/\/host/ },
  { why: 'credentials in the URL', words: ['--collector', 'wss://me:secret@c'], message: /must not hold a user/ },
  { why: 'an unknown option', words: ['--colector', 'wss://c'], message: /--colector/ },
  { why: 'a bad name', words: ['--collector', 'wss://c', '--id', 'My Host'], message: /--id is "My Host"/ },
  { why: 'a bad level', words: ['--collector', 'wss://c', '--log-level', 'loud'], message: /--log-level is "loud"/ },
  { why: 'too little disk', words: ['--collector', 'wss://c', '--spool-mib', '7'], message: /--spool-mib is "7".*from 8 to/ },
  { why: 'a size with a unit', words: ['--collector', 'wss://c', '--spool-mib', '9M'], message: /--spool-mib is "9M"/ },
  { why: 'half a client certificate', words: ['--collector', 'wss://c', '--cert', 'x'], message: /needed together/ },
];
for (const { why, words, message } of refused) {
  test(`options: ${why} is refused by name`, () => {
    expect(() => readCommand(words, {})).toThrow(message);
  });
}
