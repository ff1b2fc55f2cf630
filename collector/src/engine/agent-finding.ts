import type { AgentId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { Loss } from './agent-state.ts';
import type { BadFinding, Finding } from './finding.ts';
import { retired, worseSeverity } from './findings.ts';
import { type EngineState, standingRecord } from './state.ts';
import type { AffectedAsset } from './subject.ts';

/** Problem `agent`: an agent of the asset is lost. */
export const agentFinding = (state: EngineState, asset: AffectedAsset, nowMs: EpochMs): Finding => {
  const entries = state.index.agentsOn.get(asset.id) ?? [];
  const failing = standingRecord(state, asset.id, 'agent')?.failing ?? [];
  if (failing.length > 0 && !entries.some((entry) => failing.includes(entry.id))) return retired;
  const agents = entries.flatMap((entry) => state.agents.get(entry.id) ?? []);
  const lost = agents.filter((agent) => agent.loss?.isGraceOver === true);
  const bad = lost.flatMap(({ id, loss }) => (loss === null ? [] : (lostFinding(asset, id, loss) ?? [])));
  const worst = bad.reduce<BadFinding | null>(
    (found, one) =>
      found === null || (worseSeverity(found.severity, one.severity) === one.severity && one.severity !== found.severity)
        ? one
        : found,
    null,
  );
  if (worst !== null) return worst;
  if (lost.length > 0) return { kind: 'between' };
  const sinceMs = agents.filter((agent) => agent.loss === null).map((agent) => agent.sinceMs);
  return { kind: 'good', faultToMs: sinceMs.length === 0 ? nowMs : Math.max(...sinceMs), text: 'the agent is connected again' };
};

const lostFinding = (asset: AffectedAsset, agentId: AgentId, loss: Loss): BadFinding | null => {
  const telling = tellingOf(loss);
  if (telling === null) return null;
  const { reason, severity, host, words } = telling;
  return {
    kind: 'bad',
    severity,
    reason,
    summary: `${asset.name}: ${words}`,
    details: { agent: agentId, cause: loss.cause, host },
    faultFromMs: loss.faultFromMs,
    failing: [agentId],
    // Nobody can look: nothing was found that would make it less grave than it was.
    canEase: host !== 'unknown',
    seenAtMs: loss.seenAtMs,
  };
};

/** What people are told of a lost agent. `host`: what is known of its host at the moment, as a code. */
interface Telling {
  readonly reason: 'AGENT_STOPPED' | 'AGENT_SILENT' | 'HOST_DOWN';
  readonly severity: 'minor' | 'critical';
  readonly host: 'reachable' | 'unreachable' | 'unknown';
  readonly words: string;
}

const tellings = {
  reachable: { reason: 'AGENT_STOPPED', severity: 'minor', host: 'reachable', words: 'the agent stopped; its host answers' },
  unreachable: {
    reason: 'HOST_DOWN',
    severity: 'critical',
    host: 'unreachable',
    words: 'neither the agent nor its host answers',
  },
  saidGoodbye: {
    reason: 'AGENT_STOPPED',
    severity: 'minor',
    host: 'unknown',
    words: 'the agent said goodbye; nobody can ask its host',
  },
  silent: {
    reason: 'AGENT_SILENT',
    severity: 'minor',
    host: 'unknown',
    words: 'the agent is silent and nobody can ask its host',
  },
  wasReachable: {
    reason: 'AGENT_STOPPED',
    severity: 'minor',
    host: 'unknown',
    words: 'the agent stopped; its host answered, and nobody can ask it any more',
  },
  wasUnreachable: {
    reason: 'HOST_DOWN',
    severity: 'critical',
    host: 'unknown',
    words: 'neither the agent nor its host answered, and nobody can ask it any more',
  },
} as const satisfies Readonly<Record<string, Telling>>;

/** null: nothing yet, it is being asked about. */
const tellingOf = (loss: Loss): Telling | null => {
  switch (loss.verdict) {
    case 'asking':
      return null;
    case 'reachable':
    case 'unreachable':
      return tellings[loss.verdict];
    case 'cannotTell':
      return tellingWithoutAnswer(loss);
    default:
      return loss.verdict satisfies never;
  }
};

/** Where nobody can look, what was last found stays what it is called: not knowing is neither relief nor a new fault. */
const tellingWithoutAnswer = ({ foundBefore, cause }: Loss): Telling => {
  if (foundBefore === 'reachable') return tellings.wasReachable;
  if (foundBefore === 'unreachable') return tellings.wasUnreachable;
  // One that was stopped on purpose said so itself. Where it is not known whether its host was found unreachable since, that word says too little.
  return foundBefore === null && cause === 'bye' ? tellings.saidGoodbye : tellings.silent;
};
