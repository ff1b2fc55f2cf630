import { collectorSets, hostCollectors } from '@jiwei/shared/host-collectors.ts';
import { asId, declaredIdPattern } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { isHost } from '@jiwei/shared/probes/host.ts';
import { labelNamePattern } from '@jiwei/shared/series.ts';
import { severities } from '@jiwei/shared/status.ts';
import { dayMs, hourMs, minuteMs, secondMs } from '@jiwei/shared/time.ts';
import { validate as isCron } from 'node-cron';
import { z } from 'zod';
import { assetKinds } from '../engine/config.ts';
import { durationSchema } from './duration.ts';
import { instantSchema } from './instant.ts';

const idText = z.string().regex(declaredIdPattern, {
  error: 'needs an id: 1 to 64 of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit',
});
/** A declared id of the kind. */
const idOf = <K extends string>() => idText.transform((text) => asId<K>(text));
const unitId = idOf<'unit'>();
const zoneId = idOf<'zone'>();
const assetId = idOf<'asset'>();
const agentId = idOf<'agent'>();
const name = z.string().min(1).max(200);
const labelName = z.string().regex(labelNamePattern, { error: 'needs a label name ([a-zA-Z_][a-zA-Z0-9_]*)' });
const labels = z.record(labelName, z.string().max(limits.labelValueBytesMax));

export const zoneSchema = z.strictObject({ id: zoneId, name, crew: name });
export const unitSchema = z.strictObject({ id: unitId, name, zone: zoneId });
export const assetSchema = z.strictObject({
  id: assetId,
  name,
  kind: z.enum(assetKinds),
  unit: unitId,
  importance: z.int().min(1).max(5).default(3),
  parents: z.array(assetId).max(16).default([]),
  address: z.string().refine(isHost, { error: 'needs an IP address or a DNS name' }).optional(),
  needsOnsite: z.boolean().default(false),
});
/** What of their hosts agents read: one name or several. */
const collectorsSchema = z.preprocess(
  (told) => (typeof told === 'string' ? [told] : told),
  z
    .array(z.enum([...collectorSets, ...hostCollectors]))
    .min(1)
    .max(100),
);
export const agentSchema = z.strictObject({
  id: agentId,
  asset: assetId.optional(),
  zone: zoneId.optional(),
  labels: labels.default({}),
  collectors: collectorsSchema.optional(),
});

const retry = durationSchema(limits.checkRetryMsMin, minuteMs);
const run = z.int().min(1).max(10);
export const confirmSchema = z.strictObject({ failures: run.optional(), successes: run.optional(), retry: retry.optional() });
const intervalSchema = durationSchema(limits.checkIntervalMsMin, limits.checkIntervalMsMax);
const timeoutSchema = durationSchema(1, limits.checkTimeoutMsMax);
export const defaultsSchema = z.strictObject({
  interval: intervalSchema.optional(),
  timeout: timeoutSchema.optional(),
  confirm: confirmSchema.optional(),
});

const agentCount = z.int().min(1).max(100);
const fromNeed = 'needs host, {agents: […]}, {zone, count} or {labels, count}';
export const fromSchema = z.union(
  [
    z.literal('host').transform(() => ({ kind: 'host' as const })),
    z.strictObject({ agents: z.array(agentId).min(1).max(100) }).transform((from) => ({ kind: 'agents' as const, ...from })),
    z.strictObject({ zone: zoneId, count: agentCount.default(1) }).transform((from) => ({ kind: 'zone' as const, ...from })),
    z.strictObject({ labels, count: agentCount.default(1) }).transform((from) => ({ kind: 'labels' as const, ...from })),
  ],
  { error: fromNeed },
);

/** Whether the machine's time zone data has the name. */
const isTimeZone = (text: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
};

/** What every check has beside the options of its kind. */
export const checkSchema = z.strictObject({
  id: idOf<'check'>(),
  asset: assetId,
  interval: intervalSchema.optional(),
  cron: z
    .string()
    .refine((text) => isCron(text), { error: 'needs a cron expression such as "0 3 * * *"' })
    .optional(),
  timeZone: z.string().refine(isTimeZone, { error: 'needs a time zone such as Asia/Shanghai' }).optional(),
  timeout: timeoutSchema.optional(),
  confirm: confirmSchema.optional(),
  critical: z.boolean().default(true),
  severity: z.enum(severities).default('major'),
  from: fromSchema.optional(),
  quorum: z.int().min(1).max(100).optional(),
  staleAfter: durationSchema(secondMs, 31 * dayMs).optional(),
});
export type CheckItem = z.output<typeof checkSchema>;

export const maintenanceSchema = z.strictObject({
  id: idOf<'maintenance'>(),
  from: instantSchema,
  to: instantSchema,
  assets: z.array(assetId).max(10_000).default([]),
  units: z.array(unitId).max(1_000).default([]),
  zones: z.array(zoneId).max(1_000).default([]),
  reason: z.string().min(1).max(500),
  approvedBy: name,
  approvedAt: instantSchema,
});
export const routeSchema = z.strictObject({
  id: idOf<'route'>(),
  notifier: idText,
  severities: z.array(z.enum(severities)).default([]),
  zones: z.array(zoneId).max(1_000).default([]),
  units: z.array(unitId).max(1_000).default([]),
  assets: z.array(assetId).max(10_000).default([]),
});
/** What every notifier has beside the options of its kind. */
export const notifierSchema = z.strictObject({ id: idText, kind: z.string().min(1).max(64) });

const span = durationSchema(1, dayMs).optional();
const count = z.int().min(1).max(10_000).optional();
/** One alone is no storm. */
const stormCount = z.int().min(2).max(10_000).optional();
export const timingSchema = z.strictObject({
  respond: span,
  respondWarn: span,
  onsite: span,
  agentGrace: span,
  question: durationSchema(100, limits.checkTimeoutMsMax).optional(),
  questionInterval: durationSchema(secondMs, hourMs).optional(),
  agentStormCount: stormCount,
  agentStorm: span,
  incidentStormCount: stormCount,
  flapCount: count,
  flapQuiet: span,
});
export const hostSchema = z.strictObject({
  interval: durationSchema(secondMs, hourMs).default(15 * secondMs),
  collectors: collectorsSchema.optional(),
});

const evaluation = durationSchema(secondMs, hourMs);
const ruleText = z.string().max(limits.noteCharactersMax);
export const ruleSchema = z.strictObject({
  alert: z.string().min(1).max(200),
  expr: z.union([z.string().min(1), z.number().transform(String)], { error: 'needs an expression' }),
  for: durationSchema(0, 30 * dayMs).default(0),
  keep_firing_for: durationSchema(0, 30 * dayMs).default(0),
  labels: z.record(labelName, ruleText).default({}),
  annotations: z.record(labelName, ruleText).default({}),
});
export const groupSchema = z.strictObject({
  name,
  interval: evaluation.default(15 * secondMs),
  labels: z.record(labelName, ruleText).default({}),
  rules: z.array(z.unknown()).max(10_000).default([]),
});
