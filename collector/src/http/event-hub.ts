import type { ServerResponse } from 'node:http';
import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { CollectorService, LiveEvent } from '../runtime/service.ts';
import { liveEventBody } from './shapes/live-event.ts';

/** An event as it goes out: `text` is the whole server-sent event. */
interface KeptEvent {
  readonly number: number;
  readonly kind: LiveEvent['kind'];
  readonly text: string;
}

interface Stream {
  readonly response: ServerResponse;
  readonly kinds: ReadonlySet<string>;
}

/** Spreads live changes to event streams (WHATWG HTML, 9.2 Server-sent events). */
export interface EventHub {
  /** False when eventStreamsMax streams are open; nothing was done then. */
  open(response: ServerResponse, request: { readonly kinds: ReadonlySet<string>; readonly lastEventId: string | null }): boolean;
  readonly streamCount: number;
  /** Streams cut off because their reader was too slow. */
  readonly droppedCount: number;
  /** Ends all streams and stops listening. */
  close(): void;
}

const eventText = (id: string, kind: string, body: unknown): string =>
  `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify(body)}\n\n`;

/**
 * Keeps the last events in a ring, so that a stream that breaks for a moment goes on where it was. An id is `<epoch>-<number>`; an id of
 * another run of the collector, or older than the ring, is answered with a `reset` event: read everything again.
 * @param epoch differs from one run of the collector to the next
 */
export const createEventHub = (options: {
  readonly service: CollectorService;
  readonly clock: Clock;
  readonly epoch: string;
}): EventHub => {
  const { service, clock, epoch } = options;
  const streams = new Set<Stream>();
  const kept: KeptEvent[] = [];
  let lastNumber = 0;
  let droppedCount = 0;
  let cancelHeartbeat: CancelTimer = () => undefined;

  const write = (stream: Stream, text: string): void => {
    stream.response.write(text);
    if (stream.response.writableLength <= limits.eventStreamBytesMax) return;
    droppedCount += 1;
    streams.delete(stream);
    stream.response.destroy();
  };

  const stopListening = service.listen((event) => {
    lastNumber += 1;
    const text = eventText(`${epoch}-${lastNumber}`, event.kind, liveEventBody(event, service.view));
    kept.push({ number: lastNumber, kind: event.kind, text });
    // Cut in blocks: shifting one by one would move the whole ring at each event.
    if (kept.length >= 2 * limits.eventsKeptMax) kept.splice(0, kept.length - limits.eventsKeptMax);
    for (const stream of streams) if (stream.kinds.has(event.kind)) write(stream, text);
  });

  const beat = (): void => {
    for (const stream of streams) write(stream, ': still here\n\n');
    cancelHeartbeat = clock.after(limits.eventStreamHeartbeatMs, beat);
  };
  cancelHeartbeat = clock.after(limits.eventStreamHeartbeatMs, beat);

  /** Events missed since the id; null when they are no longer known. */
  const missedSince = (lastEventId: string): readonly KeptEvent[] | null => {
    const match = /^(.+)-(\d{1,15})$/.exec(lastEventId);
    const number = Number(match?.[2]);
    const firstKept = kept[0]?.number ?? lastNumber + 1;
    if (match?.[1] !== epoch || number > lastNumber || number < firstKept - 1) return null;
    return kept.filter((event) => event.number > number);
  };

  const greet = (stream: Stream, lastEventId: string | null): void => {
    const missed = lastEventId === null ? [] : missedSince(lastEventId);
    write(stream, 'retry: 2000\n\n');
    // Hello and reset carry the newest id, so that a stream that breaks before its first event still knows its place.
    const id = `${epoch}-${lastNumber}`;
    if (missed === null) write(stream, eventText(id, 'reset', { reason: 'events were missed; read everything again' }));
    else if (missed.length === 0) write(stream, eventText(id, 'hello', { startedAtMs: service.startedAtMs }));
    for (const event of missed ?? []) if (stream.kinds.has(event.kind)) write(stream, event.text);
  };

  return {
    open: (response, request) => {
      if (streams.size >= limits.eventStreamsMax) return false;
      const stream: Stream = { response, kinds: request.kinds };
      streams.add(stream);
      response.on('close', () => streams.delete(stream));
      greet(stream, request.lastEventId);
      return true;
    },
    get streamCount() {
      return streams.size;
    },
    get droppedCount() {
      return droppedCount;
    },
    close: () => {
      stopListening();
      cancelHeartbeat();
      for (const stream of streams) stream.response.end();
      streams.clear();
    },
  };
};
