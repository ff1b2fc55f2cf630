import { z } from 'zod';
import { messageOf } from './message.ts';
import { defineNotifier } from './notifier.ts';
import { wordingOptions } from './options.ts';

/** Writes notices into the collector's own log: needs nothing, reaches nobody outside. */
export const logNotifier = defineNotifier({
  kind: 'log',
  summary: "Writes each notice as one line into the collector's log, whatever its level.",
  schema: z.strictObject(wordingOptions),
  open: async (options, world) => ({
    send: async (notice) => {
      const { title, text } = messageOf(notice, options);
      const { id, notice: kind, incident } = notice;
      world.log.info({ notificationId: id, incidentId: incident.id, notice: kind, reason: incident.reason, text }, title);
      return { kind: 'sent', detail: 'written to the log' };
    },
  }),
});
