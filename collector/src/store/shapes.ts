import type { Id } from '@jiwei/shared/ids.ts';
import type { GapBody, InventoryBody } from '@jiwei/shared/protocol/control.ts';
import { type ReasonCode, reasonCodes } from '@jiwei/shared/reasons.ts';
import { severities, statuses } from '@jiwei/shared/status.ts';
import { z } from 'zod';
import type { Span } from '../engine/effect.ts';
import { exclusions, faultCodes, type Incident, incidentStates, type ResponseCycle } from '../engine/incident.ts';
import type { AgentRecord, StoredMaintenance } from './port.ts';

// What is stored as JSON, as it was written: a value that does not fit is refused before anything is computed from it. Numbers are not bounded
// here, since a bound set later must not make an older database unreadable; a turned bit is found by the row's checksum.

/** Ids are texts; which kind they are of follows from where they stand. */
export const storedId = <Kind extends string>(): z.ZodType<Id<Kind>> =>
  z.custom<Id<Kind>>((value) => typeof value === 'string', { error: 'needs to be a text' });
/** An instant that a `Date` can hold; deadlines of none later would be looked for without end. */
export const storedMs = z.number().min(0).max(8_640_000_000_000_000);
export const storedReason = z.enum(reasonCodes as [ReasonCode, ...ReasonCode[]]);
export const storedTexts = z.record(z.string(), z.string());
export const storedNumbers = z.record(z.string(), z.number());

export const storedSpans: z.ZodType<readonly Span[]> = z.array(
  z.looseObject({
    fromMs: storedMs,
    status: z.enum(statuses),
    reason: storedReason.nullable(),
    attributedTo: storedId<'asset'>().nullable(),
  }),
);

const cycle: z.ZodType<ResponseCycle> = z.looseObject({
  number: z.number(),
  openedAtMs: storedMs,
  respondDueAtMs: storedMs,
  respondedAtMs: storedMs.nullable(),
  onsiteDueAtMs: storedMs.nullable(),
  arrivedAtMs: storedMs.nullable(),
  resolvedAtMs: storedMs.nullable(),
  quietFromMs: storedMs.nullable().exactOptional(),
  excluded: z.enum(exclusions).nullable(),
});

export const storedIncident: z.ZodType<Incident> = z.looseObject({
  id: storedId<'incident'>(),
  assetId: storedId<'asset'>(),
  unitId: storedId<'unit'>().nullable(),
  zoneId: storedId<'zone'>().nullable(),
  crew: z.string(),
  problem: z.string(),
  severity: z.enum(severities),
  state: z.enum(incidentStates),
  reason: z.union([storedReason, z.enum(faultCodes)]),
  summary: z.string(),
  details: storedTexts,
  faultFromMs: storedMs,
  openedAtMs: storedMs,
  faultToMs: storedMs.nullable(),
  resolvedAtMs: storedMs.nullable(),
  cycles: z.array(cycle).min(1),
  isNoData: z.boolean(),
  isFlapping: z.boolean(),
  isInMaintenance: z.boolean(),
  attachedTo: storedId<'incident'>().nullable(),
  isTold: z.boolean(),
});

export const storedMaintenance: z.ZodType<StoredMaintenance> = z.looseObject({
  id: storedId<'maintenance'>(),
  declaredAs: storedId<'maintenance'>().exactOptional(),
  createdAtMs: storedMs.exactOptional(),
  fromMs: storedMs,
  toMs: storedMs,
  assetIds: z.array(storedId<'asset'>()),
  unitIds: z.array(storedId<'unit'>()),
  zoneIds: z.array(storedId<'zone'>()),
  reason: z.string(),
  approvedBy: z.string(),
  approvedAtMs: storedMs,
  cancelledAtMs: storedMs.nullable(),
});

export const storedAgent: z.ZodType<AgentRecord> = z.looseObject({
  id: storedId<'agent'>(),
  publicKey: z.string(),
  zoneId: storedId<'zone'>().nullable(),
  labels: storedTexts,
  enrolledAtMs: storedMs,
  revokedAtMs: storedMs.nullable(),
  pendingSinceMs: storedMs.exactOptional(),
  hostname: z.string(),
  platform: z.string(),
  architecture: z.string(),
  agentVersion: z.string(),
  lastSeenAtMs: storedMs,
  lastAddress: z.string().nullable(),
});

export const storedGap: z.ZodType<GapBody> = z.looseObject({
  fromMs: storedMs,
  toMs: storedMs,
  frames: z.number(),
  bytes: z.number(),
  cause: z.enum(['spool-full', 'spool-damaged']),
});

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const storedInventory: z.ZodType<InventoryBody> = z.looseObject({
  sections: z.record(z.string(), z.array(z.record(z.string(), scalar))),
});
