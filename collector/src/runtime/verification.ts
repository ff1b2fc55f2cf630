import type { Clock } from '@jiwei/shared/clock.ts';
import { messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import type { FastifyBaseLogger } from 'fastify';
import { schedule } from 'node-cron';
import type { Findings, Store } from '../store/port.ts';

/** What is to be known of it from outside. */
export interface VerificationCounters {
  /** All was read; so many damages were found. */
  storeVerified(atMs: number, damageCount: number): void;
}

interface VerificationOptions {
  readonly store: Pick<Store, 'verify'>;
  readonly clock: Clock;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'error'>;
  readonly counters: VerificationCounters;
}

/** Damages that one line of the log tells of. */
const toldMax = 5;

/** Looks at everything that is stored, and says what it found. It throws nothing: what cannot be looked at today is looked at tomorrow. */
export const verifyOnce = async ({ store, clock, log, counters }: VerificationOptions, stopped: AbortSignal): Promise<void> => {
  const fromMs = clock.monotonicMs();
  let findings: Findings;
  try {
    findings = await store.verify(AbortSignal.any([stopped, AbortSignal.timeout(limits.storeVerifyMsMax)]));
  } catch (error) {
    if (!stopped.aborted)
      log.error({ error: messageOf(error) }, 'what is stored could not be looked at for damage; it is tried again');
    return;
  }
  const { rows, damages, misfits } = findings;
  counters.storeVerified(clock.nowMs(), damageCountOf(findings));
  if (damages.length === 0) {
    const seconds = Math.round((clock.monotonicMs() - fromMs) / secondMs);
    log.info({ rows, seconds }, 'all that is stored was read: nothing is damaged');
    return;
  }
  log.error(
    { misfits, refused: damages.filter(({ hidesRows }) => hidesRows).map(({ table }) => table), damages: told(findings) },
    'what is stored is damaged: answers that need it are refused; stop the collector and restore the last backup (collector restore)',
  );
};

const damageCountOf = ({ damages, misfits }: Findings): number => damages.filter(({ hidesRows }) => hidesRows).length + misfits;

/** What hides others first. */
const told = ({ damages }: Findings): readonly string[] =>
  damages
    .toSorted((a, b) => Number(b.hidesRows) - Number(a.hidesRows))
    .slice(0, toldMax)
    .map(({ detail }) => detail);

/**
 * Soon after the start, which reads a large database only in part, and every night at 04:20 in China, after the old data went.
 * @returns stops it
 */
export const scheduleVerification = (options: VerificationOptions): (() => Promise<void>) => {
  const stopped = new AbortController();
  let running: Promise<void> | null = null;
  const verify = async (): Promise<void> => {
    running ??= verifyOnce(options, stopped.signal);
    await running;
    running = null;
  };
  const cancelFirst = options.clock.after(limits.storeFirstVerifyMs, () => void verify());
  const task = schedule('20 4 * * *', verify, { timezone: 'Asia/Shanghai', noOverlap: true });
  return async () => {
    cancelFirst();
    stopped.abort();
    await task.destroy();
    await running;
  };
};
