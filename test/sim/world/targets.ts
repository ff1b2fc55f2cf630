import type { ProbeOutcome } from '@jiwei/agent/probes/probe.ts';
import type { Ask } from '@jiwei/agent/session/check-runner.ts';
import type { Clock } from '../../../shared/src/clock.ts';
import type { Plan, TargetState } from '../plan.ts';
import type { Random } from '../random.ts';
import type { Loop } from './loop.ts';

/** One asking of a check, as it truly was. */
export interface Asking {
  readonly number: number;
  readonly agent: string;
  readonly check: string;
  readonly askedAtMs: number;
  readonly outcome: ProbeOutcome['outcome'];
  /** When the agent had its answer; null while it has not. */
  answeredAtMs: number | null;
}

/** What the targets of all checks truly are, and every question that was put to them. */
export interface Targets {
  readonly askings: readonly Asking[];
  /** From now on every target is up. */
  mend(): void;
  /** How the agent's process asks. @param clock of the process: it dies with it */
  askOf(agent: string, clock: Clock): Ask;
}

const answers: Readonly<Record<TargetState, Omit<ProbeOutcome, 'latencyMs'>>> = {
  up: { outcome: 'up', reason: 'OK' },
  slow: { outcome: 'degraded', reason: 'SLOW' },
  down: { outcome: 'down', reason: 'CONNECTION_REFUSED' },
  hang: { outcome: 'down', reason: 'TIMEOUT' },
};

/** Host name under which a check's target is asked for. */
export const hostOfCheck = (check: string): string => `${check}.sim`;

/** @param isHostUp whether the machine at the address answers to others */
export const createTargets = (options: {
  readonly loop: Loop;
  readonly random: Random;
  readonly plan: Plan;
  readonly isHostUp: (address: string) => boolean;
}): Targets => {
  const { loop, random, plan } = options;
  const askings: Asking[] = [];
  const changesOf = Map.groupBy(
    plan.changes.toSorted((a, b) => a.atMs - b.atMs),
    (change) => change.check,
  );
  let mendedAtMs = Number.POSITIVE_INFINITY;
  const stateOf = (check: string): TargetState =>
    loop.nowMs() >= mendedAtMs ? 'up' : (changesOf.get(check)?.findLast((change) => change.atMs <= loop.nowMs())?.to ?? 'up');

  const latencyOf = (state: TargetState, timeoutMs: number): number =>
    state === 'hang' ? timeoutMs : state === 'slow' ? timeoutMs * 0.6 * (0.5 + random.next()) : 1 + random.next() * 30;

  return {
    askings,
    mend: () => {
      mendedAtMs = loop.nowMs();
    },
    askOf: (agent, clock) => (probe, timeoutMs) => {
      const after = (delayMs: number, answer: () => ProbeOutcome): Promise<ProbeOutcome> =>
        new Promise((resolve) => {
          clock.after(delayMs, () => resolve(answer()));
        });
      if (probe.kind === 'icmp') {
        const isUp = options.isHostUp(probe.spec.host);
        const latencyMs = isUp ? 2 : timeoutMs;
        const outcome: ProbeOutcome = isUp
          ? { outcome: 'up', reason: 'OK', latencyMs }
          : { outcome: 'down', reason: 'NO_REPLY', latencyMs: null };
        return after(latencyMs, () => outcome);
      }
      if (probe.kind !== 'tcp') throw new Error(`nobody simulates ${probe.kind}`);
      const check = probe.spec.host.slice(0, -'.sim'.length);
      const state = stateOf(check);
      const answer = answers[state];
      const asking: Asking = {
        number: askings.length,
        agent,
        check,
        askedAtMs: loop.nowMs(),
        outcome: answer.outcome,
        answeredAtMs: null,
      };
      askings.push(asking);
      const latencyMs = latencyOf(state, timeoutMs);
      return after(latencyMs, () => {
        asking.answeredAtMs = loop.nowMs();
        return { ...answer, latencyMs: answer.outcome === 'down' ? null : latencyMs, detail: `#${asking.number}` };
      });
    },
  };
};
