import type { CheckResult } from '@jiwei/shared/check.ts';
import { outcomes, severities } from '@jiwei/shared/status.ts';
import { z } from 'zod';
import type { AgentState, CloneState, Loss, Question } from '../engine/agent-state.ts';
import type { EntityValues } from '../engine/entities.ts';
import type { IncidentRecord, Wait, ZoneState } from '../engine/incident-record.ts';
import type { LaneState } from '../engine/lane.ts';
import type { SavedAlert, SavedRule } from '../engine/rules/alert.ts';
import type { StoredEntity } from './port.ts';
import { storedId, storedIncident, storedMs, storedNumbers, storedReason, storedTexts } from './shapes.ts';
import { assertShape } from './sql/json.ts';

const range = z.looseObject({ fromMs: storedMs, toMs: storedMs });

const laneState: z.ZodType<LaneState> = z.looseObject({
  checkId: storedId<'check'>(),
  agentId: storedId<'agent'>().nullable(),
  lastAtMs: storedMs.nullable(),
  lastOutcome: z.enum(outcomes),
  lastReason: storedReason,
  belief: z.enum(['good', 'down']).nullable(),
  failCount: z.number(),
  failFromMs: storedMs,
  failReason: storedReason,
  recovery: z.array(z.looseObject({ atMs: storedMs, outcome: z.enum(outcomes), reason: storedReason })),
  degradedCount: z.number(),
  upCount: z.number(),
  listensFromMs: storedMs.nullable(),
  retiredAtMs: storedMs.nullable().exactOptional(),
  unasked: z.array(range).exactOptional(),
});

const storedResult: z.ZodType<CheckResult> = z.looseObject({
  checkId: storedId<'check'>(),
  observedAtMs: storedMs,
  outcome: z.enum(outcomes),
  reason: storedReason,
  latencyMs: z.number().nullable(),
  run: z.looseObject({ ofDown: z.number(), ofUp: z.number() }),
  method: z.string().exactOptional(),
  detail: z.string().exactOptional(),
  values: storedNumbers.exactOptional(),
});

const lane: z.ZodType<EntityValues['lane']> = z.looseObject({
  state: laneState,
  lastResult: storedResult.nullable(),
  lastUnusable: storedResult.exactOptional(),
  beginsAtMs: storedMs.nullable().exactOptional(),
});

const check: z.ZodType<EntityValues['check']> = z.looseObject({
  beginsAtMs: storedMs.nullable(),
  declaredAtMs: storedMs.nullable().exactOptional(),
});

const asset: z.ZodType<EntityValues['asset']> = z.looseObject({
  floorMs: storedMs,
  beginsAtMs: storedMs.nullable().exactOptional(),
  declaredAtMs: storedMs.nullable().exactOptional(),
});

const question: z.ZodType<Question> = z.looseObject({
  requestId: z.string(),
  askerId: storedId<'agent'>(),
  askedAtMs: storedMs,
  dueAtMs: storedMs,
});

const loss: z.ZodType<Loss> = z.looseObject({
  atMs: storedMs,
  cause: z.enum(['closed', 'silent', 'bye', 'away']),
  faultFromMs: storedMs,
  graceEndsAtMs: storedMs,
  isGraceOver: z.boolean(),
  questionCount: z.number(),
  question: question.nullable(),
  lateQuestions: z.array(question).exactOptional(),
  askedIds: z.array(storedId<'agent'>()),
  failedCount: z.number(),
  failedFromMs: storedMs.nullable(),
  verdict: z.enum(['asking', 'reachable', 'unreachable', 'cannotTell']),
  foundBefore: z.enum(['reachable', 'unreachable']).nullable().exactOptional(),
  verdictAtMs: storedMs,
  seenAtMs: storedMs,
  wasReachable: z.boolean(),
  nextRoundAtMs: storedMs.nullable(),
});

const agent: z.ZodType<AgentState> = z.looseObject({
  id: storedId<'agent'>(),
  bootId: z.number().exactOptional(),
  sinceMs: storedMs,
  isOverdue: z.boolean().exactOptional(),
  loss: loss.nullable(),
});

const clone: z.ZodType<CloneState> = z.looseObject({
  id: storedId<'agent'>(),
  firstAtMs: storedMs,
  lastAtMs: storedMs,
  address: z.string(),
  hostname: z.string(),
});

const incident: z.ZodType<IncidentRecord> = z.looseObject({
  incident: storedIncident,
  failing: z.array(z.string()),
  entryCount: z.number(),
  toldRoutes: z.array(storedId<'route'>()),
  reopenedAtMs: z.array(storedMs),
  warnedCycle: z.number(),
  overdueCycle: z.number(),
  onsiteOverdueCycle: z.number(),
  goodSinceMs: storedMs.nullable(),
  isHeld: z.boolean(),
  freshAfterMs: storedMs.nullable(),
  toldSeverity: z.enum(severities).nullable(),
});

const zone: z.ZodType<ZoneState> = z.looseObject({
  id: storedId<'zone'>(),
  openings: z.array(z.looseObject({ id: storedId<'incident'>(), atMs: storedMs })),
  takesInUntilMs: storedMs.nullable().exactOptional(),
});

const wait: z.ZodType<Wait> = z.looseObject({ assetId: storedId<'asset'>(), problem: z.string(), untilMs: storedMs });

/** JSON has no infinity and no NaN: both are written as null. */
const alertValue = z.custom<number>((value) => value === null || typeof value === 'number', { error: 'needs to be a number' });

const alert: z.ZodType<SavedAlert> = z.looseObject({
  alertId: z.string(),
  labels: storedTexts,
  annotations: storedTexts,
  value: alertValue,
  activeAtMs: storedMs,
  firedAtMs: storedMs.nullable(),
  keepFiringSinceMs: storedMs.nullable(),
  noDataSinceMs: storedMs.nullable(),
  inputs: z.array(z.string()),
});

const rule: z.ZodType<SavedRule> = z.looseObject({
  ruleId: storedId<'rule'>(),
  fingerprint: z.string(),
  ruleName: z.string(),
  lastEvaluatedAtMs: storedMs.nullable(),
  alerts: z.array(alert),
});

const shapes: { readonly [Kind in keyof EntityValues]: z.ZodType<EntityValues[Kind]> } & { readonly writer: z.ZodType } = {
  ...{ lane, check, asset, agent, clone, incident, zone, wait, rule },
  /** The clock of the last commit. */
  writer: z.looseObject({ lastAtMs: z.int() }),
};
const shapeByKind = new Map<string, z.ZodType>(Object.entries(shapes));

/**
 * Looks at the engine's stored state before it goes on from it. Values of kinds that nobody here knows are passed over, as the engine does.
 * @throws STORE_CORRUPT naming the first that this program cannot have written
 */
export const checkEntities = (entities: readonly StoredEntity[]): void => {
  for (const { entity, id, value } of entities) {
    const shape = shapeByKind.get(entity);
    if (shape !== undefined) assertShape(value, shape, `${entity} ${id}`);
  }
};
