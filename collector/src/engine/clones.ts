import type { AgentId } from '@jiwei/shared/ids.ts';
import { minuteMs } from '@jiwei/shared/time.ts';
import type { CloneState } from './agent-state.ts';
import { setDeadline } from './deadlines.ts';
import type { EngineEvent } from './event.ts';
import type { Finding } from './finding.ts';
import { retired } from './findings.ts';
import { type EngineState, standingRecord } from './state.ts';
import type { AffectedAsset } from './subject.ts';
import { keep, type Turn } from './turn.ts';

/** A refused agent tries again about once a minute: after ten without a try it is gone. */
const quietMs = 10 * minuteMs;

/** When the clone counts as gone. */
export const cloneDueAtMs = (clone: CloneState): number => clone.lastAtMs + quietMs;

/** A second living holder of an agent's key was turned away. */
export const onAgentCloned = (turn: Turn, event: Extract<EngineEvent, { kind: 'agentCloned' }>): void => {
  const { state, nowMs } = turn;
  const entry = state.config.agents.get(event.agentId);
  if (entry === undefined) return;
  const { agentId: id, address, hostname } = event;
  const clone: CloneState = { id, firstAtMs: state.clones.get(id)?.firstAtMs ?? nowMs, lastAtMs: nowMs, address, hostname };
  state.clones.set(id, clone);
  setDeadline(state.deadlines, `clone|${id}`, cloneDueAtMs(clone));
  keep(turn, 'clone', id);
  turn.assess.add(entry.assetId);
};

/** It has not come back, or its agent is no longer declared. */
export const forgetClone = (turn: Turn, id: AgentId): void => {
  const { state } = turn;
  state.clones.delete(id);
  setDeadline(state.deadlines, `clone|${id}`, null);
  keep(turn, 'clone', id);
  const entry = state.config.agents.get(id);
  if (entry !== undefined) turn.assess.add(entry.assetId);
};

/** Problem `cloned`: somebody has a copy of the key of an agent of the asset. */
export const cloneFinding = (state: EngineState, asset: AffectedAsset): Finding => {
  const entries = state.index.agentsOn.get(asset.id) ?? [];
  const failing = standingRecord(state, asset.id, 'cloned')?.failing ?? [];
  if (failing.length > 0 && !entries.some((entry) => failing.includes(entry.id))) return retired;
  const clones = entries.flatMap((entry) => state.clones.get(entry.id) ?? []);
  const [first] = clones;
  if (first === undefined) return { kind: 'good', faultToMs: null, text: 'nobody else came with the key any more' };
  return {
    kind: 'bad',
    severity: 'major',
    reason: 'AGENT_CLONED',
    summary: `${asset.name}: somebody at ${first.address} has a copy of the key of agent ${first.id}`,
    details: { agent: first.id, address: first.address, hostname: first.hostname },
    faultFromMs: Math.min(...clones.map((clone) => clone.firstAtMs)),
    failing: clones.map((clone) => clone.id),
    seenAtMs: Math.max(...clones.map((clone) => clone.lastAtMs)),
  };
};
