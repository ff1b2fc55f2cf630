import type { CheckResult } from '@jiwei/shared/check.ts';
import type { AgentId, CheckId, IncidentId, NotificationId, RouteId } from '@jiwei/shared/ids.ts';
import type { Label } from '@jiwei/shared/series.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { EngineConfig } from './config.ts';
import type { NoticeKind } from './effect.ts';

/**
 * Why a notice is not told any more. `untold`: the problem was over before anybody could be told of it, and nobody is told of its end. `endTold`: the
 * problem is over, and its end is told to those who may have heard of it. `due`: it warned of what is due by now.
 */
export type NoticesOverWhy = 'untold' | 'endTold' | 'due';

/** A sample that some rule looks at; the rest never reaches the engine. */
export interface RuleSample {
  readonly name: string;
  /** Sorted by name, `instance` (the agent) among them. */
  readonly labels: readonly Label[];
  readonly value: number;
  readonly observedAtMs: EpochMs;
}

/** What a person did. */
export type HumanAct =
  | { readonly kind: 'acknowledge'; readonly note: string | null }
  | { readonly kind: 'arrive'; readonly note: string | null }
  | { readonly kind: 'note'; readonly note: string }
  | { readonly kind: 'resolve'; readonly note: string | null };

/** That a configuration differs from another in nothing but who asks some checks (and its version): there is no need to look at the rest. */
export interface Handover {
  readonly before: EngineConfig;
  readonly checkIds: readonly CheckId[];
}

/**
 * Everything that can happen to the engine. `atMs` is the collector's clock when it took the event in; it never goes back from one event to
 * the next (the runtime sees to that). `observedAtMs` inside results and samples is already corrected to the collector's clock and never
 * later than `atMs`; it may be much earlier (back-fill), and within one (check, agent) comes in order.
 */
export type EngineEvent =
  /** `handover` only spares work: without it the same comes of it. */
  | { readonly kind: 'config'; readonly atMs: EpochMs; readonly config: EngineConfig; readonly handover?: Handover }
  | { readonly kind: 'results'; readonly atMs: EpochMs; readonly agentId: AgentId; readonly results: readonly CheckResult[] }
  | { readonly kind: 'samples'; readonly atMs: EpochMs; readonly agentId: AgentId; readonly samples: readonly RuleSample[] }
  | { readonly kind: 'agentConnected'; readonly atMs: EpochMs; readonly agentId: AgentId; readonly bootId: number }
  /** `sinceMs`: from when on nothing is known of it; earlier than `atMs` when it fell silent first. */
  | {
      readonly kind: 'agentLost';
      readonly atMs: EpochMs;
      readonly agentId: AgentId;
      readonly cause: 'closed' | 'silent' | 'bye';
      readonly sinceMs: EpochMs;
    }
  /** A connected agent has said nothing for longer than a heartbeat takes, or has spoken again. It may be lost, and it may not. */
  | { readonly kind: 'agentOverdue'; readonly atMs: EpochMs; readonly agentId: AgentId; readonly isOverdue: boolean }
  /** The first event after a start: the collector heard nothing from `awaySinceMs` on, and gives its agents until `agentsDueAtMs`. */
  | { readonly kind: 'restarted'; readonly atMs: EpochMs; readonly awaySinceMs: EpochMs; readonly agentsDueAtMs: EpochMs }
  /** A second living holder of the agent's key was turned away; where it came from, and what it called its host. */
  | {
      readonly kind: 'agentCloned';
      readonly atMs: EpochMs;
      readonly agentId: AgentId;
      readonly address: string;
      readonly hostname: string;
    }
  | {
      readonly kind: 'probeAnswer';
      readonly atMs: EpochMs;
      readonly agentId: AgentId;
      readonly requestId: string;
      readonly result: CheckResult;
    }
  | {
      readonly kind: 'push';
      readonly atMs: EpochMs;
      readonly checkId: CheckId;
      readonly isUp: boolean;
      readonly detail: string | null;
    }
  | {
      readonly kind: 'human';
      readonly atMs: EpochMs;
      readonly incidentId: IncidentId;
      readonly actor: string;
      readonly act: HumanAct;
    }
  | {
      /** What came of one try to tell people. */
      readonly kind: 'noticeTried';
      readonly atMs: EpochMs;
      readonly incidentId: IncidentId;
      readonly routeId: RouteId;
      readonly notice: NoticeKind;
      readonly triedAtMs: EpochMs;
      /** From 1. */
      readonly tries: number;
      readonly outcome: 'sent' | 'again' | 'givenUp';
      /** Why it was not sent; holds no secrets. */
      readonly error: string | null;
      readonly nextTryAtMs: EpochMs;
    }
  | {
      /** Notices that waited while what they tell of ended: they are not told any more. */
      readonly kind: 'noticesOver';
      readonly atMs: EpochMs;
      readonly incidentId: IncidentId;
      readonly routeId: RouteId;
      /** At least one, in the order they were decided. */
      readonly notices: readonly { readonly id: NotificationId; readonly notice: NoticeKind }[];
      readonly why: NoticesOverWhy;
      /** When the first of them was decided. */
      readonly waitedFromMs: EpochMs;
      /** How often they were tried in vain, all together. */
      readonly tries: number;
      /** What the last of these tries came to; holds no secrets. */
      readonly error: string | null;
    }
  | { readonly kind: 'tick'; readonly atMs: EpochMs };
