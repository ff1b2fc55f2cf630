import type { Clock } from '@jiwei/shared/clock.ts';
import { type AgentId, asId, declaredIdPattern } from '@jiwei/shared/ids.ts';
import type { AgentConfig, Hello } from '@jiwei/shared/protocol/control.ts';
import type { EngineConfig } from '../engine/config.ts';
import { assignmentsOf, isSameWork } from '../registry/assign.ts';
import { compileConfig } from '../registry/compile.ts';
import type { Declaration } from '../registry/declaration.ts';
import type { AgentRecord, StoredMaintenance } from '../store/port.ts';

/** What should be: the declaration in force, the enrolled agents and the recorded windows, compiled for the engine. */
export interface Directory {
  readonly config: EngineConfig;
  readonly declaration: Declaration;
  agentByKey(publicKey: string): AgentRecord | null;
  agent(id: AgentId): AgentRecord | null;
  agents(): Iterable<AgentRecord>;
  /** What the agent is told to do. */
  workOf(id: AgentId): AgentConfig;
  /** Puts a record in; compile() makes it count. */
  setAgent(record: AgentRecord): void;
  setDeclaration(declaration: Declaration): void;
  setMaintenance(windows: readonly StoredMaintenance[]): void;
  /** Agents that checks with a choice of agents pass over. */
  setLost(ids: ReadonlySet<AgentId>): void;
  /** Compiles anew with a larger version. @returns agents whose work changed */
  compile(): readonly AgentId[];
}

/** Starts from what the store and the declaration say. */
export const createDirectory = (
  clock: Clock,
  start: {
    readonly declaration: Declaration;
    readonly agents: readonly AgentRecord[];
    readonly maintenance: readonly StoredMaintenance[];
  },
): Directory => {
  let { declaration, maintenance } = start;
  const records = new Map(start.agents.map((record) => [record.id, record]));
  const idsByKey = new Map(start.agents.map((record) => [record.publicKey, record.id]));
  let lostIds: ReadonlySet<AgentId> = new Set();
  let version = 0;

  const compiled = (): EngineConfig => {
    // A time as the version grows over restarts without being stored; two changes within one millisecond still differ.
    version = Math.max(version + 1, clock.nowMs());
    return compileConfig(declaration, [...records.values()], maintenance, version, lostIds);
  };
  let config = compiled();
  let assign = assignmentsOf(config);
  /** As agents were told it, or will be: with the version of the configuration that last changed it. */
  const work = new Map([...records.keys()].map((id) => [id, assign(id)]));

  return {
    get config() {
      return config;
    },
    get declaration() {
      return declaration;
    },
    agentByKey: (publicKey) => records.get(idsByKey.get(publicKey) ?? asId('')) ?? null,
    agent: (id) => records.get(id) ?? null,
    agents: () => records.values(),
    workOf: (id) => work.get(id) ?? assign(id),
    setAgent: (record) => {
      // A key that was changed is nobody's any more.
      const before = records.get(record.id);
      if (before !== undefined && before.publicKey !== record.publicKey) idsByKey.delete(before.publicKey);
      records.set(record.id, record);
      idsByKey.set(record.publicKey, record.id);
    },
    setDeclaration: (next) => {
      declaration = next;
    },
    setMaintenance: (windows) => {
      maintenance = windows;
    },
    setLost: (ids) => {
      lostIds = ids;
    },
    compile: () => {
      config = compiled();
      assign = assignmentsOf(config);
      const changed: AgentId[] = [];
      for (const id of records.keys()) {
        const before = work.get(id);
        const after = assign(id);
        if (before !== undefined && isSameWork(before, after)) continue;
        work.set(id, after);
        changed.push(id);
      }
      return changed;
    },
  };
};

/**
 * The id of a new agent: the one it wants when that is free, else one made of its host name and key, so that no two agents ever share one.
 * @param isTaken whether another agent has or had the id
 */
export const idForAgent = (hello: Hello, wantedId: string | null, isTaken: (id: AgentId) => boolean): AgentId => {
  const hostname = hello.hostname
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 50);
  const wanted = wantedId !== null && declaredIdPattern.test(wantedId) ? asId<'agent'>(wantedId) : asId<'agent'>(hostname);
  if (declaredIdPattern.test(wanted) && !isTaken(wanted)) return wanted;
  const suffix = Buffer.from(hello.publicKey, 'base64url').toString('hex').slice(0, 8);
  return asId<'agent'>(`${wanted.slice(0, 50) || 'agent'}-${suffix}`);
};
