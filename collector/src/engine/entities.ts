import type { CheckResult } from '@jiwei/shared/check.ts';
import { asId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { AgentState, CloneState } from './agent-state.ts';
import type { IncidentRecord, Wait, ZoneState } from './incident-record.ts';
import type { LaneState } from './lane.ts';
import type { SavedRule } from './rules/alert.ts';
import { savedRule } from './rules/rules.ts';
import type { EngineState } from './state.ts';
import { asAgentId, asAssetId, asIncidentId } from './subject.ts';
import { emptyTimeline } from './timeline.ts';

/** What is stored of the state, by kind of entity, as plain JSON; histories are stored as spans. */
export interface EntityValues {
  readonly lane: {
    readonly state: LaneState;
    readonly lastResult: CheckResult | null;
    /** Left out where there is none. */
    readonly lastUnusable?: CheckResult;
    /** Where its history begins: see `Timeline`. Left out where earlier builds did not store it; all that is stored belongs to it then. */
    readonly beginsAtMs?: EpochMs | null;
  };
  /** A declared check, or the built-in one of an agent. `declaredAtMs` is left out where earlier builds stored it. */
  readonly check: { readonly beginsAtMs: EpochMs | null; readonly declaredAtMs?: EpochMs | null };
  /** Corrections reach back no further than the floor: the instant at which it lost a check. */
  readonly asset: { readonly floorMs: EpochMs; readonly beginsAtMs?: EpochMs | null; readonly declaredAtMs?: EpochMs | null };
  readonly agent: AgentState;
  readonly incident: IncidentRecord;
  readonly clone: CloneState;
  readonly zone: ZoneState;
  readonly wait: Wait;
  readonly rule: SavedRule;
}

/** The value of an entity as it is now, a copy that later steps do not change; null when it is gone. */
export const entityValue = (state: EngineState, entity: string, id: string): unknown => {
  switch (entity) {
    case 'lane': {
      const lane = state.lanes.get(id);
      return lane === undefined
        ? null
        : ({
            state: { ...lane.state },
            lastResult: lane.lastResult,
            ...(lane.lastUnusable === null ? {} : { lastUnusable: lane.lastUnusable }),
            beginsAtMs: lane.timeline.beginsAtMs,
          } satisfies EntityValues['lane']);
    }
    case 'check': {
      const { beginsAtMs, declaredAtMs } = state.checks.get(id) ?? emptyTimeline();
      return beginsAtMs === null && declaredAtMs === null ? null : ({ beginsAtMs, declaredAtMs } satisfies EntityValues['check']);
    }
    case 'asset': {
      const assetId = asAssetId(id);
      if (!state.config.assets.has(assetId)) return null;
      const { floorMs, beginsAtMs, declaredAtMs } = state.assets.get(assetId) ?? emptyTimeline();
      return { floorMs, beginsAtMs, declaredAtMs } satisfies EntityValues['asset'];
    }
    case 'agent':
      return state.agents.get(asAgentId(id)) ?? null;
    case 'clone':
      return state.clones.get(asAgentId(id)) ?? null;
    case 'incident': {
      const record = state.incidents.get(asIncidentId(id));
      return record === undefined ? null : { ...record };
    }
    case 'zone':
      return state.zones.get(asId(id)) ?? null;
    case 'wait':
      return state.waits.get(id) ?? null;
    case 'rule':
      return state.rules === null ? null : savedRule(state.rules, asId(id));
    default:
      throw new Error(`an entity of unknown kind: ${entity}`);
  }
};
