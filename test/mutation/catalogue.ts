import type { Area, Fault } from './fault.ts';
import { accessFaults } from './faults/access.ts';
import { boundFaults } from './faults/bounds.ts';
import { engineFaults } from './faults/engine.ts';
import { linkFaults } from './faults/link.ts';
import { notifyFaults } from './faults/notify.ts';
import { runtimeFaults } from './faults/runtime.ts';
import { sessionFaults } from './faults/session.ts';
import { spoolFaults } from './faults/spool.ts';
import { storeFaults } from './faults/store.ts';

const agentTests = ['agent', 'agent-state', 'confirm', 'link', 'recorder', 'refused-frame', 'schedule', 'spool'].map(
  (name) => `test/agent/${name}.test.ts`,
);

const boundTests = [
  ...[
    'session',
    'plain-results',
    'flooding',
    'door',
    'writer',
    'registry',
    'registry-errors',
    'registry-hostile',
    'registry-watch',
  ],
  ...['http-registry', 'http-problems', 'http-samples', 'http-events', 'http-access', 'http-incidents'],
];

/** Every deliberate fault, and where the tests stand that ought to notice it. */
export const catalogue: Readonly<Record<Area, { readonly faults: readonly Fault[]; readonly tests: readonly string[] }>> = {
  engine: { faults: engineFaults, tests: ['test/engine/', 'test/collector/writer.test.ts', 'test/sim/found.test.ts'] },
  link: {
    faults: linkFaults,
    tests: [
      ...['icmp', 'icmp-batches', 'target-guard'].map((name) => `test/agent/probes/${name}.test.ts`),
      ...agentTests,
      'test/shared/',
    ],
  },
  spool: { faults: spoolFaults, tests: agentTests },
  session: {
    faults: sessionFaults,
    tests: [
      'test/collector/session.test.ts',
      'test/collector/plain-text.test.ts',
      'test/collector/clock-skew.test.ts',
      ...agentTests,
    ],
  },
  runtime: {
    faults: runtimeFaults,
    tests: ['intake', 'writer', 'admission', 'declared-windows', 'handing-over', 'declaration-file']
      .map((name) => `test/collector/${name}.test.ts`)
      .concat(agentTests),
  },
  store: {
    faults: storeFaults,
    tests: ['verification', 'store-verify', 'store-backup', 'store-corruption'].map((name) => `test/collector/${name}.test.ts`),
  },
  notify: {
    faults: notifyFaults,
    tests: [
      ...['over', 'retry', 'outbox', 'webhook', 'smtp', 'crash'].map((name) => `test/collector/notify-${name}.test.ts`),
      ...['test/contract/store.test.ts', 'test/engine/scenarios.test.ts', 'test/collector/store-backup.test.ts'],
    ],
  },
  bounds: {
    faults: boundFaults,
    tests: [
      ...['dictionary', 'samples'].map((name) => `test/shared/${name}.test.ts`),
      ...boundTests.map((name) => `test/collector/${name}.test.ts`),
      ...['promql', 'rules', 'incident-notes'].map((name) => `test/engine/${name}.test.ts`),
      ...['hold', 'answer-probe', 'small-schema', 'host/series-book', 'probes/http'].map((name) => `test/agent/${name}.test.ts`),
    ],
  },
  access: {
    faults: accessFaults,
    tests: ['http-all-routes', 'http-access'].map((name) => `test/collector/${name}.test.ts`),
  },
};
