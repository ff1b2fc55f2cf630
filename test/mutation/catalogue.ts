import type { Area, Fault } from './fault.ts';
import { engineFaults } from './faults/engine.ts';
import { linkFaults } from './faults/link.ts';
import { runtimeFaults } from './faults/runtime.ts';
import { sessionFaults } from './faults/session.ts';
import { spoolFaults } from './faults/spool.ts';

const agentTests = ['agent', 'agent-state', 'confirm', 'link', 'refused-frame', 'schedule', 'spool'].map(
  (name) => `test/agent/${name}.test.ts`,
);

/** Every deliberate fault, and where the tests stand that ought to notice it. */
export const catalogue: Readonly<Record<Area, { readonly faults: readonly Fault[]; readonly tests: readonly string[] }>> = {
  engine: { faults: engineFaults, tests: ['test/engine/', 'test/collector/writer.test.ts', 'test/sim/found.test.ts'] },
  link: { faults: linkFaults, tests: [...agentTests, 'test/shared/'] },
  spool: { faults: spoolFaults, tests: agentTests },
  session: {
    faults: sessionFaults,
    tests: ['test/collector/session.test.ts', 'test/collector/clock-skew.test.ts', ...agentTests],
  },
  runtime: {
    faults: runtimeFaults,
    tests: ['intake', 'writer', 'admission'].map((name) => `test/collector/${name}.test.ts`).concat(agentTests),
  },
};
