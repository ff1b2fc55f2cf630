import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { calmOf, expectUnharmed, succeeded } from '../../support/after-fault.ts';
import { agentWithHeap, type District, openDistrict } from '../../support/district.ts';
import { expectLevel, heapEnvironment } from '../../support/heap.ts';
import { hurtIndex } from '../../support/hurt-index.ts';
import { eventually, listening, startProgram } from '../../support/processes.ts';

const declaration = `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets: [{ id: host, name: 主机, kind: server, unit: tax }]
agents: [{ id: real, asset: host }]
checks:
  - { id: closed-port, asset: host, kind: tcp, host: 127.0.0.1, port: 9, interval: 1s, timeout: 500ms, from: host }
host: { interval: 1s }
`;

describe('a bit that turns', () => {
  let district: District;
  afterEach(() => district.close());

  const results = async (fromMs: number, toMs: number): Promise<readonly unknown[]> =>
    (await district.get<{ items: unknown[] }>(`/api/v1/checks/closed-port/results?limit=1000&fromMs=${fromMs}&toMs=${toMs}`))
      .items;

  const commands = () => {
    const dataFolder = join(district.folder, 'data');
    const command = async (...words: readonly string[]): Promise<string> => {
      const started = startProgram('collector/src/main.ts', [...words, '--data', dataFolder]);
      await once(started.child, 'close');
      return started.output();
    };
    return { dataFolder, backup: join(district.folder, 'backup.db'), command };
  };
  const refusedStart = async (): Promise<void> => {
    const refused = district.launchCollector();
    const [exitCode] = (await once(refused.child, 'close')) as [number | null];
    expect(exitCode).toBe(1);
    // With the heap open to the tests, Node says so first.
    const said = refused.output().replace(/^Debugger listening.*\nFor help.*\n/, '');
    expect(said).toMatch(/^collector: STORE_CORRUPT: .*npm run collector -- restore BACKUP --data .*\n$/);
  };

  test('in the spool: it is said, the good rest is kept, and what is lost is told as a gap', async () => {
    district = await openDistrict(declaration, { environment: heapEnvironment });
    const agent = await district.startAgent('real', { launch: agentWithHeap });
    const fromMs = Date.now();
    await eventually('it is asked', async () => ((await results(fromMs, Date.now())).length >= 3 ? true : null));
    const collector = district.collector;
    const calm = await calmOf(collector, agent);

    await collector.kill('SIGKILL');
    const awayFromMs = Date.now();
    const spoolFolder = join(district.folder, 'agent-real', 'spool');
    const spooled = async () => {
      const name =
        (await readdir(spoolFolder))
          .filter((one) => one.endsWith('.seg'))
          .toSorted()
          .at(-1) ?? '';
      return { path: join(spoolFolder, name), bytes: await readFile(join(spoolFolder, name)) };
    };
    const resultsKept = async (): Promise<number> => (await spooled()).bytes.toString('latin1').split(inEachResult).length - 1;
    // Each time a frame, so that there is one to keep beside the one that is hurt.
    for (let frame = 0, before = await resultsKept(); frame < 2; frame += 1)
      before = await eventually('a frame is kept', async () => {
        const kept = await resultsKept();
        return kept > before ? kept : null;
      });
    await agent.kill('SIGTERM');
    const awayToMs = Date.now();
    const { path, bytes } = await spooled();
    const place = bytes.lastIndexOf(inEachResult);
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    await writeFile(path, bytes);

    await listening(district.launchCollector());
    const next = await district.startAgent('real', { launch: agentWithHeap });
    const { items } = await eventually('the gap is told', async () => {
      const found = await district.get<{ items: { cause: string; frames: number }[] }>(
        `/api/v1/agents/real/gaps?fromMs=${fromMs}&toMs=${Date.now()}`,
      );
      return found.items.length > 0 ? found : null;
    });
    expect(items).toMatchObject([{ cause: 'spool-damaged', frames: 1 }]);
    await eventually('the rest has come', async () => ((await results(awayFromMs, awayToMs)).length > 0 ? true : null));
    await eventually('it is asked again', async () => ((await results(awayToMs, Date.now())).length >= 3 ? true : null));
    await expectUnharmed(district, succeeded(succeeded(calm, agent, next), collector, district.collector), {
      said: [[next, /a part of the unsent data is damaged; the rest is kept and the gap is reported.*"frames":1,/]],
      // The frame in which the bit turned.
      missing: 1,
    });
  });

  test('in the database: the start is refused with what to do, and the way back by a backup is the one it names', async () => {
    district = await openDistrict(declaration);
    await district.startAgent('real');
    const fromMs = Date.now();
    await eventually('it is asked', async () => ((await results(fromMs, Date.now())).length >= 3 ? true : null));
    const { dataFolder, backup, command } = commands();
    await command('backup', backup);
    await district.collector.kill('SIGTERM');
    const path = join(dataFolder, 'jiwei.db');
    const bytes = await readFile(path);
    const place = bytes.indexOf('closed-port');
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    await writeFile(path, bytes);

    await refusedStart();

    await command('restore', backup);
    await listening(district.launchCollector());
    await eventually('it is asked again', async () =>
      (await results(Date.now() - 5_000, Date.now())).length >= 3 ? true : null,
    );
    // No process lived through it, so there is no level of memory to come back to; the one line of the refusal is above.
    await expectUnharmed(district, await calmOf(), { said: [] });
  });

  test('in an index while the collector runs: it finds that by itself, gives no answer that could lack rows, and does not start again', async () => {
    district = await openDistrict(declaration, { environment: heapEnvironment });
    const agent = await district.startAgent('real');
    const fromMs = Date.now();
    await eventually('it is asked', async () => ((await results(fromMs, Date.now())).length >= 3 ? true : null));
    const { dataFolder, backup, command } = commands();
    // Afterwards nothing rewrites that page.
    await agent.kill('SIGTERM');
    expect(await command('backup', backup)).toMatch(/holds the state of/);
    expect(await command('verify')).toMatch(/is whole: \d+ rows of \d+ tables/);
    const calm = await calmOf(district.collector);
    await hurtIndex(join(dataFolder, 'jiwei.db'), 'result_check', 'closed-port');

    const found = /"refused":\["result"\].*what is stored is damaged: .*restore the last backup/;
    await district.collector.line(found, 90_000);
    await expect(results(fromMs, Date.now())).rejects.toThrow(/STORE_CORRUPT/);
    await expectLevel(district.collector, calm.levelsBytes.get(district.collector) ?? 0);
    // Others have all that is theirs.
    expect(await district.get<{ items: unknown[] }>('/api/v1/agents')).toMatchObject({ items: [{ id: 'real' }] });
    expect(await (await fetch(`${district.url}/metrics`)).text()).toContain('jiwei_store_damages 1\n');
    expect(await command('verify')).toMatch(/^collector: STORE_CORRUPT: .*result_check/);

    await district.collector.kill('SIGTERM');
    await refusedStart();
    await command('restore', backup);
    await listening(district.launchCollector());
    await district.startAgent('real');
    await eventually('it is asked again', async () =>
      (await results(Date.now() - 5_000, Date.now())).length >= 3 ? true : null,
    );
    await expectUnharmed(district, await calmOf(), { said: [] });
  });
});

/** Each result names its check. */
const inEachResult = '"closed-port"';
