import { createState, step } from '../../collector/src/engine/step.ts';
import { readDeclaration } from '../../collector/src/runtime/declaring.ts';
import { createDirectory } from '../../collector/src/runtime/directory.ts';
import type { AgentRecord } from '../../collector/src/store/port.ts';
import { asId } from '../../shared/src/ids.ts';
import { createManualClock } from '../support/manual-clock.ts';

/**
 * What it costs that one agent is lost, or comes back, beside 5,000 agents that share 100,000 checks: who asks what now, the work of the agents that
 * it touches, and the engine's own look at it. Compared with the same done by compiling all of it. Times are CPU time of the process.
 */
const agentCount = 5_000;
const checkCount = 100_000;
const assetCount = 10_000;

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

const recordOf = (at: number, zoneCount: number): AgentRecord => ({
  id: asId<'agent'>(`agent-${at}`),
  publicKey: `key-${at}`,
  zoneId: asId<'zone'>(`z${at % zoneCount}`),
  labels: {},
  enrolledAtMs: 0,
  revokedAtMs: null,
  hostname: `host-${at}`,
  platform: 'linux',
  architecture: 'x64',
  agentVersion: '1',
  lastSeenAtMs: 0,
  lastAddress: null,
});

const declarationOf = (zoneCount: number): string => {
  const zones = Array.from({ length: zoneCount }, (_, at) => ({ id: `z${at}`, name: `Z${at}`, crew: `C${at}` }));
  const units = zones.map(({ id }) => ({ id: `u-${id}`, name: id, zone: id }));
  const assets = Array.from({ length: assetCount }, (_, at) => ({
    ...{
      id: `a${at}`,
      name: `A${at}`,
      kind: 'website',
      unit: `u-z${at % zoneCount}`,
      address: `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`,
    },
  }));
  const checks = Array.from({ length: checkCount }, (_, at) => ({ id: `c${at}`, asset: `a${at % assetCount}`, kind: 'icmp' }));
  return JSON.stringify({ zones, units, assets, checks });
};

const medianOf = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

for (const zoneCount of [78, 1]) {
  const clock = createManualClock(1_700_000_000_000);
  const { declaration } = readDeclaration(declarationOf(zoneCount), 'bench', { notifierSchemas: new Map() });
  const agents = Array.from({ length: agentCount }, (_, at) => recordOf(at, zoneCount));
  const startedMs = cpuMs();
  const directory = createDirectory(clock, { declaration, agents, maintenance: [] });
  const compiledMs = cpuMs() - startedMs;
  const state = createState(directory.config, 0);
  step(state, { kind: 'config', atMs: 1, config: directory.config });
  let atMs = 1;

  /** @param isWhole compiles all of it, as after another declaration */
  const take = (at: number, isLost: boolean, isWhole: boolean): number => {
    const fromMs = cpuMs();
    directory.setLost(asId<'agent'>(`agent-${at}`), isLost);
    if (isWhole) directory.setDeclaration(declaration);
    const { handover } = directory.compile();
    atMs += 1;
    step(state, { kind: 'config', atMs, config: directory.config, ...(handover === null ? {} : { handover }) });
    return cpuMs() - fromMs;
  };
  const round = (count: number, isWhole: boolean) => {
    const places = Array.from({ length: count }, (_, at) => at * 37);
    const lostMs = places.map((at) => take(at, true, isWhole));
    const backMs = places.map((at) => take(at, false, isWhole));
    return [lostMs, backMs].map((all) => `median ${medianOf(all).toFixed(1)}, most ${Math.max(...all).toFixed(1)} ms`);
  };
  round(20, false);
  const [lost, back] = round(100, false);
  const [lostWhole, backWhole] = round(2, true);
  console.log(`${zoneCount} zones (first compilation ${compiledMs.toFixed(0)} ms)`);
  console.log(`  one agent lost: ${lost}; by compiling all: ${lostWhole}`);
  console.log(`  one agent back: ${back}; by compiling all: ${backWhole}`);
}
