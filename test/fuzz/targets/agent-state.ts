import assert from 'node:assert/strict';
import { loadAgentId, loadConfig, loadKey, loadLoss, nextBootId } from '@jiwei/agent/state/stored.ts';
import { createMemoryDisk } from '../../agent/memory-disk.ts';
import { type FuzzTarget, joinParts, partsOf } from '../target.ts';

const separator = '\n~~file~~\n';
const names = ['boot', 'agent.id', 'config.json', 'lost.json', 'agent.key'] as const;

const pem = (): string => {
  const disk = createMemoryDisk();
  loadKey(disk);
  return disk.files.get('agent.key')?.toString('utf8') ?? '';
};
const config = {
  version: 3,
  host: { intervalMs: 15_000 },
  checks: [
    {
      id: 'web',
      probe: { kind: 'tcp', host: '10.0.0.1', port: 80 },
      schedule: { intervalMs: 5_000 },
      timeoutMs: 1_000,
      confirm: { failures: 3, successes: 2, retryMs: 1_000 },
    },
  ],
};

/** The files of the agent's state folder, changed by other hands or by a dying disk. */
export const target: FuzzTarget = {
  name: 'agent-state',
  corpus: [
    joinParts(
      [
        '1793577600000\n',
        'web-1\n',
        JSON.stringify(config),
        '{"fromMs":1,"toMs":2,"frames":3,"bytes":4,"cause":"spool-damaged"}',
        pem(),
      ],
      separator,
    ),
    Buffer.from(separator.repeat(4)),
  ],
  words: ['9007199254740991', 'Infinity', '-----BEGIN PRIVATE KEY-----', '"checks":[', '"kind":"http"', '"frames":1e300', '..'],
  inputBytesMax: 8_192,
  separator,
  // A key file that holds something else must stop the agent: a new key would make it a new agent.
  refusals: ['CONFIG_INVALID'],
  workMax: 0,
  boundedInputs: 500,
  run: (bytes) => {
    const parts = partsOf(bytes, separator);
    const disk = createMemoryDisk(new Map(names.map((name, place) => [name, Buffer.from(parts[place] ?? '')])));
    const first = nextBootId(disk, 1_793_577_600_000);
    const second = nextBootId(disk, 1_793_577_600_000);
    // After the last exact integer there is none.
    const isAscending = second > first || first === Number.MAX_SAFE_INTEGER;
    assert.ok(Number.isSafeInteger(first) && isAscending, `boot ids ${first} and ${second} do not ascend`);
    loadAgentId(disk);
    loadConfig(disk);
    const loss = loadLoss(disk);
    assert.ok(loss === null || Number.isSafeInteger(loss.frames));
    loadKey(disk);
    return 0;
  },
};
