import type { NotificationId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { z } from 'zod';
import type { NoticeKind } from '../engine/effect.ts';
import type { Incident } from '../engine/incident.ts';

/** Names of what an incident is about, as declared; null for what is not declared (any more). */
export interface NoticeNames {
  readonly asset: string | null;
  readonly unit: string | null;
  readonly zone: string | null;
}

/** What a channel is asked to tell. The same notice is given again when a try did not succeed: the id lets the receiver see the repeat. */
export interface Notice {
  readonly id: NotificationId;
  readonly notice: NoticeKind;
  readonly incident: Incident;
  readonly names: NoticeNames;
  /** When it was decided. */
  readonly createdAtMs: EpochMs;
}

/**
 * What came of one try. `retry`: later may help (`afterMs`: not earlier than this); `mayHaveArrived` is false only when it is certain that the
 * receiver has not taken it. `failed`: this notice was refused and will never be taken. `disabled`: the receiver wants nothing any more from this
 * channel; a person must look. Texts hold no secrets.
 */
export type SendOutcome =
  | { readonly kind: 'sent'; readonly detail: string }
  | { readonly kind: 'retry'; readonly error: string; readonly mayHaveArrived: boolean; readonly afterMs?: number }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'disabled'; readonly error: string };

/** An open channel of one notifier. */
export interface Channel {
  /** Tries once. Never throws for what the network did; an abort of the signal is a `retry`. */
  send(notice: Notice, signal: AbortSignal): Promise<SendOutcome>;
}

/** What channels may use of the outside. */
export interface NotifyWorld {
  readonly log: NotifyLog;
  /** Text of a file the options name. @throws CONFIG_UNREADABLE naming the file */
  readFile(path: string): Promise<string>;
}
export interface NotifyLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A secret is the file's text without its last line end, which editors add. */
export const readSecret = async (world: NotifyWorld, path: string): Promise<string> =>
  (await world.readFile(path)).replace(/\r?\n$/, '');

/** One kind of channel: a file of this folder and a line in registry.ts. */
export interface NotifierKind {
  readonly kind: string;
  /** One sentence for the documents. */
  readonly summary: string;
  /** Strict; its defaults make parsing its own output give the same again. */
  readonly schema: z.ZodType;
  /**
   * Reads the files the options name and makes a channel; connects to nothing.
   * @param options as declared, output of the schema
   * @throws CONFIG_UNREADABLE for a secret's file
   */
  open(options: unknown, world: NotifyWorld): Promise<Channel>;
}

/** Ties a kind's schema to the function that takes its output, so that the registry can hold kinds of different options. */
export const defineNotifier = <Schema extends z.ZodType>(definition: {
  readonly kind: string;
  readonly summary: string;
  readonly schema: Schema;
  readonly open: (options: z.output<Schema>, world: NotifyWorld) => Promise<Channel>;
}): NotifierKind => ({
  ...definition,
  open: async (options, world) => definition.open(definition.schema.parse(options), world),
});
