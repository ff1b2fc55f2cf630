import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type District, openDistrict } from '../support/district.ts';
import { startProgram, type TestProcess } from '../support/processes.ts';

const declaration = `
zones: [{ id: east, name: East, crew: Crew }]
units: [{ id: office, name: Office, zone: east }]
assets: [{ id: backup, name: Backup, kind: app, unit: office }]
checks: [{ id: nightly, asset: backup, kind: heartbeat, interval: 1h }]
`;
let district: District;
const started: TestProcess[] = [];
beforeAll(async () => {
  district = await openDistrict(declaration);
});
afterAll(async () => {
  for (const one of started) await one.kill('SIGTERM');
  await district.close();
});

/** A command of the collector as people give it. @returns all that it says */
const command = async (token: string, ...words: readonly string[]): Promise<string> => {
  const run = startProgram('collector/src/main.ts', words, { JIWEI_ADMIN_TOKEN: token });
  started.push(run);
  await new Promise((resolve) => run.child.once('close', resolve));
  return run.output();
};
const call = (path: string, token: string): Promise<Response> =>
  fetch(`${district.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
const addressOf = async (token: string): Promise<string> => {
  const answer: unknown = await (await call('/api/v1/checks/nightly/push', token)).json();
  if (typeof answer !== 'object' || answer === null || !('pathWithToken' in answer)) throw new Error('no address');
  return `${district.url}${String(answer.pathWithToken)}`;
};
const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;

test('SIGHUP has the files read again and stops nothing', async () => {
  await district.declare(declaration.replace('Backup', 'Backups'));
  district.collector.child.kill('SIGHUP');
  await district.collector.line(/SIGHUP: files are looked at again/);
  await district.collector.line(/declaration in force/);
  expect(district.collector.child.exitCode).toBeNull();
});

test('the admin token and the heartbeat addresses are changed by command, and a lost token while the collector is stopped', async () => {
  const first = district.adminToken;
  const firstAddress = await addressOf(first);
  const data = join(district.folder, 'data');
  expect(await command(first, 'admin-token', 'reset', '--data', data)).toMatch(/^collector: LOCKED: /);
  const second = (await command(first, 'admin-token', 'renew', '--url', district.url)).trim();
  expect(second).toMatch(/^jwadmin_[\w-]{32}$/);
  expect([(await call('/api/v1/agents', first)).status, (await call('/api/v1/agents', second)).status]).toEqual([401, 200]);

  const words = ['heartbeat-addresses', 'renew', '--url', district.url];
  expect(await command(second, ...words, '--keep-hours', '1')).toMatch(/the ones before stay good until 20/);
  const secondAddress = await addressOf(second);
  expect([await statusOf(firstAddress), await statusOf(secondAddress)]).toEqual([200, 200]);
  expect(await command(second, ...words, '--keep-hours', '0')).toMatch(/good for nothing from now on/);
  expect([await statusOf(firstAddress), await statusOf(secondAddress)]).toEqual([401, 401]);

  await district.collector.kill('SIGTERM');
  expect(await command('', 'admin-token', 'reset', '--data', join(district.folder, 'none'))).toMatch(
    /^collector: CONFIG_UNREADABLE: there is no database /,
  );
  const third = (await command('', 'admin-token', 'reset', '--data', data)).trim();
  await district.restartCollector();
  const statuses = await Promise.all([first, second, third].map(async (token) => (await call('/api/v1/agents', token)).status));
  expect(statuses).toEqual([401, 401, 200]);
  expect(await statusOf(await addressOf(third))).toBe(200);
  const log = started.map((one) => one.child.spawnargs.join(' ')).join('\n') + district.collector.output();
  for (const token of [second, third]) expect(log).not.toContain(token);
});

test('what is not known of these commands is refused', async () => {
  expect(await command('x', 'admin-token')).toMatch(/CONFIG_INVALID: collector admin-token: "renew" or "reset" must follow/);
  expect(await command('x', 'heartbeat-addresses')).toMatch(/CONFIG_INVALID: collector heartbeat-addresses: "renew" must follow/);
  expect(await command('x', 'heartbeat-addresses', 'renew', '--keep-hours', '745')).toMatch(/--keep-hours is "745"/);
});
