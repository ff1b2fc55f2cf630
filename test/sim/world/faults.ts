import type { Observer } from '../observer.ts';
import type { Plan, PlannedFault } from '../plan.ts';
import type { AgentNode } from './agent-node.ts';
import type { CollectorNode } from './collector-node.ts';
import type { Loop } from './loop.ts';
import type { Network, Weather } from './network.ts';
import type { People } from './notifier.ts';

/** What faults act upon. */
export interface Parts {
  readonly plan: Plan;
  readonly loop: Loop;
  readonly network: Network;
  readonly collector: CollectorNode;
  readonly agents: ReadonlyMap<string, AgentNode>;
  readonly people: People;
  readonly observer: Observer;
  readonly trace: (text: string) => void;
}

const normalLatencyMs = 5;

/** Brings a fault about, and its end. */
export const commit = (parts: Parts, fault: PlannedFault): void => {
  const { loop } = parts;
  parts.trace(`fault ${JSON.stringify(fault)}`);
  const later = (forMs: number, act: () => void | Promise<void>): void => {
    loop.at(loop.nowMs() + forMs, act);
  };
  const node = 'agent' in fault ? parts.agents.get(fault.agent) : undefined;
  switch (fault.kind) {
    case 'agentKilled':
      node?.kill(fault.power);
      if (node !== undefined) later(fault.forMs, node.start);
      return;
    case 'agentTorn':
      if (node === undefined) return;
      parts.observer.mayLose.add(fault.agent);
      node[fault.disk].fatalWrite = {
        share: fault.share,
        onDeath: () => {
          node.kill(fault.power);
          later(fault.forMs, node.start);
        },
      };
      return;
    case 'agentStopped':
      if (node === undefined) return;
      void node.stop();
      return later(fault.forMs + 5_000, node.start);
    case 'diskFull':
      if (node === undefined) return;
      parts.observer.mayLose.add(fault.agent);
      node.spool.isFull = true;
      node.files.isFull = fault.disk === 'both';
      return later(fault.forMs, () => {
        node.spool.isFull = false;
        node.files.isFull = false;
      });
    case 'bitTurned':
      if (node === undefined) return;
      parts.observer.mayLose.add(fault.agent);
      if (fault.restarts) node.kill(false);
      node.spool.turnBit(fault.share, fault.bit);
      return later(fault.forMs, node.start);
    case 'agentClock':
      return node?.machine.step(fault.stepMs);
    case 'collectorClock':
      return parts.collector.machine.step(fault.stepMs);
    case 'collectorKilled':
      return killCollector(parts, fault, later);
    case 'storeFails':
      parts.collector.isStoreFailing = true;
      return later(fault.forMs, () => {
        parts.collector.isStoreFailing = false;
      });
    case 'channelDown':
      parts.people.channel = fault.how;
      return later(fault.forMs, () => {
        parts.people.channel = 'well';
      });
    case 'partition':
      return storm(parts, agentsOfZone(parts.plan, fault.zone), fault.forMs, { isCut: true }, { isCut: false });
    case 'burst':
      return storm(parts, [fault.agent], fault.forMs, { isCut: true }, { isCut: false });
    case 'slowLink':
      return storm(parts, [fault.agent], fault.forMs, { latencyMs: fault.latencyMs }, { latencyMs: normalLatencyMs });
    case 'hostile': {
      const { repeatShare, reorderShare } = fault;
      if (reorderShare > 0) parts.observer.distrust(fault.agent);
      return storm(parts, [fault.agent], fault.forMs, { repeatShare, reorderShare }, { repeatShare: 0, reorderShare: 0 });
    }
    case 'reset':
      return parts.network.reset(fault.agent);
    case 'halfOpen':
      return parts.network.forget(fault.agent);
    default:
      return fault satisfies never;
  }
};

const killCollector = (
  { collector, people }: Parts,
  { when, share, forMs }: Extract<PlannedFault, { kind: 'collectorKilled' }>,
  later: (forMs: number, act: () => void | Promise<void>) => void,
): void => {
  const kill = (): void => {
    collector.kill();
    later(forMs, collector.start);
  };
  if (when === 'now') return kill();
  if (when !== 'inTry') {
    collector.fatalCommit = { when, share, forMs };
    return;
  }
  // Nobody listens for as long again after its return: what people have got, it cannot find out by asking once more.
  people.fatalTry = () => {
    people.channel = 'refuses';
    later(2 * forMs, () => {
      people.channel = 'well';
    });
    kill();
  };
};

const agentsOfZone = (plan: Plan, zone: string): string[] =>
  plan.agents.filter((agent) => agent.zone === zone).map(({ id }) => id);

const storm = (
  { loop, network }: Parts,
  agents: readonly string[],
  forMs: number,
  begin: Partial<Weather>,
  end: Partial<Weather>,
): void => {
  for (const agent of agents) network.change(agent, begin);
  loop.at(loop.nowMs() + forMs, () => {
    for (const agent of agents) network.change(agent, end);
  });
};

/** All that is broken is mended: from now on nothing goes wrong any more. */
export const mendAll = async (parts: Parts): Promise<void> => {
  parts.trace('all is mended');
  parts.people.channel = 'well';
  parts.people.fatalTry = null;
  parts.collector.isStoreFailing = false;
  parts.collector.fatalCommit = null;
  for (const [id, node] of parts.agents) {
    parts.network.change(id, { isCut: false, latencyMs: normalLatencyMs, repeatShare: 0, reorderShare: 0 });
    node.spool.isFull = false;
    node.files.isFull = false;
    node.spool.fatalWrite = null;
    node.files.fatalWrite = null;
    node.start();
  }
  await parts.collector.start();
};
