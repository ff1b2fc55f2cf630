import { z } from 'zod';
import { limits } from '../../shared/src/limits.ts';

/*
 * A plan is all that happens in a world, as data: the seed makes one, the world carries it out, shrinking takes parts of it away, and a
 * scenario file is one. Instants are true ms since the world began.
 */

const instant = z.number().min(0);
const id = z.string();

const agentSchema = z.strictObject({
  id,
  zone: id,
  /** Its wall clock at the beginning, compared with true time. */
  skewMs: z.number(),
  driftPpm: z.number(),
  bootsAtMs: instant,
  /** What its spool may take. */
  spoolBytesMax: z.int().default(limits.spoolBytesDefault),
});

const assetSchema = z.strictObject({ id, zone: id, parents: z.array(id), needsOnsite: z.boolean() });

const checkSchema = z.strictObject({
  id,
  asset: id,
  intervalMs: z.int(),
  timeoutMs: z.int(),
  failures: z.int(),
  successes: z.int(),
  retryMs: z.int(),
  critical: z.boolean(),
  severity: z.enum(['catastrophic', 'critical', 'major', 'minor']),
  /** Agents by id, or so many of the asset's zone. */
  from: z.union([z.array(id), z.int()]),
  quorum: z.int().nullable(),
});

/** A job that calls by itself. */
const heartbeatSchema = z.strictObject({
  id,
  asset: id,
  intervalMs: z.int(),
  graceMs: z.int().min(1),
  critical: z.boolean(),
  severity: z.enum(['catastrophic', 'critical', 'major', 'minor']),
});

/** One call of a job, well or not. */
const callSchema = z.strictObject({ heartbeat: id, atMs: instant, isUp: z.boolean() });

/** From the instant on the target of the check is so. `hang`: it takes the connection and never answers. */
const changeSchema = z.strictObject({ check: id, atMs: instant, to: z.enum(['up', 'down', 'slow', 'hang']) });

const windowSchema = z.strictObject({ id, assets: z.array(id), fromMs: instant, toMs: instant, declaredAtMs: instant });

const actSchema = z.strictObject({
  atMs: instant,
  act: z.enum(['acknowledge', 'arrive', 'note', 'resolve']),
  /** Which of the open incidents: the remainder by their number. */
  pick: z.int(),
});

const agentFault = { agent: id, atMs: instant };
const lasting = { forMs: z.number().min(0) };
const faultSchema = z.discriminatedUnion('kind', [
  /** kill -9, or, with `power`, the machine loses power and is silent. */
  z.strictObject({ kind: z.literal('agentKilled'), ...agentFault, ...lasting, power: z.boolean() }),
  /** Killed in the middle of the next write to its disk, after a share of the bytes. */
  z.strictObject({
    kind: z.literal('agentTorn'),
    ...agentFault,
    ...lasting,
    power: z.boolean(),
    disk: z.enum(['spool', 'files']),
    share: z.number(),
  }),
  z.strictObject({ kind: z.literal('agentStopped'), ...agentFault, ...lasting }),
  /** Both: the state files lie on the same disk. */
  z.strictObject({ kind: z.literal('diskFull'), ...agentFault, ...lasting, disk: z.enum(['spool', 'both']).default('spool') }),
  /** A bit of what is in the spool turns: at a share of all its bytes. Noticed by the next start, or by whoever reads on. */
  z.strictObject({
    kind: z.literal('bitTurned'),
    ...agentFault,
    ...lasting,
    restarts: z.boolean(),
    share: z.number(),
    bit: z.int(),
  }),
  z.strictObject({ kind: z.literal('agentClock'), ...agentFault, stepMs: z.number() }),
  /** `now`; or at the next commit, before it, after it, or in the middle of writing it; or when the next try to tell people is with them, who then listen no more for twice as long. */
  z.strictObject({
    kind: z.literal('collectorKilled'),
    atMs: instant,
    ...lasting,
    when: z.enum(['now', 'beforeCommit', 'afterCommit', 'inCommit', 'inTry']),
    share: z.number(),
  }),
  z.strictObject({ kind: z.literal('collectorClock'), atMs: instant, stepMs: z.number() }),
  /** Commits fail, as on a full disk. */
  z.strictObject({ kind: z.literal('storeFails'), atMs: instant, ...lasting }),
  /** The zone's agents cannot reach the collector. */
  z.strictObject({ kind: z.literal('partition'), zone: id, atMs: instant, ...lasting }),
  /** One agent's messages wait, then come all at once. */
  z.strictObject({ kind: z.literal('burst'), ...agentFault, ...lasting }),
  z.strictObject({ kind: z.literal('slowLink'), ...agentFault, ...lasting, latencyMs: z.number() }),
  z.strictObject({ kind: z.literal('reset'), ...agentFault }),
  z.strictObject({ kind: z.literal('halfOpen'), ...agentFault }),
  z.strictObject({ kind: z.literal('hostile'), ...agentFault, ...lasting, repeatShare: z.number(), reorderShare: z.number() }),
  /** Notices cannot be sent: nobody listens, or who listens hangs up once he has it, or it gets lost behind who took it. */
  z.strictObject({
    kind: z.literal('channelDown'),
    atMs: instant,
    ...lasting,
    how: z.enum(['refuses', 'hangsUp', 'swallows']).default('refuses'),
  }),
]);

export const planSchema = z.strictObject({
  seed: z.int(),
  /** Until then things go wrong; afterwards all is mended and the world comes to rest. */
  durationMs: z.number(),
  /** Real database files on disk instead of memory: slower, but a commit can be torn. */
  hasFiles: z.boolean(),
  collectorDriftPpm: z.number(),
  zones: z.array(id),
  agents: z.array(agentSchema),
  assets: z.array(assetSchema),
  checks: z.array(checkSchema),
  heartbeats: z.array(heartbeatSchema).default([]),
  calls: z.array(callSchema).default([]),
  changes: z.array(changeSchema),
  windows: z.array(windowSchema),
  acts: z.array(actSchema),
  faults: z.array(faultSchema),
});

export type Plan = z.output<typeof planSchema>;
export type PlannedCheck = Plan['checks'][number];
export type PlannedFault = Plan['faults'][number];
export type TargetState = Plan['changes'][number]['to'];
