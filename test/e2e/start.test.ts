import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { minuteMs } from '@jiwei/shared/time.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../bench/support/free-port.ts';
import { lacks } from '../support/components.ts';
import { eventually, root, startProgram, type TestProcess, testFolder } from '../support/processes.ts';

/** What `npm start` prints, and what it must be. */
const addressPattern = /^ {2}(http:\/\/127\.0\.0\.1:\d+)\/ {2,}/;

/** One line for each thing that was told. */
interface History {
  readonly spans: readonly string[];
  readonly results: readonly string[];
  readonly samples: readonly string[];
  readonly versions: readonly string[];
}

/** What was on its way when all ended may have come since; nothing may be gone. */
const expectKept = (before: History, after: History): void => {
  for (const name of ['spans', 'results', 'samples', 'versions'] as const)
    expect(
      before[name].filter((one) => !after[name].includes(one)),
      `${name} that are gone`,
    ).toEqual([]);
};

describe('npm start', () => {
  let folder: Awaited<ReturnType<typeof testFolder>>;
  let running: TestProcess;

  beforeAll(async () => {
    folder = await testFolder();
  });
  afterAll(async () => {
    await running.kill('SIGKILL');
    await folder.remove();
  });

  const start = async (): Promise<string> => {
    running = startProgram('deploy/start.ts', ['--data', folder.path, '--listen', '127.0.0.1:0', '--log-level', 'info']);
    const line = await running.line(addressPattern);
    return addressPattern.exec(line)?.[1] ?? '';
  };
  const page = async (url: string): Promise<string> => (await fetch(`${url}/?lang=en`)).text();

  /** What the API tells of the past of this machine, up to an instant. */
  const historyOf = async (url: string, token: string, toMs: number): Promise<History> => {
    const get = async <T>(path: string): Promise<T> => {
      const answer = await fetch(`${url}/api/v1/${path}`, { headers: { authorization: `Bearer ${token}` } });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as T;
    };
    const range = `fromMs=${Math.floor(toMs / minuteMs) * minuteMs - 10 * minuteMs}&toMs=${toMs}`;
    const spans = async (subject: string): Promise<readonly string[]> =>
      (await get<{ items: { fromMs: number; status: string }[] }>(`spans?${subject}&${range}`)).items.map(
        ({ fromMs, status }) => `${subject} ${status} from ${fromMs}`,
      );
    const results = await get<{ items: unknown[] }>(`checks/agent-process/results?${range}`);
    const names = 'node_boot_time_seconds,node_load1,node_uname_info';
    const samples = await get<{ series: { name: string; points: unknown[] }[] }>(
      `agents/local/samples?${range}&names=${names}&stepMs=1000&lookbackMs=1000`,
    );
    const versions = await get<{ items: unknown[] }>('declaration/versions');
    return {
      spans: [
        ...(await spans('kind=asset&id=this-host')),
        ...(await spans('kind=check&id=agent-process')),
        ...(await spans('kind=check&id=agent:local')),
      ],
      results: results.items.map((one) => JSON.stringify(one)),
      samples: samples.series.flatMap(({ name, points }) => points.map((point) => `${name} ${JSON.stringify(point)}`)),
      versions: versions.items.map((one) => JSON.stringify(one)),
    };
  };

  test('starts a collector and an agent, shows both, ends cleanly, and goes on where it was', async () => {
    const url = await start();
    const token = /Admin token, shown this once: {2}(jwadmin_\S+)/.exec(running.output())?.[1] ?? '';
    expect(token).not.toBe('');
    await eventually('the page shows the agent connected', async () => ((await page(url)).includes('Connected') ? true : null));
    await eventually(
      'the fleet has host series',
      async () => ((await (await fetch(`${url}/metrics/fleet`)).text()).includes('node_load1{') ? true : null),
      60_000,
    );
    const before = await eventually(
      'there is something of each kind in the history',
      async () => {
        const atMs = Date.now();
        const history = await historyOf(url, token, atMs);
        return Object.values(history).every((list) => list.length > 0) ? { atMs, history } : null;
      },
      60_000,
    );
    await running.kill('SIGINT');
    expect(running.child.exitCode).toBe(0);

    const again = await start();
    // Before the agent is back, so that it is not its spool that is seen; the same token still opens the door.
    expectKept(before.history, await historyOf(again, token, before.atMs));
    expect(running.output()).not.toContain('Admin token');
    expect(existsSync(join(folder.path, 'local-agent.token'))).toBe(false);
    await eventually('the agent is back without enrolling', async () =>
      (await page(again)).includes('Connected') ? true : null,
    );
    expect(running.output()).not.toContain('agent enrolled');
    expectKept(before.history, await historyOf(again, token, before.atMs));
    await running.kill('SIGTERM');
    expect(running.child.exitCode).toBe(0);
  });

  test.skipIf(lacks('linux'))('ends, and says so, when one of its parts ends by itself', async () => {
    await start();
    const agentPid = await eventually('the agent runs', async () => {
      const children = readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8').trim().split(' ');
      return children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('agent.cjs')) ?? null;
    });
    // What is declared for a first start looks for this very process; however it is launched, it must be found.
    const declared = /commandLine: (.*)/.exec(readFileSync(join(root, 'deploy/local.yaml'), 'utf8'))?.[1] ?? 'nothing';
    expect(readFileSync(`/proc/${agentPid}/cmdline`, 'utf8').replaceAll('\0', ' ')).toMatch(new RegExp(declared));
    process.kill(Number(agentPid), 'SIGKILL');
    await running.line(/^jiwei: the agent ended by itself \(SIGKILL\)/);
    await eventually('all has ended', async () => running.child.exitCode);
    expect(running.child.exitCode).toBe(1);
  });

  test('tells of a fault on its output, as it is started by everybody', async () => {
    const declaration = join(folder.path, 'faulty.yaml');
    const closed = await freePort();
    await writeFile(
      declaration,
      `zones: [{ id: z, name: 东片区, crew: c }]
units: [{ id: u, name: 税务局, zone: z }]
assets: [{ id: site, name: 门户网站, kind: website, unit: u }, { id: host, name: 主机, kind: server, unit: u }]
agents: [{ id: local, asset: host }]
checks: [{ id: web, asset: site, kind: tcp, host: 127.0.0.1, port: ${closed}, interval: 5s, timeout: 1s, confirm: { failures: 1, successes: 1 }, from: { agents: [local] } }]
notifiers: [{ id: log, kind: log }]
routes: [{ id: all, notifier: log }]
`,
    );
    running = startProgram('deploy/start.ts', [
      ...['--data', join(folder.path, 'faulty'), '--listen', '127.0.0.1:0', '--declaration', declaration],
    ]);
    const line = await running.line(/"msg":"【故障】/);
    expect(JSON.parse(line)).toMatchObject({
      notice: 'firing',
      reason: 'CONNECTION_REFUSED',
      msg: '【故障】[较大] 税务局 门户网站',
      text: expect.stringContaining(`检查：tcp 127.0.0.1:${closed}（web）：connect ECONNREFUSED`),
    });
    await running.kill('SIGINT');
    expect(running.child.exitCode).toBe(0);
  });

  test.skipIf(lacks('linux'))('killed outright, leaves no part of it behind', async () => {
    await start();
    const children = readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8').trim().split(' ');
    expect(children.length).toBeGreaterThan(0);
    await running.kill('SIGKILL');
    await eventually('its parts have ended', async () => (children.some((pid) => existsSync(`/proc/${pid}`)) ? null : true));
  });
});
