import type { FramePosition, GapBody } from '@jiwei/shared/protocol/control.ts';
import { addLoss, type Loss } from './gap.ts';
import type { LossNote, NotedLoss } from './loss-note.ts';
import { isUpTo } from './position.ts';

export type LossCause = GapBody['cause'];

/** A loss that a gap frame tells which is on the disk, but perhaps not surely. */
interface ToldLoss {
  readonly loss: Loss;
  readonly cause: LossCause;
  readonly by: FramePosition;
}

/** What is lost: counted once, told once, and written down until the word of it is as safe as the frames are. */
export interface LossBook {
  /** Counts it, and has it told. */
  add(loss: Loss, cause: LossCause): void;
  /** Has it told again: the gap frame that told it is lost itself. */
  tellAgain(loss: Loss): void;
  untold(cause: LossCause): Loss | null;
  /** @param isOnDisk whether the gap frame is in a file that outlives the process */
  told(cause: LossCause, by: FramePosition, isOnDisk: boolean): void;
  /** The file with this gap frame is given up or done with: whether the disk is sure of it no longer matters. */
  gapIsGone(by: FramePosition): void;
  lostFrames(cause: LossCause): number;
  /** Before a sync begins; call what it returns when that succeeded. */
  syncing(): () => void;
  /** Brings the note up to date; it is written only when it changes. */
  keep(): void;
}

export const lossCauses = ['spool-full', 'spool-damaged'] as const satisfies readonly LossCause[];

/** Told and not yet synced; there are few in the second between two syncs. Of more, a power failure may take the word of the oldest. */
const toldMax = 16;

/** An empty book. Losses of an earlier run are added by whoever opens the spool. */
export const createLossBook = (options: {
  readonly note: LossNote;
  readonly acknowledged: () => FramePosition | null;
  /** What would be lost with the memory of this process. */
  readonly inMemory: () => Loss | null;
}): LossBook => {
  const untold: Record<LossCause, Loss | null> = { 'spool-full': null, 'spool-damaged': null };
  const lostFrames: Record<LossCause, number> = { 'spool-full': 0, 'spool-damaged': 0 };
  let told: readonly ToldLoss[] = [];

  const noted = (): readonly NotedLoss[] => {
    const full = addLoss(untold['spool-full'], options.inMemory());
    const waiting = { ...untold, 'spool-full': full };
    const unsure = told.filter(({ by }) => !isUpTo(by, options.acknowledged()));
    return [
      ...lossCauses.flatMap((cause) => (waiting[cause] === null ? [] : [{ ...waiting[cause], cause, toldBy: null }])),
      ...unsure.map(({ loss, cause, by }) => ({ ...loss, cause, toldBy: by })),
    ];
  };

  return {
    add: (loss, cause) => {
      untold[cause] = addLoss(untold[cause], loss);
      lostFrames[cause] += loss.frames;
    },
    tellAgain: (loss) => {
      untold['spool-full'] = addLoss(untold['spool-full'], loss);
    },
    untold: (cause) => untold[cause],
    told: (cause, by, isOnDisk) => {
      const loss = untold[cause];
      untold[cause] = null;
      if (loss !== null && isOnDisk) told = [...told.slice(1 - toldMax), { loss, cause, by }];
    },
    gapIsGone: ({ bootId, seq }) => {
      told = told.filter(({ by }) => by.bootId !== bootId || by.seq !== seq);
    },
    lostFrames: (cause) => lostFrames[cause],
    syncing: () => {
      const before = new Set(told);
      return () => {
        told = told.filter((one) => !before.has(one));
      };
    },
    keep: () => options.note.keep(noted()),
  };
};
