import { z } from 'zod';
import { defineNotifier, type NotifierKind, type SendOutcome } from '../../../collector/src/notify/notifier.ts';
import type { Clock } from '../../../shared/src/clock.ts';
import type { PlannedFault } from '../plan.ts';
import type { Random } from '../random.ts';
import type { Loop } from './loop.ts';

/** `well`; nobody listens; the notice is taken and the sender hung up on; the notice is taken in and lost on the way. */
type ChannelState = 'well' | Extract<PlannedFault, { kind: 'channelDown' }>['how'];

/** One try to tell people. Instants are true ms. */
export interface Try {
  readonly id: string;
  readonly notice: string;
  readonly beganAtMs: number;
  /** By the collector's clock. */
  readonly saidAtMs: number;
  /** When people got it; null when they did not. */
  readonly arrivedAtMs: number | null;
  /** As far as the collector can know: it heard a clear no, and has put it down. */
  readonly isRefused: boolean;
}

/** A channel to people that takes its time, and sometimes takes nothing. */
export interface People {
  channel: ChannelState;
  /** Done once, when the next try is where it goes, before anything comes back. */
  fatalTry: (() => void) | null;
  /** In the order in which they began. */
  readonly tries: readonly Try[];
  /** The collector has put down what came of the last try of the notice. */
  putDown(id: string): void;
  kindFor(clock: Clock): NotifierKind;
}

const answers: Readonly<Record<ChannelState, SendOutcome>> = {
  well: { kind: 'sent', detail: 'sim' },
  refuses: { kind: 'retry', error: 'unreachable', mayHaveArrived: false },
  hangsUp: { kind: 'retry', error: 'hung up', mayHaveArrived: true },
  swallows: { kind: 'retry', error: 'silent', mayHaveArrived: true },
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export const createPeople = (loop: Loop, random: Random): People => {
  const tries: Mutable<Try>[] = [];
  const refused = new Map<string, Mutable<Try>>();
  const people: People = {
    channel: 'well',
    fatalTry: null,
    tries,
    putDown: (id) => {
      const made = refused.get(id);
      if (made !== undefined) made.isRefused = true;
      refused.delete(id);
    },
    kindFor: (clock) =>
      defineNotifier({
        kind: 'log',
        summary: 'A simulated channel.',
        schema: z.object({}),
        open: async () => ({
          send: ({ id, notice }) => {
            const { promise, resolve } = Promise.withResolvers<SendOutcome>();
            const thereMs = 10 + random.next() * 100;
            const backMs = 10 + random.next() * 100;
            const made = { id, notice, beganAtMs: loop.nowMs(), saidAtMs: clock.nowMs(), arrivedAtMs: null, isRefused: false };
            const own: Mutable<Try> = made;
            tries.push(own);
            refused.delete(id);
            // What has left goes its way, also when the collector dies meanwhile; the answer then finds nobody.
            loop.at(loop.nowMs() + thereMs, () => {
              if (people.channel === 'well' || people.channel === 'hangsUp') own.arrivedAtMs = loop.nowMs();
              const answer = answers[people.channel];
              const { fatalTry } = people;
              people.fatalTry = null;
              fatalTry?.();
              clock.after(backMs, () => {
                if (answer.kind === 'retry' && !answer.mayHaveArrived) refused.set(id, own);
                resolve(answer);
              });
            });
            return promise;
          },
        }),
      }),
  };
  return people;
};
