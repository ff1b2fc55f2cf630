import { z } from 'zod';
import { defineNotifier, type NotifierKind } from '../../../collector/src/notify/notifier.ts';
import type { Clock } from '../../../shared/src/clock.ts';
import type { Random } from '../random.ts';

/** What people received. */
export interface Received {
  readonly id: string;
  readonly notice: string;
  readonly incidentId: string;
}

/** A channel to people that takes its time, and sometimes takes nothing. */
export interface People {
  isUnreachable: boolean;
  readonly received: readonly Received[];
  kindFor(clock: Clock): NotifierKind;
}

export const createPeople = (random: Random): People => {
  const received: Received[] = [];
  const people: People = {
    isUnreachable: false,
    received,
    kindFor: (clock) =>
      defineNotifier({
        kind: 'log',
        summary: 'A simulated channel.',
        schema: z.object({}),
        open: async () => ({
          send: (notice) =>
            new Promise((resolve) => {
              clock.after(20 + random.next() * 200, () => {
                if (people.isUnreachable) return resolve({ kind: 'retry', error: 'unreachable', mayHaveArrived: false });
                received.push({ id: notice.id, notice: notice.notice, incidentId: notice.incident.id });
                resolve({ kind: 'sent', detail: 'sim' });
              });
            }),
        }),
      }),
  };
  return people;
};
