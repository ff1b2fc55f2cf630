import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { calmOf, expectUnharmed, succeeded } from '../../support/after-fault.ts';
import { lacks } from '../../support/components.ts';
import { agentWithHeap, type District, openDistrict } from '../../support/district.ts';
import { heapEnvironment } from '../../support/heap.ts';
import { eventually } from '../../support/processes.ts';
import { mountSmallDisk } from '../../support/small-disk.ts';

const declaration = `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets: [{ id: host, name: 主机, kind: server, unit: tax }]
agents: [{ id: real, asset: host }]
checks:
  - { id: closed-port, asset: host, kind: tcp, host: 127.0.0.1, port: 9, interval: 1s, timeout: 500ms, from: host }
host: { interval: 1s }
`;
const diskBytes = 2 * 1024 * 1024;
const takesNothing = /the disk takes nothing; what is not yet sent is only in memory/;

// Elsewhere than under root on Linux nobody can make a disk; in CI somebody can.
describe.skipIf(lacks('root'))('the disk of an agent', () => {
  let district: District | null = null;
  let disk: Awaited<ReturnType<typeof mountSmallDisk>> | null = null;
  afterEach(async () => {
    await district?.agent('real').kill('SIGKILL');
    await disk?.unmount();
    await district?.close();
  });

  test('is full: the host is seen all the same, also by an agent that is killed and started on it; with room its next start is an ordinary one', async () => {
    district = await openDistrict(declaration, { environment: heapEnvironment });
    const at = district;
    const folder = join(at.folder, 'agent-real');
    disk = await mountSmallDisk(folder, diskBytes);
    const goesOn = async (): Promise<void> => {
      const fromMs = Date.now();
      await eventually('answers of now come', async () => {
        const path = `/api/v1/checks/closed-port/results?fromMs=${fromMs}&toMs=${Date.now() + 60_000}`;
        return (await at.get<{ items: unknown[] }>(path)).items.length >= 3 ? true : null;
      });
      await eventually('rows of now come', async () => {
        const path = `/api/v1/agents/real/samples?names=node_load1&stepMs=1000&fromMs=${fromMs}&toMs=${Date.now() + 60_000}`;
        return (await at.get<{ series: unknown[] }>(path)).series.length > 0 ? true : null;
      });
    };

    const agent = await at.startAgent('real', { launch: agentWithHeap });
    await goesOn();
    const calm = await calmOf(at.collector, agent);
    await fill(folder);
    await agent.line(takesNothing, 60_000);
    await goesOn();
    await expectUnharmed(at, calm, { said: [[agent, takesNothing]] });

    await agent.kill('SIGKILL');
    await fill(folder);
    const next = await at.startAgent('real', { launch: agentWithHeap });
    await next.line(takesNothing, 60_000);
    await goesOn();
    await expectUnharmed(at, succeeded(calm, agent, next), { said: [[next, takesNothing]] });

    await empty(folder);
    await next.kill('SIGTERM');
    const ordinary = await at.startAgent('real', { launch: agentWithHeap });
    await goesOn();
    expect(ordinary.output()).not.toMatch(takesNothing);
    await expectUnharmed(at, succeeded(calm, agent, ordinary), { said: [] });
    expect(at.collector.output()).not.toMatch(/AGENT_CLONED|FRAME_INVALID/);
  });
});

const ballast = 'ballast-';

/** Writes until nothing more goes in. */
const fill = async (folder: string): Promise<void> => {
  for (const bytes of [256 * 1024, 4_096, 1]) {
    for (let piece = 0; piece < 4_096; piece += 1) {
      try {
        await writeFile(join(folder, `${ballast}${bytes}-${piece}-${Date.now()}`), new Uint8Array(bytes));
      } catch {
        break;
      }
    }
  }
};

/** Takes out again what was written by that. */
const empty = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) if (name.startsWith(ballast)) await rm(join(folder, name));
};
