import { createHash } from 'node:crypto';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import type { DeclaredNotifier } from '../registry/declaration.ts';
import type { Store } from '../store/port.ts';
import type { Channel, Notice, NotifierKind, NotifyWorld, SendOutcome } from './notifier.ts';

/** A declared notifier ready to be tried. */
export interface OpenNotifier {
  readonly id: string;
  readonly kind: string;
  send(notice: Notice, signal: AbortSignal): Promise<SendOutcome>;
}

type SettingStore = Pick<Store, 'setting' | 'saveSetting'>;

/** Where it is remembered that a receiver wanted nothing any more: with which options, and what it said. */
const settingOf = (id: string): string => `notifier.${id}.disabled`;

/**
 * Makes a notifier usable. Its files are read now; when that fails each try reads them again, so that a secret put in place later is enough.
 * One that its receiver disabled stays so, over restarts too, until its options change.
 */
export const openNotifier = async (
  declared: DeclaredNotifier,
  parts: { readonly kinds: readonly NotifierKind[]; readonly world: NotifyWorld; readonly store: SettingStore },
): Promise<OpenNotifier> => {
  const { kinds, world, store } = parts;
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([declared.kind, declared.options]))
    .digest('hex');
  let disabled = await readDisabled(store, declared.id, fingerprint);
  let channel: Channel | null = null;
  const open = async (): Promise<Channel> => {
    const kind = kinds.find((known) => known.kind === declared.kind);
    if (kind === undefined) throw new AppError('CONFIG_INVALID', `notify: there is no notifier of kind ${declared.kind}`);
    channel ??= await kind.open(declared.options, world);
    return channel;
  };
  await open().catch((thrown: unknown) => {
    world.log.error({ notifier: declared.id, error: messageOf(thrown) }, 'a notifier cannot be used yet');
  });
  return {
    id: declared.id,
    kind: declared.kind,
    send: async (notice, signal) => {
      if (disabled !== null) {
        return { kind: 'failed', error: `notifier ${declared.id} is disabled until its options are changed: ${disabled}` };
      }
      const outcome = await tryOnce(open, notice, signal);
      if (outcome.kind === 'disabled') {
        disabled = outcome.error;
        // Not stored, it would be asked once more after a restart, and say the same.
        await store.saveSetting(settingOf(declared.id), JSON.stringify([fingerprint, outcome.error])).catch((thrown: unknown) => {
          world.log.error({ notifier: declared.id, error: messageOf(thrown) }, 'that a notifier is disabled cannot be stored');
        });
        world.log.error({ notifier: declared.id, error: outcome.error }, 'a notifier was disabled by its receiver');
      }
      return outcome;
    },
  };
};

/** Whatever happens is an outcome: a defect of one channel must not stop the others, and costs tries, not notices. */
const tryOnce = async (open: () => Promise<Channel>, notice: Notice, signal: AbortSignal): Promise<SendOutcome> => {
  let channel: Channel | null = null;
  try {
    channel = await open();
    return await Promise.race([channel.send(notice, signal), untilAborted(signal)]);
  } catch (thrown) {
    // How far a channel with a defect got nobody knows; one that could not be opened sent nothing.
    return { kind: 'retry', error: messageOf(thrown), mayHaveArrived: channel !== null };
  }
};

/** One turn of the event loop after the abort: a channel that heeds it can say better how far it got. */
const untilAborted = (signal: AbortSignal): Promise<SendOutcome> => {
  const { promise, resolve } = Promise.withResolvers<SendOutcome>();
  const giveUp = (): void => resolve({ kind: 'retry', error: 'the try did not end in time', mayHaveArrived: true });
  const end = (): void => void setImmediate(giveUp);
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  return promise;
};

const readDisabled = async (store: SettingStore, id: string, fingerprint: string): Promise<string | null> => {
  const text = await store.setting(settingOf(id));
  if (text === null) return null;
  const saved: unknown = JSON.parse(text);
  return Array.isArray(saved) && saved[0] === fingerprint ? String(saved[1]) : null;
};
