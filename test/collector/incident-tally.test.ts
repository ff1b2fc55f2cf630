import { expect, test } from 'vitest';
import { createIncidentTally } from '../../collector/src/metrics/incident-tally.ts';
import { incidentOf } from '../support/district-fixture.ts';
import { fixtureNowMs } from '../support/live-view.ts';

const sources: readonly { readonly problem: string; readonly source: string }[] = [
  { problem: 'down', source: 'check' },
  { problem: 'degraded', source: 'check' },
  { problem: 'check:backup', source: 'check' },
  { problem: 'rule:DiskFull{mountpoint="/"}', source: 'rule' },
  { problem: 'agent', source: 'agent' },
  { problem: 'cloned', source: 'agent' },
  { problem: 'zone', source: 'zone' },
  { problem: 'storm', source: 'storm' },
];
for (const { problem, source } of sources) {
  test(`an incident with the problem ${problem} is counted as one of the source ${source}`, () => {
    const tally = createIncidentTally({ incidents: async () => ({ items: [], next: null }) });
    const families = tally.families([incidentOf('i1', 'portal', 1_000, { problem })], fixtureNowMs);
    const opened = families.find(({ name }) => name === 'jiwei_incidents_total') ?? expect.fail();
    expect(opened.samples.map(({ labels, value }) => [labels, value])).toEqual([
      [`severity="critical",source="${source}",zone="z1"`, 1],
    ]);
  });
}
