import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { EngineEvent, NoticesOverWhy } from './event.ts';
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

type Over = Extract<EngineEvent, { kind: 'noticesOver' }>;

const overTexts: Readonly<Record<NoticesOverWhy, string>> = {
  untold: 'it was over before anybody could be told',
  endTold: 'it is over, and its end is told',
  due: 'the response is due by now',
};

/** How long it could not be told, and why; also when the collector did not get to try it. */
const hindranceOf = ({ waitedFromMs, tries, error }: Over, nowMs: EpochMs): string => {
  const span = `from ${new Date(waitedFromMs).toISOString()} to ${new Date(nowMs).toISOString()}`;
  if (tries === 0) return `not tried ${span}`;
  return `${tries === 1 ? 'one try' : `${tries} tries`} in vain ${span}${error === null ? '' : `, the last: ${error}`}`;
};

/** What can no longer be told in time is dropped, and its incident says so. */
export const onNoticesOver = (turn: Turn, event: Over): void => {
  turn.notices.push({ kind: 'dropNotices', ids: event.notices.map(({ id }) => id) });
  const record = turn.state.incidents.get(event.incidentId);
  if (record === undefined) return;
  const notices = event.notices.map(({ notice }) => notice).join(', ');
  const text = `${notices} over ${event.routeId}: ${overTexts[event.why]}; ${hindranceOf(event, turn.nowMs)}`;
  note(turn, record, { kind: 'notificationDropped', text: text.slice(0, limits.noteCharactersMax) });
};
