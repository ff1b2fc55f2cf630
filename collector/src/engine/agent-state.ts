import type { AgentId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';

/** A question to another agent that is still open. */
export interface Question {
  readonly requestId: string;
  readonly askerId: AgentId;
  readonly askedAtMs: EpochMs;
  readonly dueAtMs: EpochMs;
}

/** What is known of the host of a lost agent. `asking`: nothing yet. `cannotTell`: there is nobody to ask. */
export type HostVerdict = 'asking' | 'reachable' | 'unreachable' | 'cannotTell';

/** A loss and the questions about it; replaced at each change. */
export interface Loss {
  readonly atMs: EpochMs;
  /** `away`: the collector itself was, and it did not come back since. */
  readonly cause: 'closed' | 'silent' | 'bye' | 'away';
  /** From when on its host is at fault: the loss, or, where nobody listened then, the first look at it afterwards. */
  readonly faultFromMs: EpochMs;
  /** Until then it may come back without anybody being told. */
  readonly graceEndsAtMs: EpochMs;
  readonly isGraceOver: boolean;
  /** Questions asked since the loss; the last part of their ids. */
  readonly questionCount: number;
  readonly question: Question | null;
  /** Questions of the present round whose time was over before an answer came. Left out where there were none since the loss. */
  readonly lateQuestions?: readonly Question[];
  /** Present round: who was asked, how many of them failed, and since when. */
  readonly askedIds: readonly AgentId[];
  readonly failedCount: number;
  readonly failedFromMs: EpochMs | null;
  readonly verdict: HostVerdict;
  /**
   * With `cannotTell` only: what the last answer about the host was, which nobody can renew; null: there was none since the loss. Left out
   * where it was stored before this was kept: not known.
   */
  readonly foundBefore?: 'reachable' | 'unreachable' | null;
  readonly verdictAtMs: EpochMs;
  /** When it was last looked at, or tried to. */
  readonly seenAtMs: EpochMs;
  /** Whether anybody reached the host since the loss: then it went down later than its agent. */
  readonly wasReachable: boolean;
  /** When the next round begins; null while one is under way. */
  readonly nextRoundAtMs: EpochMs | null;
}

/** An agent's connection, as it is stored. */
export interface AgentState {
  readonly id: AgentId;
  /** The run of the agent that was connected last. Left out where it was stored before runs were told apart. */
  readonly bootId?: number;
  readonly sinceMs: EpochMs;
  /** Connected, but nothing came from it for longer than a heartbeat takes. Left out where it was stored before this was told. */
  readonly isOverdue?: boolean;
  /** null while it is connected. */
  readonly loss: Loss | null;
}

/** Somebody else with an agent's key, as it is stored. */
export interface CloneState {
  readonly id: AgentId;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** Where the refused one came from last, and what it called its host. */
  readonly address: string;
  readonly hostname: string;
}
