import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, root, startProgram, type TestProcess, testFolder } from '../support/processes.ts';

/** What `npm start` prints, and what it must be. */
const addressPattern = /^ {2}(http:\/\/127\.0\.0\.1:\d+)\/ {2,}/;

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

  test('starts a collector and an agent, shows both, ends cleanly, and goes on where it was', async () => {
    const url = await start();
    expect(running.output()).toMatch(/Admin token, shown this once: {2}jwadmin_\S+/);
    await eventually('the page shows the agent connected', async () => ((await page(url)).includes('Connected') ? true : null));
    await eventually(
      'the fleet has host series',
      async () => ((await (await fetch(`${url}/metrics/fleet`)).text()).includes('node_load1{') ? true : null),
      60_000,
    );
    await running.kill('SIGINT');
    expect(running.child.exitCode).toBe(0);

    const again = await start();
    expect(running.output()).not.toContain('Admin token');
    expect(existsSync(join(folder.path, 'local-agent.token'))).toBe(false);
    await eventually('the agent is back without enrolling', async () =>
      (await page(again)).includes('Connected') ? true : null,
    );
    expect(running.output()).not.toContain('agent enrolled');
    await running.kill('SIGTERM');
    expect(running.child.exitCode).toBe(0);
  });

  test.skipIf(process.platform !== 'linux')('ends, and says so, when one of its parts ends by itself', async () => {
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

  test.skipIf(process.platform !== 'linux')('killed outright, leaves no part of it behind', async () => {
    await start();
    const children = readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8').trim().split(' ');
    expect(children.length).toBeGreaterThan(0);
    await running.kill('SIGKILL');
    await eventually('its parts have ended', async () => (children.some((pid) => existsSync(`/proc/${pid}`)) ? null : true));
  });
});
