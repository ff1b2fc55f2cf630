import type { AgentId } from '@jiwei/shared/ids.ts';
import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import type { FastifyBaseLogger } from 'fastify';
import type { Delivery } from '../ingest/delivery.ts';
import type { Store } from '../store/port.ts';

/** So often may one frame stop the process; then it is parked: kept in the log, but no longer shown to the engine. */
const crashesMax = 3;
/** Frames remembered; the oldest are forgotten first. */
const crashesKept = 100;
const settingName = 'crashes';

/** A delivery with its sender. */
export interface Guarded {
  readonly agentId: AgentId;
  readonly delivery: Delivery;
}

/** Stands for a frame of which only the batch is known. */
const someFrame = 'some frame';

/**
 * A bug that one frame sets off would stop the collector again at every restart, because the frame was never acknowledged. The guard
 * counts such stops in the store and lets the collector live on without that frame's meaning.
 */
export interface CrashGuard {
  /** Whether a frame that stops the collector is being looked for: then each must be dealt with alone, so that it is seen which one it is. */
  isWatching(): boolean;
  /** Whether the delivery is parked: then it means nothing any more. */
  isParked(agentId: AgentId, delivery: Delivery): boolean;
  /** Runs `work`, which deals with these deliveries. What it throws is recorded and thrown on. */
  during(deliveries: readonly Guarded[], work: () => void): void;
  /** Resolves when the crash that was thrown on is stored; to be awaited before the process ends. */
  settled(): Promise<void>;
}

/** Reads the crashes counted so far. */
export const openCrashGuard = async (store: Store, log: FastifyBaseLogger, onParked: () => void): Promise<CrashGuard> => {
  const crashes = readCrashes(await store.setting(settingName));
  let saving: Promise<void> = Promise.resolve();
  const note = (deliveries: readonly Guarded[]): void => {
    const [first] = deliveries;
    const key =
      deliveries.length === 1 && first !== undefined && first.delivery.kind !== 'dictionary'
        ? keyOf(first.agentId, first.delivery)
        : someFrame;
    const count = (crashes.get(key) ?? 0) + 1;
    crashes.set(key, count);
    // The one that was looked for is found.
    if (count >= crashesMax) crashes.delete(someFrame);
    saving = store.saveSetting(settingName, JSON.stringify([...crashes].slice(-crashesKept)));
  };
  return {
    isWatching: () => [...crashes.values()].some((count) => count < crashesMax),
    isParked: (agentId, delivery) => {
      // Nearly always nothing ever crashed, and then the key is not even made: frames come by the thousand.
      if (crashes.size === 0 || delivery.kind === 'dictionary') return false;
      if ((crashes.get(keyOf(agentId, delivery)) ?? 0) < crashesMax) return false;
      onParked();
      log.error(
        { agentId, bootId: delivery.bootId, seq: delivery.seq },
        `a frame stopped the collector ${crashesMax} times and is parked`,
      );
      return true;
    },
    during: (deliveries, work) => {
      try {
        work();
      } catch (error) {
        note(deliveries);
        throw error;
      }
    },
    settled: () => saving,
  };
};

const keyOf = (agentId: AgentId, { bootId, seq }: FramePosition): string => `${agentId} ${bootId} ${seq}`;

const readCrashes = (text: string | null): Map<string, number> => {
  if (text === null) return new Map();
  const entries: unknown = JSON.parse(text);
  if (!Array.isArray(entries)) return new Map();
  return new Map(
    entries.filter(
      (entry): entry is [string, number] => Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number',
    ),
  );
};
