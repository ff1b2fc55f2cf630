import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import type { InventoryBody } from '@jiwei/shared/protocol/control.ts';
import { hourMs, minuteMs, secondMs } from '@jiwei/shared/time.ts';
import { errorFields, type Log } from '../log.ts';
import type { FrameDraft } from '../spool/spool.ts';
import type { Stamps } from '../stamps.ts';

/** Hardware and software change rarely, and asking starts programs on some systems. */
const againMs = 12 * hourMs;
/** After the start, when there is less to do. */
const firstMs = 5 * secondMs;
const collectMsMax = 2 * minuteMs;

/** Tells what the host is: once per boot, and again when it has changed. */
export const createInventoryTeller = (options: {
  readonly inventory: ((signal: AbortSignal) => Promise<InventoryBody>) | null;
  readonly clock: Clock;
  readonly stamps: Stamps;
  readonly record: (draft: FrameDraft) => void;
  readonly log: Log;
}): { start(): void; stop(): void } => {
  const { inventory, clock, log } = options;
  let told = '';
  let cancelTimer: CancelTimer = () => undefined;
  const stopping = new AbortController();

  const ask = async (collect: NonNullable<typeof inventory>): Promise<void> => {
    const deadline = new AbortController();
    const cancelDeadline = clock.after(collectMsMax, () => deadline.abort(new Error(`no inventory within ${collectMsMax} ms`)));
    try {
      const text = JSON.stringify(await collect(AbortSignal.any([stopping.signal, deadline.signal])));
      if (text === told || stopping.signal.aborted) return;
      told = text;
      options.record({ kind: 'inventory', body: new TextEncoder().encode(text), atMs: options.stamps.nowMs() });
    } catch (error) {
      if (!stopping.signal.aborted) log.warn('the inventory of this host cannot be read', errorFields(error));
    } finally {
      cancelDeadline();
    }
  };

  const arm = (delayMs: number): void => {
    if (inventory === null || stopping.signal.aborted) return;
    cancelTimer = clock.after(delayMs, () => {
      void ask(inventory).then(() => arm(againMs));
    });
  };

  return {
    start: () => arm(firstMs),
    stop: () => {
      cancelTimer();
      stopping.abort(new Error('the agent stops'));
    },
  };
};
