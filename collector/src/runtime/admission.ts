import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '@jiwei/shared/clock.ts';
import { type AgentId, asId } from '@jiwei/shared/ids.ts';
import type { Hello } from '@jiwei/shared/protocol/control.ts';
import type { FastifyBaseLogger } from 'fastify';
import type { Admission } from '../ingest/host.ts';
import type { AgentRecord, Store } from '../store/port.ts';
import { type Directory, idForAgent } from './directory.ts';
import type { Intake } from './intake.ts';

/** A join token as it is handed out; only its hash is stored. */
export const newJoinToken = (): string => `jw_${randomBytes(24).toString('base64url')}`;
/** SHA-256, hex. A token is random and long, so a plain hash cannot be guessed backwards. */
export const tokenHash = (token: string): string => createHash('sha256').update(token).digest('hex');

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
export const createAdmission =
  (options: AdmissionOptions) =>
  async (request: {
    readonly hello: Hello;
    readonly joinToken: string | null;
    readonly wantedId: string | null;
    readonly address: string;
  }): Promise<Admission> => {
    const known = options.directory.agentByKey(request.hello.publicKey);
    if (known?.revokedAtMs)
      return { kind: 'refused', code: 'AGENT_REVOKED', message: `the key of agent ${known.id} was revoked` };
    const record = known === null ? await enrol(options, request) : await refresh(options, known, request);
    if ('kind' in record) return record;
    return {
      kind: 'admitted',
      agentId: record.id,
      stored: positionOf(options.intake, record),
      config: options.directory.workOf(record.id),
    };
  };

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

const enrol = async (
  { store, directory, clock, log, reconfigure, idsInUse }: AdmissionOptions,
  request: {
    readonly hello: Hello;
    readonly joinToken: string | null;
    readonly wantedId: string | null;
    readonly address: string;
  },
): Promise<AgentRecord | Admission> => {
  const { hello, joinToken } = request;
  if (joinToken === null) {
    return { kind: 'refused', code: 'AGENT_UNKNOWN', message: 'this key is not registered here; give the agent a join token' };
  }
  const atMs = clock.nowMs();
  // The id of a revoked agent stays its own: what was recorded under it must not be continued by another.
  const isTaken = (id: string): boolean => idsInUse.has(id) || directory.agent(asId(id)) !== null;
  let takenId: AgentId | null = null;
  const takeId = (): AgentId => {
    const id = idForAgent(hello, request.wantedId, isTaken);
    idsInUse.add(id);
    takenId = id;
    return id;
  };
  let record: AgentRecord | null;
  try {
    record = await store.enrol(tokenHash(joinToken), atMs, (token) => ({
      id: takeId(),
      publicKey: hello.publicKey,
      zoneId: token.zoneId,
      labels: token.labels,
      enrolledAtMs: atMs,
      revokedAtMs: null,
      ...factsOf(hello, request.address, atMs),
    }));
  } finally {
    // From here on the directory knows the id, or nobody has it.
    if (takenId !== null) idsInUse.delete(takenId);
  }
  if (record === null)
    return {
      kind: 'refused',
      code: 'JOIN_TOKEN_INVALID',
      message: 'the join token is unknown, used up or expired; ask for a new one',
    };
  directory.setAgent(record);
  await reconfigure();
  log.info({ agentId: record.id, hostname: hello.hostname, address: request.address }, 'agent enrolled');
  return record;
};

const refresh = async (
  { store, directory, clock, reconfigure }: AdmissionOptions,
  known: AgentRecord,
  request: { readonly hello: Hello; readonly address: string },
): Promise<AgentRecord> => {
  const record = { ...known, ...factsOf(request.hello, request.address, clock.nowMs()) };
  directory.setAgent(record);
  await store.saveAgent(record);
  // Where the host can be asked for is part of the engine's configuration.
  if (record.lastAddress !== known.lastAddress) await reconfigure();
  return record;
};
