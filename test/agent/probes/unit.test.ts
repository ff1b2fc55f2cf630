import { expect, test } from 'vitest';
import type { UnitState } from '../../../agent/src/probes/tools.ts';
import { run } from './support/run.ts';

const rows: readonly { why: string; state: UnitState | null; states?: readonly string[]; expected: Record<string, unknown> }[] = [
  {
    why: 'an active unit is up',
    state: { load: 'loaded', active: 'active', sub: 'running' },
    expected: { outcome: 'up', reason: 'OK' },
  },
  { why: 'a reloading unit is up', state: { load: 'loaded', active: 'reloading', sub: 'reload' }, expected: { outcome: 'up' } },
  {
    why: 'an inactive unit is down',
    state: { load: 'loaded', active: 'inactive', sub: 'dead' },
    expected: { outcome: 'down', reason: 'UNIT_INACTIVE' },
  },
  {
    why: 'a failed unit is down',
    state: { load: 'loaded', active: 'failed', sub: 'failed' },
    expected: { outcome: 'down', reason: 'UNIT_FAILED' },
  },
  {
    why: 'an unknown unit is down',
    state: { load: 'not-found', active: 'inactive', sub: 'dead' },
    expected: { reason: 'UNIT_NOT_FOUND' },
  },
  {
    why: 'a unit that is to be inactive is up',
    state: { load: 'loaded', active: 'inactive', sub: 'dead' },
    states: ['inactive'],
    expected: { outcome: 'up' },
  },
  { why: 'a host without systemd cannot be asked', state: null, expected: { outcome: 'down', reason: 'NOT_PERMITTED' } },
];
for (const { why, state, states, expected } of rows) {
  test(`unit: ${why}`, async () => {
    const spec = { unit: 'nginx.service', ...(states === undefined ? {} : { states }) };
    expect(await run('unit', spec, { tools: { unitState: async () => state } })).toMatchObject(expected);
  });
}

test('the state is exposed as node_exporter does, one series a state', async () => {
  const unitState = async () => ({ load: 'loaded', active: 'active', sub: 'running' });
  const { values } = await run('unit', { unit: 'nginx.service' }, { tools: { unitState } });
  expect(values).toEqual(
    Object.fromEntries(
      ['activating', 'active', 'deactivating', 'failed', 'inactive'].map((state) => [
        `node_systemd_unit_state{name="nginx.service",state="${state}",type=""}`,
        state === 'active' ? 1 : 0,
      ]),
    ),
  );
});
