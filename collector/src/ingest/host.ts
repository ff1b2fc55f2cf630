import type { CheckResult } from '@jiwei/shared/check.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import type { AgentProbe } from '@jiwei/shared/probes/registry.ts';
import type { AgentConfig, FramePosition, Hello } from '@jiwei/shared/protocol/control.ts';
import type { RefusalCode } from '@jiwei/shared/protocol/refusals.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { AgentSessionView } from '../runtime/service.ts';
import type { Delivery } from './delivery.ts';

export type Admission =
  | { readonly kind: 'admitted'; readonly agentId: AgentId; readonly stored: FramePosition | null; readonly config: AgentConfig }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string };

/** An agent whose key has proved itself. */
export interface AdmissionRequest {
  readonly hello: Hello;
  readonly joinToken: string | null;
  readonly wantedId: string | null;
  /** The key it is to have from now on; both keys agreed to it. */
  readonly newPublicKey: string | null;
  readonly address: string;
}

/** How an agent's connection ended. */
export interface LinkLoss {
  readonly cause: 'closed' | 'silent' | 'bye';
  /** From when on nothing is known of the agent. */
  readonly sinceMs: EpochMs;
}

/** Acknowledges one delivered frame to the connection it came on; a connection that is gone by then ignores it. */
export type Acknowledge = () => void;

/** What connections need of the rest of the collector (the runtime). Nothing here decides inside a socket callback: all of it queues. */
export interface IngestHost {
  /** The agent that holds the key which has proved itself; null for one that is not registered. */
  agentOf(request: AdmissionRequest): AgentId | null;
  admit(request: AdmissionRequest): Promise<Admission>;
  connected(agentId: AgentId, bootId: number): void;
  lost(agentId: AgentId, loss: LinkLoss): void;
  /** It has said nothing for longer than a heartbeat takes, or has spoken again. */
  overdue(agentId: AgentId, isOverdue: boolean): void;
  /** A second living holder of the agent's key was turned away. */
  cloned(agentId: AgentId, by: { readonly address: string; readonly hostname: string }): void;
  deliver(agentId: AgentId, delivery: Delivery, acknowledge: Acknowledge): void;
  probeAnswer(agentId: AgentId, requestId: string, result: CheckResult): void;
}

/** Fill of the writer's queue. */
export type Pressure = 'none' | 'half' | 'full';

/** What the runtime needs of the connections. */
export interface Links {
  sessions(): readonly AgentSessionView[];
  /** Does nothing when the agent is not connected or cannot answer: the question then runs into its deadline. */
  ask(agentId: AgentId, question: { readonly requestId: string; readonly probe: AgentProbe; readonly timeoutMs: number }): void;
  /** Asks the agent to change its key. */
  rekey(agentId: AgentId): void;
  configChanged(agentId: AgentId, config: AgentConfig): void;
  disconnect(agentId: AgentId, code: RefusalCode, message: string): void;
  /** How full the writer's queue is: links that fill it are not read from while it is `half`, none is while it is `full`. */
  setPressure(pressure: Pressure): void;
}
