import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '@jiwei/shared/limits.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type District, openDistrict } from '../support/district.ts';
import { eventually, startProgram } from '../support/processes.ts';

const declaration = (unitName: string, extra = ''): string => `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: ${unitName}, zone: east }]
assets: [{ id: web, name: 办税网站, kind: website, unit: tax, importance: 5 }]
${extra}`;

describe('a declaration', () => {
  let district: District;
  beforeAll(async () => {
    district = await openDistrict(declaration('税务局'));
  });
  afterAll(() => district.close());

  const unitName = async (): Promise<string | undefined> =>
    (await district.get<{ items: { name: string }[] }>('/api/v1/units')).items[0]?.name;
  const isRefused = async (): Promise<string | undefined> =>
    /^jiwei_declaration_refused (\d)$/m.exec(await (await fetch(`${district.url}/metrics`)).text())?.[1];
  const page = async (): Promise<string> => (await fetch(`${district.url}/?lang=en`)).text();
  const becomes = (name: string) =>
    eventually(`the unit is called ${name}`, async () =>
      (await unitName()) === name && (await isRefused()) === '0' ? true : null,
    );

  test('is read again when it changes; a bad one is told and changes nothing; mended, removed and restored', async () => {
    expect(await unitName()).toBe('税务局');
    await district.declare(declaration('国税局'));
    await becomes('国税局');

    await district.declare(declaration('谁也看不到', 'checks: [{ id: c, asset: gone, kind: tcp, host: localhost, port: 0 }]'));
    await eventually('the metric says it is refused', async () => ((await isRefused()) === '1' ? true : null));
    expect(await unitName()).toBe('国税局');
    // Every mistake of the file, each with its line.
    expect(await page()).toMatch(/district\.yaml:5:\d+: checks\[0\]\.asset[\s\S]*district\.yaml:5:\d+: checks\[0\]\.port/);

    await district.declare(declaration('税务分局'));
    await becomes('税务分局');
    expect(await page()).not.toContain('checks[0]');

    await district.declare('');
    await eventually('the emptied file is refused', async () => ((await isRefused()) === '1' ? true : null));
    expect(await unitName()).toBe('税务分局');

    const file = join(district.folder, 'district.yaml');
    await rm(file);
    await eventually('the missing file is told', async () => ((await page()).includes('cannot read') ? true : null));
    expect(await unitName()).toBe('税务分局');
    await district.declare(declaration('税务总局'));
    await becomes('税务总局');

    const { items } = await district.get<{ items: { version: number; appliedBy: string }[] }>('/api/v1/declaration/versions');
    expect(items.map(({ version, appliedBy }) => [version, appliedBy])).toEqual([
      [4, 'file'],
      [3, 'file'],
      [2, 'file'],
      [1, 'file'],
    ]);
    const { declarationVersion } = await district.get<{ declarationVersion: number }>('/api/v1/district');
    const metrics = await (await fetch(`${district.url}/metrics`)).text();
    expect([declarationVersion, /^jiwei_declaration_version (\d+)$/m.exec(metrics)?.[1]]).toEqual([4, '4']);
  });

  test('a bad file at a restart leaves the last good one in force', async () => {
    const before = await unitName();
    await district.declare('zones: 7\n');
    await district.restartCollector();
    expect(await unitName()).toBe(before);
    expect(await isRefused()).toBe('1');
    await district.declare(declaration('税务局'));
    await becomes('税务局');
  });

  const run = async (...args: readonly string[]): Promise<{ exitCode: number | null; output: string }> => {
    const started = startProgram('collector/src/main.ts', args, { JIWEI_ADMIN_TOKEN: district.adminToken });
    const [exitCode] = (await once(started.child, 'close')) as [number | null];
    return { exitCode, output: started.output() };
  };

  test('is applied by command, with its faults told by name and nothing changed', async () => {
    const file = join(district.folder, 'other.yaml');
    // Larger than any other body of the API may be.
    await writeFile(file, declaration('财政局', `#${'x'.repeat(2 * limits.requestBytesMax)}`));
    const good = await run('apply', file, '--url', district.url);
    expect(good.output).toMatch(
      /other\.yaml is in force as version \d+\nThe collector watches \S+district\.yaml: once that file changes/,
    );
    expect(good.exitCode).toBe(0);
    expect(await unitName()).toBe('财政局');

    await writeFile(file, declaration('谁也看不到', 'colour: red'));
    const bad = await run('apply', file, '--url', district.url);
    expect(bad.output).toMatch(/other\.yaml:5:1: colour: is not a known key/);
    expect(bad.exitCode).toBe(2);
    expect(await unitName()).toBe('财政局');
  });

  test('that was applied is still in force after a restart, until the file changes', async () => {
    await district.restartCollector();
    expect(await unitName()).toBe('财政局');
    expect(district.collector.output()).toContain('the declaration file is not what is in force');
    await district.declare(declaration('地税局'));
    await becomes('地税局');
  });

  test('a join token made by command is the only thing printed, and buys an enrolment', async () => {
    const labels = ['--label', 'room=机房一', '--label', 'rack=a=3', '--label', 'spare='];
    const { exitCode, output } = await run('join-token', '--url', district.url, '--zone', 'east', ...labels);
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^jw_\S+\n$/);
    const agent = startProgram(
      'agent/src/main.ts',
      ['--collector', district.url.replace('http', 'ws'), '--state', join(district.folder, 'agent-new'), '--id', 'newcomer'],
      { JIWEI_JOIN_TOKEN: output.trim() },
    );
    const newcomer = await eventually('the agent is connected', async () => {
      const { items } = await district.get<{ items: { id: string; connection: string }[] }>('/api/v1/agents');
      return items.find((one) => one.id === 'newcomer' && one.connection === 'connected') ?? null;
    });
    // The zone is that of the token: the agent asked for none, and none is declared for it.
    expect(newcomer).toMatchObject({ zoneId: 'east', labels: { room: '机房一', rack: 'a=3', spare: '' } });
    await agent.kill('SIGTERM');
  });

  test('what the collector finds wrong with a call is said, place by place', async () => {
    const { exitCode, output } = await run('join-token', '--url', district.url, '--label', `room=${'x'.repeat(5_000)}`);
    expect(exitCode).toBe(1);
    expect(output).toMatch(
      /^collector: REQUEST_INVALID: the collector refused \(400 REQUEST_INVALID\): .*\n {2}body labels\.room: \S.*\n$/,
    );
  });
});
