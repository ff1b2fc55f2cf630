import { expect, test } from 'vitest';
import { collectInventory, type InventorySource, inventorySource } from '../../../agent/src/host/inventory.ts';
import { inventoryBodySchema } from '../../../shared/src/protocol/control.ts';

const signal = new AbortController().signal;
const versions = { agent: '0.1.0' };

test('this machine: fits the protocol, holds no serial numbers, and has the same digest twice', async () => {
  const source = await inventorySource();
  const system = await source.system();
  const frozen: InventorySource = { ...source, system: async () => ({ ...system, serial: 'SECRET-1', uuid: 'SECRET-2' }) };
  const first = await collectInventory({ source: frozen, versions, signal });
  expect(inventoryBodySchema.parse(first.body)).toEqual(first.body);
  expect(Object.keys(first.body.sections)).toContain('os');
  expect(JSON.stringify(first.body)).not.toContain('SECRET');
  expect((await collectInventory({ source: frozen, versions, signal })).digest).toBe(first.digest);
  const other = await collectInventory({ source: frozen, versions: { agent: '0.2.0' }, signal });
  expect(other.digest).not.toBe(first.digest);
});

test('a question that fails costs its own section only and is named', async () => {
  const source: InventorySource = { ...(await inventorySource()), bios: () => Promise.reject(new Error('no dmidecode')) };
  const { body, errors } = await collectInventory({ source, versions, signal });
  expect(errors).toEqual(['bios: no dmidecode']);
  expect(body.sections['bios']).toBeUndefined();
  expect(body.sections['cpu']).toHaveLength(1);
});

test('asks nothing more once it is told to stop', async () => {
  const { body } = await collectInventory({ source: await inventorySource(), versions, signal: AbortSignal.abort() });
  expect(Object.keys(body.sections)).toEqual(['versions']);
});
