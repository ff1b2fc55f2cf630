import { fingerprintOf } from '@jiwei/shared/protocol/handshake.ts';
import { z } from 'zod';
import type { AgentView, LiveView } from '../../engine/view.ts';
import type { AgentSessionView } from '../../runtime/service.ts';
import type { AgentRecord } from '../../store/port.ts';
import { instant } from '../schema.ts';

/** How an agent is linked. */
export const connections = ['connected', 'lost', 'never'] as const;

const sessionSchema = z
  .object({
    connectedAtMs: instant,
    address: z.string(),
    bootId: z.int(),
    clockSkewMs: z.number().describe("Agent's clock minus collector's."),
    roundTripMs: z.number().nullable(),
    spoolFrames: z.int().describe('Frames not yet acknowledged.'),
    spoolBytes: z.int(),
    configVersion: z.int().nullable().describe('Version of the work it was told last; no version of the declaration.'),
    configErrors: z.array(z.string()),
  })
  .meta({ id: 'AgentSession' });

/** An enrolled agent as the API tells it. */
export const agentSchema = z
  .object({
    id: z.string(),
    hostname: z.string(),
    platform: z.string(),
    architecture: z.string(),
    agentVersion: z.string(),
    assetId: z.string().nullable().describe('Asset of the host it runs on; null while it is revoked.'),
    zoneId: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    connection: z.enum(connections),
    sinceMs: instant,
    enrolledAtMs: instant,
    revokedAtMs: instant.nullable(),
    pendingSinceMs: instant.nullable().describe('Waits for approval since then; null when it does not.'),
    keyFingerprint: z.string().describe('Of its public key, as the agent tells it in its log: compare before approving.'),
    lastSeenAtMs: instant,
    lastAddress: z.string().nullable(),
    session: sessionSchema.nullable().describe('null while it is not connected.'),
  })
  .meta({ id: 'Agent' });

const sessionBody = ({ agentId: _id, ...session }: AgentSessionView): z.input<typeof sessionSchema> => ({
  ...session,
  configErrors: [...session.configErrors],
});

/** Since when its link is as it is; one that never came is waited for since it enrolled. */
export const linkSinceMs = (record: AgentRecord, present: AgentView | null): number =>
  present === null || present.connection === 'never' ? record.enrolledAtMs : present.sinceMs;

/** An agent with its link; of the public key only the fingerprint. */
export const agentBody = (
  record: AgentRecord,
  view: LiveView,
  session: AgentSessionView | undefined,
): z.input<typeof agentSchema> => {
  const present = view.agent(record.id);
  const entry = view.config.agents.get(record.id);
  return {
    id: record.id,
    hostname: record.hostname,
    platform: record.platform,
    architecture: record.architecture,
    agentVersion: record.agentVersion,
    assetId: present?.assetId ?? entry?.assetId ?? null,
    zoneId: entry?.zoneId ?? record.zoneId,
    labels: { ...record.labels },
    connection: present?.connection ?? 'never',
    sinceMs: linkSinceMs(record, present),
    enrolledAtMs: record.enrolledAtMs,
    revokedAtMs: record.revokedAtMs,
    pendingSinceMs: record.revokedAtMs === null ? (record.pendingSinceMs ?? null) : null,
    keyFingerprint: fingerprintOf(record.publicKey),
    lastSeenAtMs: record.lastSeenAtMs,
    lastAddress: record.lastAddress,
    session: session === undefined ? null : sessionBody(session),
  };
};
