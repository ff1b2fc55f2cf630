import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckResult, checkResultSchema } from '@jiwei/shared/check.ts';
import { root } from '../../support/processes.ts';

/** Checks of each agent's host, as often as the default: every 20 s. */
export const checksPerAgent = 10;

/** Zone, hosts, agents and checks of a load, with the rules that this product watches a host by. */
export const loadDeclaration = (agentNames: readonly string[]): string => {
  const local = readFileSync(join(root, 'deploy/local.yaml'), 'utf8');
  const groups = local.slice(local.indexOf('\ngroups:'), local.indexOf('\nnotifiers:'));
  const lines = [
    'zones: [{ id: load, name: Load, crew: None }]',
    'units: [{ id: load, name: Load, zone: load }]',
    'assets:',
    ...agentNames.map(
      (name) => `  - { id: ${name}, name: ${name}, kind: server, unit: load, importance: 3, address: 127.0.0.1 }`,
    ),
    'agents:',
    ...agentNames.map((name) => `  - { id: ${name}, asset: ${name} }`),
    'checks:',
    ...agentNames.flatMap((name) =>
      Array.from(
        { length: checksPerAgent },
        (_, index) => `  - { id: ${checkIdOf(name, index)}, asset: ${name}, kind: tcp, port: ${7_000 + index}, from: host }`,
      ),
    ),
  ];
  // The rules as they are, but every second: the load brings hours in seconds, and the rules shall not be spared by that.
  return `${lines.join('\n')}\n${groups.replace(/interval: \w+/, 'interval: 1s')}\n`;
};

const checkIdOf = (agentName: string, index: number): string => `${agentName}-port-${index}`;

/** A good answer as an agent's tcp probe gives it. */
export const resultOf = (agentName: string, index: number, observedAtMs: number): CheckResult =>
  checkResultSchema.parse({
    checkId: checkIdOf(agentName, index),
    observedAtMs,
    outcome: 'up',
    reason: 'OK',
    latencyMs: 0.25 + (observedAtMs % 1_000) / 4_000,
    run: { ofDown: 0, ofUp: 1 + (observedAtMs % 9) },
    values: { probe_dns_lookup_time_seconds: 0, probe_tcp_connect_seconds: 0.000_25 },
  });
