import { z } from 'zod';
import { type CheckResult, checkAssignmentSchema, checkResultSchema } from '../check.ts';
import { probeTargetsSchema } from '../cidr.ts';
import { collectorChoiceSchema } from '../host-collectors.ts';
import { asId, declaredIdPattern } from '../ids.ts';
import { limits } from '../limits.ts';
import { cleanedTextSchema, plainTextSchema } from '../plain-text.ts';
import { probeSchema } from '../probes/registry.ts';
import { refusalClasses, refusalCodes } from './refusals.ts';

/** Versions this build speaks, best first. */
export const protocolVersions = [1] as const;
/** WebSocket path and subprotocol. */
export const linkPath = '/agent/v1';
export const linkSubprotocol = 'jiwei.v1';
/** What a side can do beyond the base of version 1; unknown ones are ignored by the other side. */
export const agentCapabilities = ['probe-request', 'inventory', 'channel-binding', 'rekey'] as const;
export const collectorCapabilities = ['probe-request', 'inventory', 'channel-binding', 'rekey'] as const;

const base64url = (bytes: number) =>
  z.string().regex(new RegExp(`^[A-Za-z0-9_-]{${Math.ceil((bytes * 4) / 3)}}$`), {
    error: `needs ${bytes} bytes as base64url without padding`,
  });
const epochMs = z.int().min(0);
const agentIdSchema = z
  .string()
  .regex(declaredIdPattern)
  .transform((text) => asId<'agent'>(text));

// Objects here are not strict: a newer peer may add fields, and unknown ones are ignored (PROTOCOL.md, "Compatibility").

/** agent → collector, first message. */
export const helloSchema = z.object({
  type: z.literal('hello'),
  versions: z.array(z.int().min(1).max(1_000)).min(1).max(16),
  capabilities: z.array(z.string().max(64)).max(64),
  /** Raw Ed25519 public key. */
  publicKey: base64url(32),
  bootId: epochMs,
  // They stand in lists that people compare keys in, before anybody has let the agent in: none may look like more than it is.
  agentVersion: plainTextSchema(64),
  hostname: plainTextSchema(253),
  platform: plainTextSchema(64),
  architecture: plainTextSchema(64),
});

/** collector → agent: sign this. */
export const challengeSchema = z.object({
  type: z.literal('challenge'),
  version: z.int(),
  capabilities: z.array(z.string().max(64)).max(64),
  nonce: base64url(32),
  collectorId: z.string().max(64),
});

/** agent → collector: the signature over `challengeBytes` (handshake.ts), and for a key not yet registered a join token. */
export const proofSchema = z.object({
  type: z.literal('proof'),
  signature: base64url(64),
  joinToken: z.string().max(limits.joinTokenCharactersMax).exactOptional(),
  /** Name the agent would like; the collector decides. Used at enrolment only. */
  wantedId: z.string().max(64).exactOptional(),
  /** A new key for the same agent, which counts from the welcome on. Needs the capability rekey. */
  rekey: z.object({ publicKey: base64url(32), oldSignature: base64url(64), newSignature: base64url(64) }).exactOptional(),
});

/** Last committed frame of an agent, or null when there is none. */
export const framePositionSchema = z.object({ bootId: epochMs, seq: z.int().min(0) });

/** collector → agent: you are in. */
export const welcomeSchema = z.object({
  type: z.literal('welcome'),
  agentId: agentIdSchema,
  /** Everything up to and including this is stored; send what comes after it. */
  stored: framePositionSchema.nullable(),
  heartbeatMs: z.int().min(100).max(600_000),
  heartbeatTimeoutMs: z.int().min(100).max(3_600_000),
  framesInFlightMax: z.int().min(1).max(65_536),
  frameBytesInFlightMax: z.int().min(1),
  collectorTimeMs: epochMs,
});

/** What an agent is told to do; it keeps the last one it accepted on disk. */
export const agentConfigSchema = z.object({
  /** Grows with every change. */
  version: z.int().min(0),
  host: z.object({
    intervalMs: z.int().min(1_000).max(3_600_000),
    /** Names of collectors, `all`, `essential`; left out: all. */
    collectors: collectorChoiceSchema.exactOptional(),
  }),
  checks: z.array(checkAssignmentSchema).max(limits.checksPerAgentMax),
  /** Where probes may go; left out: anywhere but link-local and metadata addresses. */
  probeTargets: probeTargetsSchema.exactOptional(),
});

/** collector → agent. */
export const configSchema = z.object({ type: z.literal('config'), config: agentConfigSchema });

/** agent → collector: `errors` is empty when it is in force; otherwise the version before stays in force. */
export const configAppliedSchema = z.object({
  type: z.literal('configApplied'),
  version: z.int().min(0),
  errors: z.array(cleanedTextSchema(500)).max(100),
});

/** collector → agent: all frames up to this position are committed and may be forgotten. */
export const ackSchema = z.object({ type: z.literal('ack'), bootId: epochMs, seq: z.int().min(0) });

/** agent → collector, every heartbeatMs. */
export const heartbeatSchema = z.object({
  type: z.literal('heartbeat'),
  sentAtMs: epochMs,
  /** The collector's clock as it last told it, in the welcome or a heartbeat answer … */
  heardTimeMs: epochMs,
  /** … and how long ago that came, by the agent's monotonic clock. */
  heardAgoMs: z.int().min(0),
  /** Frames waiting in the spool, for the collector's metrics. */
  spoolFrames: z.int().min(0),
  spoolBytes: z.int().min(0),
});

/** collector → agent, the answer to each heartbeat. */
export const heartbeatAnswerSchema = z.object({
  type: z.literal('heartbeatAnswer'),
  /** `sentAtMs` of the heartbeat answered. */
  echoMs: epochMs,
  collectorTimeMs: epochMs,
});

/** collector → agent: make a new key and come back with it. Needs the capability rekey. */
export const rekeySchema = z.object({ type: z.literal('rekey') });

/** collector → agent: ask this once, now (a second opinion). Needs the capability probe-request. */
export const probeRequestSchema = z.object({
  type: z.literal('probeRequest'),
  requestId: z.string().max(128),
  probe: probeSchema,
  timeoutMs: z.int().min(1).max(limits.checkTimeoutMsMax),
});

/** agent → collector. Not spooled: an answer that comes late is worth nothing. */
export const probeAnswerSchema = z.object({
  type: z.literal('probeAnswer'),
  requestId: z.string().max(128),
  result: checkResultSchema,
});

/** agent → collector: it stops on purpose. */
export const byeSchema = z.object({ type: z.literal('bye'), reason: cleanedTextSchema(200) });

/** collector → agent, just before it closes the link with the code's close code. */
export const refuseSchema = z.object({
  type: z.literal('refuse'),
  code: z.enum(refusalCodes as [(typeof refusalCodes)[number], ...(typeof refusalCodes)[number][]]),
  class: z.enum(refusalClasses),
  message: z.string().max(500),
  /** Earliest next try, ms from now; exactOptional. */
  retryAfterMs: z.int().min(0).exactOptional(),
});

export const agentMessageSchema = z.discriminatedUnion('type', [
  helloSchema,
  proofSchema,
  configAppliedSchema,
  heartbeatSchema,
  probeAnswerSchema,
  byeSchema,
]);
export const collectorMessageSchema = z.discriminatedUnion('type', [
  challengeSchema,
  welcomeSchema,
  configSchema,
  ackSchema,
  heartbeatAnswerSchema,
  probeRequestSchema,
  rekeySchema,
  refuseSchema,
]);

export type AgentCapability = (typeof agentCapabilities)[number];
export type AgentMessage = z.output<typeof agentMessageSchema>;
export type CollectorMessage = z.output<typeof collectorMessageSchema>;
export type Hello = z.output<typeof helloSchema>;
export type Welcome = z.output<typeof welcomeSchema>;
export type AgentConfig = z.output<typeof agentConfigSchema>;
export type FramePosition = z.output<typeof framePositionSchema>;

/** JSON bodies of numbered frames (see frame.ts). */
export const resultsBodySchema = z.object({ results: z.array(checkResultSchema).min(1).max(limits.resultsPerFrameMax) });
export interface ResultsBody {
  readonly results: readonly CheckResult[];
}

/** Frames the agent had to drop unsent, oldest first, because its spool was full or damaged. */
export const gapBodySchema = z.object({
  fromMs: epochMs,
  toMs: epochMs,
  frames: z.int().min(1),
  bytes: z.int().min(0),
  cause: z.enum(['spool-full', 'spool-damaged']),
});
export type GapBody = z.output<typeof gapBodySchema>;

/** What the host is: sent once per boot and on change. Free-form sections of scalars, as systeminformation tells them. */
export const inventoryBodySchema = z.object({
  sections: z.record(
    z.string().max(64),
    z.array(z.record(z.string().max(64), z.union([cleanedTextSchema(500), z.number(), z.boolean(), z.null()]))).max(256),
  ),
});
export type InventoryBody = z.output<typeof inventoryBodySchema>;
