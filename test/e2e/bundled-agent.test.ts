import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentLaunch } from '../../deploy/agent-launch.mjs';
import { type District, openDistrict } from '../support/district.ts';
import { eventually, root } from '../support/processes.ts';
import { listen } from '../support/webhook.ts';

/** The agent as `npm start` starts it: one bundled file, with its own small schema and the flags for a small footprint. */
const target = createServer((_request, response) => response.end('all is well'));
let district: District;

beforeAll(async () => {
  await listen(target);
  const { port } = target.address() as AddressInfo;
  district = await openDistrict(`
host: { interval: 1s }
zones: [{ id: z, name: z, crew: c }]
units: [{ id: u, name: u, zone: z }]
assets: [{ id: host, name: host, kind: server, unit: u, address: 127.0.0.1 }]
agents: [{ id: bundled, asset: host }]
checks:
  - { id: page, asset: host, kind: http, url: "http://127.0.0.1:${port}/", expectBody: well, interval: 1s, timeout: 500ms, from: host }
  - { id: port, asset: host, kind: tcp, host: 127.0.0.1, port: ${port}, interval: 1s, timeout: 500ms, from: host }
  - { id: nobody, asset: host, kind: tcp, host: 127.0.0.1, port: 1, interval: 1s, timeout: 500ms, from: host }
`);
});
afterAll(async () => {
  await district.close();
  target.close();
});

test('enrols, reads its configuration, checks, streams, and tells its inventory', async () => {
  const agent = await district.startAgent('bundled', { launch: agentLaunch(root, process.execPath) });
  expect(agent.child.spawnargs.join(' ')).toContain('agent.cjs');
  const statusOf = async (id: string): Promise<string> => (await district.get<{ status: string }>(`/api/v1/checks/${id}`)).status;
  for (const [id, wanted] of [
    ['page', 'up'],
    ['port', 'up'],
    ['nobody', 'down'],
  ] as const) {
    await eventually(`${id} is ${wanted}`, async () => ((await statusOf(id)) === wanted ? true : null));
  }
  await eventually('the fleet has host series', async () =>
    (await (await fetch(`${district.url}/metrics/fleet`)).text()).includes('node_load1{') ? true : null,
  );
  const inventory = await eventually(
    'the inventory is there',
    () => district.get<{ sections: Record<string, unknown[]> }>('/api/v1/agents/bundled/inventory'),
    60_000,
  );
  expect(Object.keys(inventory.sections)).toEqual(expect.arrayContaining(['versions', 'cpu', 'os', 'networkInterfaces']));
  await agent.kill('SIGTERM');
  expect(agent.child.exitCode).toBe(0);
});
