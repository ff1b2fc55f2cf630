import { limits } from '@jiwei/shared/limits.ts';
import type { EngineEvent } from './event.ts';
import { note } from './incidents.ts';
import type { Turn } from './turn.ts';

type Attempt = Extract<EngineEvent, { kind: 'noticeTried' }>;

const fateOf = ({ outcome, tries, error, nextTryAtMs }: Attempt): string => {
  switch (outcome) {
    case 'sent':
      return `try ${tries}: sent`;
    case 'again':
      return `try ${tries}: ${error}; again at ${new Date(nextTryAtMs).toISOString()}`;
    case 'givenUp':
      return `no further try: ${error}`;
    default:
      return outcome satisfies never;
  }
};

/** Somebody was told, or was not: an entry of the incident's timeline. One that can no longer be reopened is closed and takes none. */
export const onNoticeTried = (turn: Turn, event: Attempt): void => {
  const record = turn.state.incidents.get(event.incidentId);
  if (record === undefined) return;
  const text = `${event.notice} over ${event.routeId}, ${fateOf(event)}`;
  note(turn, record, {
    kind: event.outcome === 'sent' ? 'notified' : 'notificationFailed',
    atMs: Math.min(event.triedAtMs, turn.nowMs),
    text: text.slice(0, limits.noteCharactersMax),
  });
};
