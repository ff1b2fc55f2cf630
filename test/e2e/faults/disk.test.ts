import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { calmOf, expectUnharmed } from '../../support/after-fault.ts';
import { lacks } from '../../support/components.ts';
import { type District, openDistrict } from '../../support/district.ts';
import { heapEnvironment } from '../../support/heap.ts';
import { eventually, listening } from '../../support/processes.ts';
import { mountSmallDisk } from '../../support/small-disk.ts';
import { startSteadyLoad } from '../../support/steady-load.ts';

const diskBytes = 24 * 1024 * 1024;
const ballastBytes = 19 * 1024 * 1024;

// Elsewhere than under root on Linux nobody can make a disk; in CI somebody can.
describe.skipIf(lacks('root'))('the disk of the collector', () => {
  let district: District | null = null;
  let disk: Awaited<ReturnType<typeof mountSmallDisk>> | null = null;
  afterEach(async () => {
    await district?.collector.kill('SIGKILL');
    await disk?.unmount();
    await district?.close();
  });

  const open = async (
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ district: District; dataFolder: string }> => {
    let dataFolder = '';
    district = await openDistrict('zones: [{ id: east, name: 东片区, crew: 一组 }]\n', {
      environment,
      prepare: async (folder) => {
        dataFolder = folder;
        disk = await mountSmallDisk(folder, diskBytes);
        await writeFile(join(folder, 'ballast'), new Uint8Array(ballastBytes));
      },
    });
    return { district, dataFolder };
  };
  const load = async (at: District) => {
    const { token } = await at.post<{ token: string }>('/api/v1/join-tokens', { uses: 1 });
    return startSteadyLoad({ url: at.url, joinToken: token, name: 'load' });
  };

  test('is full: nothing is acknowledged that is not stored, readers are answered, and with room it goes on by itself', async () => {
    const { district: at, dataFolder } = await open(heapEnvironment);
    const steady = await load(at);
    const calm = await calmOf(at.collector);
    const said = [
      [at.collector, /a commit failed and is tried again; nothing is acknowledged until it succeeds/],
      [at.collector, /the store takes commits again/],
    ] as const;
    await at.collector.line(said[0][1], 60_000);
    const stopped = steady.run().lastSeq;
    expect(stopped).toBeGreaterThan(0);
    expect((await fetch(`${at.url}/readyz`)).status).toBe(503);
    expect(await (await fetch(`${at.url}/metrics`)).text()).toContain('jiwei_writer_healthy 0\n');
    expect(await at.get<{ items: unknown[] }>('/api/v1/agents')).toMatchObject({ items: [{ id: 'load' }] });

    await rm(join(dataFolder, 'ballast'));
    await at.collector.line(said[1][1], 60_000);
    await steady.progress(200);
    const run = await steady.stop();
    expect(run.lastSeq).toBeGreaterThan(stopped);
    await expectUnharmed(at, calm, { said, runs: [run] });
  });

  test('is read-only at the start: it is refused in one line, and nothing is missing once it can be written', async () => {
    const { district: at, dataFolder } = await open();
    await rm(join(dataFolder, 'ballast'));
    const steady = await load(at);
    await steady.progress(50);
    const run = await steady.stop();
    await at.collector.kill('SIGKILL');
    await disk?.setReadOnly(true);
    const refused = at.launchCollector();
    const [exitCode] = (await once(refused.child, 'close')) as [number | null];
    expect(exitCode).toBe(1);
    expect(refused.output()).toMatch(/^collector: STORE_UNAVAILABLE: .*read-only.*\n$/);

    await disk?.setReadOnly(false);
    await listening(at.launchCollector());
    await eventually('it is ready', async () => ((await fetch(`${at.url}/readyz`)).ok ? true : null));
    // No process lived through it, so there is no level of memory to come back to; its one line is above.
    await expectUnharmed(at, await calmOf(), { said: [], runs: [run] });
  });
});
