import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Not a program but a library that is loaded before one, and makes its clock jump. */
export const fakeClockLibrary = 'libfaketimeMT.so.1';
const libraryFolder = `lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime`;

/** Real programs the end-to-end tests run against, and the Debian package that holds each. */
const components: Readonly<Record<string, string>> = {
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'prometheus-node-exporter': 'prometheus-node-exporter',
  fping: 'fping',
  ping: 'iputils-ping',
  openssl: 'openssl',
  ip: 'iproute2',
  tc: 'iproute2',
  [fakeClockLibrary]: 'libfaketime',
};

const searchFolders = (path: string): string[] => [...path.split(delimiter), '/usr/sbin', '/sbin', `/usr/${libraryFolder}`];
const isFound = (program: string, folders: readonly string[]): boolean =>
  folders.some((folder) => existsSync(join(folder, program)));

/**
 * Finds the components, and on Debian fetches missing ones as packages unpacked under node_modules/.cache: nothing is installed into the
 * system and no service is started.
 * @returns environment to run the tests with: PATH, and JIWEI_MISSING naming what could not be had
 */
export const provideComponents = (root: string): { PATH: string; JIWEI_MISSING: string } => {
  const unpacked = join(root, 'node_modules', '.cache', 'debian');
  const own = ['usr/bin', 'usr/sbin', 'bin', 'sbin', `usr/${libraryFolder}`].map((folder) => join(unpacked, folder));
  const folders = [...searchFolders(process.env['PATH'] ?? ''), ...own];
  const missing = (): string[] => Object.keys(components).filter((program) => !isFound(program, folders));
  if (missing().length > 0) fetchPackages(unpacked, [...new Set(missing().map((program) => components[program] ?? program))]);
  const absent = missing();
  if (absent.length > 0) {
    console.error(
      `npm test: not found: ${absent.join(', ')}. Tests that need them are left out (with CI=true: fail); packages: apt-get install ${absent.map((program) => components[program]).join(' ')}`,
    );
  }
  return { PATH: folders.join(delimiter), JIWEI_MISSING: absent.join(',') };
};

const fetchPackages = (unpacked: string, packages: readonly string[]): void => {
  const archives = join(unpacked, 'archives');
  mkdirSync(archives, { recursive: true });
  console.log(`npm test: fetching Debian packages for the tests: ${packages.join(' ')}`);
  const download = (): boolean =>
    spawnSync('apt-get', ['download', ...packages], { cwd: archives, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
  // A fresh machine has no package lists yet.
  const isFetched =
    download() ||
    (spawnSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0 && download());
  if (!isFetched) return;
  for (const archive of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    spawnSync('dpkg', ['-x', join(archives, archive), unpacked], { stdio: 'inherit' });
  }
};

const missingHere = (process.env['JIWEI_MISSING'] ?? '').split(',');

const isLinux = process.platform === 'linux';
/** What a test can need of the machine besides programs, and whether it is there. */
const machine: Readonly<Record<string, boolean>> = {
  /** Pipes, devices and modes of files, which Windows has not. */
  unix: process.platform !== 'win32',
  /** Files of /proc. */
  linux: isLinux,
  /** Mounts and network namespaces: Linux alone has these, and lets root alone make them. */
  root: isLinux && process.getuid?.() === 0,
};

/**
 * Whether a test that needs these programs, or this of the machine, must be left out; the only reason to leave one out. In CI nothing is: there
 * it is a failure.
 * @throws Error naming what is missing when CI=true
 */
export const lacks = (...needs: readonly string[]): boolean => {
  const absent = needs.filter((need) => missingHere.includes(need) || machine[need] === false);
  if (absent.length > 0 && process.env['CI'] === 'true') throw new Error(`CI needs ${absent.join(', ')}`);
  return absent.length > 0;
};

/** Where a component stands. @throws Error when it is not there */
export const componentPath = (program: string): string => {
  const folder = searchFolders(process.env['PATH'] ?? '').find((one) => existsSync(join(one, program)));
  if (folder === undefined) throw new Error(`${program} is not there; run the tests by npm test, which provides it`);
  return join(folder, program);
};
