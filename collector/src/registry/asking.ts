import type { AgentId, CheckId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { AgentEntry } from '../engine/config.ts';
import type { CheckSource, DeclaredCheck } from './declaration.ts';
import { chooseByRendezvous, winsByRendezvous } from './rendezvous.ts';

/** An enrolled agent with what was declared of it. */
export interface KnownAgent {
  readonly entry: AgentEntry;
  readonly labels: Readonly<Record<string, string>>;
}

/** Who asks which check. */
export interface Asking {
  /** Ascending. */
  agentIdsOf(checkId: CheckId): readonly AgentId[];
  /** In no order. */
  checkIdsOf(agentId: AgentId): Iterable<CheckId>;
  /**
   * Lets an agent be lost or be back, which must have been there when this was made. The work is that of the checks it asks; when it is back, one
   * look more at each check it may be chosen for.
   * @returns checks that others ask now; null when only making it anew tells: an agent has as many checks as it may have, so which of them go to
   *   others hangs on all of them in order. Then this is of no more use.
   */
  setLost(agentId: AgentId, isLost: boolean): Iterable<CheckId> | null;
}

/** Agents that some checks are free to choose from. Thousands of checks ask for the same few groups: each is looked for once. */
interface Group {
  /** All of them, ascending. */
  readonly ids: readonly AgentId[];
  /** Those of them that are not lost, ascending. */
  presentIds: readonly AgentId[];
  readonly checks: AskedCheck[];
}

interface AskedCheck {
  readonly id: CheckId;
  agentIds: readonly AgentId[];
  /** null where the check leaves no choice. */
  readonly group: Group | null;
  /** How many it chooses. */
  readonly count: number;
}

/** With all of them lost the choice is that of all: the check is then unknown, not without anybody. */
const candidatesOf = ({ ids, presentIds }: Group): readonly AgentId[] => (presentIds.length > 0 ? presentIds : ids);

const idsOf = (agents: readonly KnownAgent[] = []): AgentId[] => agents.map((agent) => agent.entry.id).sort();

/** Finds the agents that a source names or leaves to choose from. */
const createGroups = (agents: readonly KnownAgent[], lostAgentIds: ReadonlySet<AgentId>) => {
  const known = new Set(idsOf(agents));
  const byAsset = Map.groupBy(agents, (agent) => agent.entry.assetId);
  const byZone = Map.groupBy(agents, (agent) => agent.entry.zoneId);
  const groups = new Map<string, Group>();
  const groupOf = (name: string, find: () => readonly KnownAgent[] | undefined): Group => {
    const found = groups.get(name);
    if (found !== undefined) return found;
    const ids = idsOf(find());
    const group: Group = { ids, presentIds: ids.filter((id) => !lostAgentIds.has(id)), checks: [] };
    groups.set(name, group);
    return group;
  };
  /** What the check leaves to choose from. */
  const choiceOf = (from: Extract<CheckSource, { count: number }>): Group => {
    if (from.kind === 'zone') return groupOf(`zone ${from.zoneId}`, () => byZone.get(from.zoneId));
    const labels = Object.entries(from.labels).sort();
    const fits = (agent: KnownAgent): boolean => labels.every(([name, value]) => agent.labels[name] === value);
    return groupOf(`labels ${JSON.stringify(labels)}`, () => agents.filter(fits));
  };
  const namedBy = ({ assetId, from }: DeclaredCheck): readonly AgentId[] => {
    if (from.kind === 'host') return idsOf(byAsset.get(assetId));
    return from.kind === 'agents' ? [...new Set(from.agentIds)].filter((agentId) => known.has(agentId)).sort() : [];
  };
  return { groups, choiceOf, namedBy };
};

/**
 * Says who asks each check. Lost agents are passed over only where the check leaves the choice, those that have as many checks as an agent may
 * have everywhere: they go to those declared first.
 */
export const createAsking = (
  checks: readonly DeclaredCheck[],
  agents: readonly KnownAgent[],
  lostAgentIds: ReadonlySet<AgentId>,
): Asking => {
  const { groups, choiceOf, namedBy } = createGroups(agents, lostAgentIds);
  const asked = new Map<CheckId, AskedCheck>();
  const askedBy = new Map<AgentId, Set<CheckId>>();
  const full = new Set<AgentId>();

  const give = (agentId: AgentId, checkId: CheckId): void => {
    const own = askedBy.get(agentId) ?? new Set();
    askedBy.set(agentId, own.add(checkId));
    if (own.size >= limits.checksPerAgentMax) full.add(agentId);
  };

  for (const check of checks) {
    const withRoom = (ids: readonly AgentId[]): readonly AgentId[] =>
      full.size === 0 ? ids : ids.filter((agentId) => !full.has(agentId));
    const { id, from } = check;
    const group = 'count' in from ? choiceOf(from) : null;
    const count = 'count' in from ? from.count : 0;
    const agentIds = group === null ? withRoom(namedBy(check)) : chooseByRendezvous(id, withRoom(candidatesOf(group)), count);
    const one: AskedCheck = { id, agentIds, group, count };
    asked.set(id, one);
    group?.checks.push(one);
    for (const agentId of agentIds) give(agentId, id);
  }
  const groupsOf = new Map<AgentId, Group[]>();
  for (const group of groups.values()) {
    for (const agentId of group.ids) groupsOf.set(agentId, [...(groupsOf.get(agentId) ?? []), group]);
  }

  /** Checks of the group that may have to be given to others, now that the agent is lost or back. */
  const touched = (group: Group, agentId: AgentId, isLost: boolean): readonly AskedCheck[] => {
    const wasAnybody = group.presentIds.length > 0;
    group.presentIds = isLost ? group.presentIds.filter((id) => id !== agentId) : [...group.presentIds, agentId].sort();
    // The first to be back takes over from all the lost ones; the last to be lost asked everything.
    if (!isLost && !wasAnybody) return group.checks;
    if (!isLost) return group.checks.filter(({ id, agentIds, count }) => winsByRendezvous(id, agentId, agentIds, count));
    return [...(askedBy.get(agentId) ?? [])].flatMap((id) => {
      const one = asked.get(id);
      return one?.group === group ? [one] : [];
    });
  };

  return {
    agentIdsOf: (checkId) => asked.get(checkId)?.agentIds ?? [],
    checkIdsOf: (agentId) => askedBy.get(agentId) ?? [],
    setLost: (agentId, isLost) => {
      const moved = new Set<CheckId>();
      for (const group of groupsOf.get(agentId) ?? []) {
        if (group.presentIds.includes(agentId) !== isLost) continue;
        for (const one of touched(group, agentId, isLost)) {
          const agentIds = chooseByRendezvous(one.id, candidatesOf(group), one.count);
          if (agentIds.join() === one.agentIds.join()) continue;
          moved.add(one.id);
          for (const id of one.agentIds) askedBy.get(id)?.delete(one.id);
          for (const id of agentIds) give(id, one.id);
          one.agentIds = agentIds;
        }
      }
      // Once full means once that what came later was given to others, or would have been.
      return full.size === 0 ? moved : null;
    },
  };
};
