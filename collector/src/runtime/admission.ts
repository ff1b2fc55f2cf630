import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '@jiwei/shared/clock.ts';
import { type AgentId, asId } from '@jiwei/shared/ids.ts';
import type { Hello } from '@jiwei/shared/protocol/control.ts';
import { fingerprintOf } from '@jiwei/shared/protocol/handshake.ts';
import type { RefusalCode } from '@jiwei/shared/protocol/refusals.ts';
import type { FastifyBaseLogger } from 'fastify';
import { createFailureLimit, type FailureLimit } from '../http/failure-limit.ts';
import type { Admission, AdmissionRequest, IngestHost } from '../ingest/host.ts';
import type { Declaration } from '../registry/declaration.ts';
import type { AgentRecord, JoinToken, Store } from '../store/port.ts';
import { type Directory, idForAgent } from './directory.ts';
import type { Intake } from './intake.ts';

/** A join token as it is handed out; only its hash is stored. */
export const newJoinToken = (): string => `jw_${randomBytes(24).toString('base64url')}`;
/** SHA-256, hex. A token is random and long, so a plain hash cannot be guessed backwards. */
export const tokenHash = (token: string): string => createHash('sha256').update(token).digest('hex');
/** How a token is called once it is made: enough of its hash to tell it from others, and nothing of the token itself. */
export const tokenIdOf = ({ hash }: Pick<JoinToken, 'hash'>): string => hash.slice(0, 12);

export interface AdmissionOptions {
  readonly store: Store;
  readonly directory: Directory;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  /** Puts a changed set of agents in force; resolves after its commit. */
  reconfigure(): Promise<void>;
  /** Ids given to agents whose enrolment is under way, so that two at once never get the same. */
  readonly idsInUse: Set<string>;
}

/** Decides about an agent whose key has proved itself: known, new with a join token, or refused. */
export const createAdmission = (options: AdmissionOptions): IngestHost['admit'] => {
  const failures = createFailureLimit(options.clock);
  return async (request) => {
    const { directory } = options;
    const known = recordOf(directory, request);
    const record = known === null ? await enrol(options, failures, request) : await admitKnown(options, known, request);
    if ('kind' in record) return record;
    // What a person did while it was being stored counts.
    if (directory.agent(record.id)?.revokedAtMs !== null) return revoked(record.id);
    if (record.pendingSinceMs !== undefined) return pending(record);
    return {
      kind: 'admitted',
      agentId: record.id,
      stored: positionOf(options.intake, record),
      config: directory.workOf(record.id),
    };
  };
};

/**
 * The agent whose key it is. One that was ended before it heard that its key was changed comes with the old one, and proves the new one again.
 */
export const recordOf = (directory: Directory, { hello, newPublicKey }: AdmissionRequest): AgentRecord | null =>
  directory.agentByKey(hello.publicKey) ?? (newPublicKey === null ? null : directory.agentByKey(newPublicKey));

const refused = (code: RefusalCode, message: string): Admission => ({ kind: 'refused', code, message });

const revoked = (id: AgentId): Admission => refused('AGENT_REVOKED', `the key of agent ${id} was revoked`);

const pending = ({ id, publicKey }: AgentRecord): Admission =>
  refused(
    'APPROVAL_PENDING',
    `agent ${id} (key ${fingerprintOf(publicKey)}) is registered and waits for approval; it tries again by itself`,
  );

const positionOf = (intake: Intake, record: AgentRecord) => {
  const position = intake.positions.get(record.id);
  return position === undefined ? null : { bootId: position.bootId, seq: position.seq };
};

/** What a hello says of the host. */
const factsOf = (hello: Hello, address: string, atMs: number) => ({
  hostname: hello.hostname,
  platform: hello.platform,
  architecture: hello.architecture,
  agentVersion: hello.agentVersion,
  lastSeenAtMs: atMs,
  lastAddress: address,
});

/** A token buys only what it was made for; nothing of the try is stored. */
class OutsideScope extends Error {}

/**
 * What is declared of the id and is not what the token vouches for, in words; null when they agree. Whoever has a token of one zone must not become
 * an agent that another zone is declared to have: it would be given that zone's checks, and be believed.
 */
const outsideScope = (declaration: Declaration, id: AgentId, token: Pick<JoinToken, 'zoneId' | 'labels'>): string | null => {
  const declared = declaration.agents.find((agent) => agent.id === id);
  if (declared === undefined) return null;
  const zoneId = declared.zoneId ?? declaration.assets.find((asset) => asset.id === declared.assetId)?.zoneId ?? null;
  if (token.zoneId !== null && zoneId !== null && token.zoneId !== zoneId)
    return `agent ${id} is declared in zone ${zoneId}; this join token is for zone ${token.zoneId}`;
  const [label] = Object.entries(token.labels).filter(([name, value]) => (declared.labels[name] ?? value) !== value);
  if (label === undefined) return null;
  const [name, value] = label;
  return `agent ${id} is declared with the label ${name}="${declared.labels[name]}"; this join token is for ${name}="${value}"`;
};

const enrol = async (
  { store, directory, clock, log, reconfigure, idsInUse }: AdmissionOptions,
  failures: FailureLimit,
  { hello, joinToken, wantedId, newPublicKey, address }: AdmissionRequest,
): Promise<AgentRecord | Admission> => {
  if (joinToken === null) return refused('AGENT_UNKNOWN', 'this key is not registered here; give the agent a join token');
  if (failures.waitMs(address) > 0)
    return refused('RATE_LIMITED', `too many tries to enrol failed from ${address}; it may try again soon`);
  const atMs = clock.nowMs();
  // The id of a revoked agent stays its own: what was recorded under it must not be continued by another.
  const isTaken = (id: string): boolean => idsInUse.has(id) || directory.agent(asId(id)) !== null;
  let takenId: AgentId | null = null;
  const takeId = (token: JoinToken): AgentId => {
    const id = idForAgent(hello, wantedId, isTaken);
    const problem = outsideScope(directory.declaration, id, token);
    if (problem !== null) throw new OutsideScope(problem);
    idsInUse.add(id);
    takenId = id;
    return id;
  };
  let record: AgentRecord | null;
  try {
    record = await store.enrol(tokenHash(joinToken), atMs, (token) => ({
      id: takeId(token),
      publicKey: newPublicKey ?? hello.publicKey,
      zoneId: token.zoneId,
      labels: token.labels,
      enrolledAtMs: atMs,
      revokedAtMs: null,
      ...(token.needsApproval ? { pendingSinceMs: atMs } : {}),
      ...factsOf(hello, address, atMs),
    }));
  } catch (error) {
    if (!(error instanceof OutsideScope)) throw error;
    failures.failed(address);
    log.warn({ address, hostname: hello.hostname }, `refused: ${error.message}`);
    return refused('JOIN_TOKEN_INVALID', `${error.message}; ask for a token that fits, or take another id`);
  } finally {
    // From here on the directory knows the id, or nobody has it.
    if (takenId !== null) idsInUse.delete(takenId);
  }
  if (record === null) {
    failures.failed(address);
    return refused('JOIN_TOKEN_INVALID', 'the join token is unknown, used up, expired or revoked; ask for a new one');
  }
  directory.setAgent(record);
  await reconfigure();
  const isPending = record.pendingSinceMs !== undefined;
  log.info({ agentId: record.id, hostname: hello.hostname, address, isPending }, 'agent enrolled');
  return record;
};

const admitKnown = async (
  { store, directory, clock, log, reconfigure }: AdmissionOptions,
  known: AgentRecord,
  { hello, newPublicKey, address }: AdmissionRequest,
): Promise<AgentRecord | Admission> => {
  if (known.revokedAtMs !== null) return revoked(known.id);
  const publicKey = newPublicKey ?? known.publicKey;
  const holder = directory.agentByKey(publicKey);
  if (holder !== null && holder.id !== known.id)
    return refused('AUTHENTICATION_FAILED', `the new key of agent ${known.id} is that of another agent`);
  const record = { ...known, publicKey, ...factsOf(hello, address, clock.nowMs()) };
  // The directory first, and the store in the order of the directory: a revocation that comes meanwhile is then not overwritten.
  directory.setAgent(record);
  await store.saveAgent(record);
  if (publicKey !== known.publicKey) log.info({ agentId: known.id, key: fingerprintOf(publicKey) }, 'agent changed its key');
  // Where the host can be asked for is part of the engine's configuration.
  if (record.lastAddress !== known.lastAddress) await reconfigure();
  return record;
};
