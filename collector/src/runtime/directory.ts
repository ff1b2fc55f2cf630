import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '@jiwei/shared/clock.ts';
import { type AgentId, asId, type CheckId, declaredIdPattern } from '@jiwei/shared/ids.ts';
import type { AgentConfig, Hello } from '@jiwei/shared/protocol/control.ts';
import type { EngineConfig } from '../engine/config.ts';
import type { Handover } from '../engine/event.ts';
import { isSameWork, workOf } from '../registry/assign.ts';
import { compile, withAskers } from '../registry/compile.ts';
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
  /** Checks with a choice of agents pass over those that are lost. */
  setLost(id: AgentId, isLost: boolean): void;
  /** Puts together anew, with a larger version, what was changed since; when that is only which agents are lost, with the work of what they ask. */
  compile(): Recompiled;
}

/** What came of it. */
export interface Recompiled {
  /** Agents whose work changed. */
  readonly agentIds: readonly AgentId[];
  /** What little is another since the last time; null when all was compiled. */
  readonly handover: Handover | null;
}

/** Whether nothing that counts in a configuration is another; a hello brings new times and versions each time. */
const isSameMember = (a: AgentRecord, b: AgentRecord): boolean =>
  a.zoneId === b.zoneId &&
  a.hostname === b.hostname &&
  a.lastAddress === b.lastAddress &&
  a.revokedAtMs === b.revokedAtMs &&
  a.pendingSinceMs === b.pendingSinceMs &&
  isDeepStrictEqual(a.labels, b.labels);

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
  const lostIds = new Set<AgentId>();
  /** Lost or back since the last time. */
  const turnedIds = new Set<AgentId>();
  /** Something else is another. */
  let isStale = false;
  let version = 0;

  const nextVersion = (): number => {
    // A time as the version grows over restarts without being stored; two changes within one millisecond still differ.
    version = Math.max(version + 1, clock.nowMs());
    return version;
  };
  let { config, asking } = compile(declaration, records.values(), maintenance, nextVersion(), lostIds);
  /** As agents were told it, or will be: with the version of the configuration that last changed it. */
  const work = new Map<AgentId, AgentConfig>();

  /** Gives each of these agents its work. @returns those whose work changed by it */
  const giveWork = (agentIds: Iterable<AgentId>): AgentId[] => {
    const changed: AgentId[] = [];
    for (const id of agentIds) {
      const before = work.get(id);
      const after = workOf(config, id, asking.checkIdsOf(id));
      if (before !== undefined && isSameWork(before, after)) continue;
      work.set(id, after);
      changed.push(id);
    }
    return changed;
  };
  giveWork(records.keys());

  const compileAll = (): Recompiled => {
    ({ config, asking } = compile(declaration, records.values(), maintenance, nextVersion(), lostIds));
    isStale = false;
    turnedIds.clear();
    return { agentIds: giveWork(records.keys()), handover: null };
  };

  /** Agents were lost or came back, and nothing else. */
  const handOverChecks = (): Recompiled => {
    const movedIds = new Set<CheckId>();
    for (const id of turnedIds) {
      const moved = asking.setLost(id, lostIds.has(id));
      if (moved === null) return compileAll();
      for (const checkId of moved) movedIds.add(checkId);
    }
    turnedIds.clear();
    const before = config;
    if (movedIds.size > 0) config = withAskers(before, asking, movedIds, nextVersion());
    const askers = [...movedIds].flatMap((id) => [before, config].flatMap(({ checks }) => checks.get(id)?.agentIds ?? []));
    return { agentIds: giveWork(new Set(askers)), handover: { before, checkIds: [...movedIds] } };
  };

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
    workOf: (id) => work.get(id) ?? workOf(config, id, asking.checkIdsOf(id)),
    setAgent: (record) => {
      // A key that was changed is nobody's any more.
      const before = records.get(record.id);
      if (before !== undefined && before.publicKey !== record.publicKey) idsByKey.delete(before.publicKey);
      isStale ||= before === undefined || !isSameMember(before, record);
      records.set(record.id, record);
      idsByKey.set(record.publicKey, record.id);
    },
    setDeclaration: (next) => {
      declaration = next;
      isStale = true;
    },
    setMaintenance: (windows) => {
      maintenance = windows;
      isStale = true;
    },
    setLost: (id, isLost) => {
      turnedIds.add(id);
      if (isLost) lostIds.add(id);
      else lostIds.delete(id);
    },
    compile: () => (isStale ? compileAll() : handOverChecks()),
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
