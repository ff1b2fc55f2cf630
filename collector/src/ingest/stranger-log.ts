import type { Clock } from '@jiwei/shared/clock.ts';
import type { RefusalCode } from '@jiwei/shared/protocol/refusals.ts';
import type { FastifyBaseLogger } from 'fastify';
import { createCrowdLog } from './crowd-log.ts';

/** Why the connection of somebody ended who had not been let in; `FAILED` is a fault of the connection itself. */
export type StrangerEnd = RefusalCode | 'FAILED';

/**
 * Tells of connections that ended before their welcome. Anybody can make them end a thousand times a second, so there is one line for each reason
 * in ten seconds at most, with how many they were, and address and message of the last.
 */
export const createStrangerLog = (
  clock: Pick<Clock, 'monotonicMs'>,
  log: Pick<FastifyBaseLogger, 'info' | 'warn'>,
): ((code: StrangerEnd, address: string, message: string) => void) => {
  /** By reason; there are no more of them than codes. */
  const notes = new Map<StrangerEnd, (last: readonly [address: string, message: string]) => void>();
  return (code, address, message) => {
    const note =
      notes.get(code) ??
      createCrowdLog<readonly [address: string, message: string]>(clock, (connections, [from, last]) =>
        // A stop is nobody's fault.
        log[code === 'SHUTTING_DOWN' ? 'info' : 'warn'](
          { code, connections, address: from },
          `connection ended before its welcome: ${last}`,
        ),
      );
    notes.set(code, note);
    note([address, message]);
  };
};
