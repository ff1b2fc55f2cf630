import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import { encodeFrame, type NumberedFrameKind } from '@jiwei/shared/protocol/frame.ts';
import type { Series } from '@jiwei/shared/series.ts';
import type { Disk, DiskFile } from './disk.ts';
import { addLoss, gapBody, type Loss, lossOfFrame } from './gap.ts';
import { createLossBook, type LossBook, lossCauses } from './loss-book.ts';
import { type LossNote, type NotedLoss, openLossNote } from './loss-note.ts';
import { isUpTo, laterPosition } from './position.ts';
import { type OpeningReport, recoverSegments } from './recover.ts';
import { repairSegment } from './repair.ts';
import { framesAfter, type Segment } from './segment.ts';
import type { WrittenRecord } from './segment-writer.ts';
import { createShelf } from './shelf.ts';
import { createSpoolFiles } from './spool-files.ts';
import { createSpoolReader, type SpoolReader } from './spool-reader.ts';

export interface SpoolOptions {
  readonly disk: Disk;
  /** Larger than that of every frame already in the spool. */
  readonly bootId: number;
  /** The series of this boot in the order of their indexes; it may grow, never change. */
  readonly series: readonly Series[];
  /** Bytes of all files; past it the oldest file is dropped. At least four segments. */
  readonly bytesMax: number;
  /** Bytes kept in memory while the disk takes nothing; `limits.spoolMemoryBytesMax`. */
  readonly memoryBytesMax: number;
  /** Bytes of frames after which a new file is begun; `limits.spoolSegmentBytes`. */
  readonly segmentBytes: number;
  /** What an earlier boot knew to be lost and could not tell: told, durably, before `openSpool` resolves. */
  readonly loss?: Loss | null;
}

/** A frame before it has its number. */
export interface FrameDraft {
  readonly kind: Exclude<NumberedFrameKind, 'gap'>;
  readonly body: Uint8Array;
  /** Time of the data, for the report of a gap. */
  readonly atMs: number;
}

export interface SpoolCounts {
  /** Frames not yet acknowledged, and the bytes of the files that hold them. */
  readonly pendingFrames: number;
  readonly pendingBytes: number;
  /** Frames lost in this boot because the spool was full or the disk failed, and because files were damaged. */
  readonly droppedFrames: number;
  readonly damagedFrames: number;
}

/**
 * The frames that the collector has not yet acknowledged, on disk. What `append` returned survives the end of the process at any moment;
 * what `sync` returned also survives the end of the machine. Reading takes bounded memory however much waits.
 *
 * While the disk takes nothing, frames are kept in memory, so that a host whose disk is full is still seen. The end of the process then takes
 * those that were not acknowledged, and the next run tells how many.
 */
export interface Spool {
  /**
   * Numbers a frame and writes it.
   * @throws SPOOL_UNAVAILABLE when neither disk nor memory takes it; the frame is then lost, counted, and told in the next gap frame
   * @throws FRAME_INVALID when it is larger than a message may be
   */
  append(draft: FrameDraft): FramePosition;
  /** Everything up to the position may be forgotten; an older position than before changes nothing. */
  acknowledge(position: FramePosition): void;
  /**
   * Gives up one frame that the collector will not take, the first of those not acknowledged: it is counted as lost, told in a gap frame, and
   * not read again, not by a later run of the agent either.
   */
  setAside(position: FramePosition, frame: { readonly atMs: number; readonly bytes: number }): void;
  /** What would be lost if nothing of it were ever sent; null when everything is acknowledged. */
  unacknowledged(): Loss | null;
  /** Reads the frames after a position, in order, and goes on with those that are appended later. */
  read(after: FramePosition | null): SpoolReader;
  counts(): SpoolCounts;
  /** Whether the disk took nothing the last time, so that new frames are only in memory. */
  isInMemory(): boolean;
  /** Whether there are frames that are neither acknowledged nor surely on the disk. */
  needsSync(): boolean;
  sync(): Promise<void>;
  /** Notes what was acknowledged, syncs and closes. */
  close(): Promise<void>;
}

/**
 * Reads what earlier boots left, reports and mends what was damaged.
 * @throws SPOOL_UNAVAILABLE when the folder cannot be read or written
 */
export const openSpool = async (options: SpoolOptions): Promise<{ readonly spool: Spool; readonly report: OpeningReport }> => {
  try {
    const note = openLossNote(options.disk);
    const recovered = recoverSegments(options.disk);
    // A run that was killed left what it had not synced to the memory of the system, and nobody else sees to it.
    for (const { name } of recovered.segments) await options.disk.sync(name);
    const core = createSpool(options, recovered, note);
    for (const noted of note.read()) if (!isTold(noted, recovered.segments)) core.losses.add(lossOf(noted), noted.cause);
    const loss = addLoss(recovered.report.loss, options.loss ?? null);
    if (loss !== null) core.losses.add(loss, 'spool-damaged');
    core.tellLosses();
    // Told first and durably, mended second: a crash between the two tells it twice rather than never.
    await core.spool.sync();
    // What only memory tells is mended by a later run.
    if (core.spool.isInMemory()) return { spool: core.spool, report: recovered.report };
    // Telling it may have taken the room of the oldest file, which need not be mended then.
    const left = new Set(options.disk.list());
    for (const damaged of recovered.damaged)
      if (left.has(damaged.segment.name)) damaged.segment.sizeBytes = repairSegment(options.disk, damaged);
    core.dropAcknowledged();
    return { spool: core.spool, report: recovered.report };
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('SPOOL_UNAVAILABLE', `cannot open the spool: ${messageOf(error)}`, { cause: error });
  }
};

/** Whether the gap frame that was not sure to be on the disk is there. */
const isTold = ({ toldBy }: NotedLoss, segments: readonly Segment[]): boolean =>
  toldBy !== null && segments.some(({ bootId, gaps }) => bootId === toldBy.bootId && gaps.some(({ seq }) => seq === toldBy.seq));

const lossOf = ({ fromMs, toMs, frames, bytes }: NotedLoss): Loss => ({ fromMs, toMs, frames, bytes });

interface SpoolCore {
  readonly spool: Spool;
  readonly losses: LossBook;
  /** In frames of their own; as long as nothing takes one, in the note. */
  tellLosses(): void;
  dropAcknowledged(): void;
}

const createSpool = (options: SpoolOptions, recovered: ReturnType<typeof recoverSegments>, note: LossNote): SpoolCore => {
  const { bootId, series } = options;
  const files = createSpoolFiles(options.disk, options.memoryBytesMax);
  const unsynced = new Set<DiskFile>();
  const leaving = new Set<DiskFile>();
  let acknowledged = recovered.acknowledged;
  let nextSeq = 0;
  let setAside: readonly FramePosition[] = recovered.setAside.slice(-setAsideMax);
  let lastWritten: WrittenRecord | null = null;
  const shelf = createShelf({
    ...options,
    files,
    found: recovered.segments,
    nextIndex: recovered.nextIndex,
    acknowledged: () => acknowledged,
    losses: () => losses,
    onLeft: (file) => leaving.add(file),
  });
  const losses = createLossBook({ note, acknowledged: () => acknowledged, inMemory: shelf.lossInMemory });

  const write = (kind: NumberedFrameKind, body: Uint8Array, atMs: number, gaveUp: FramePosition | null = null): FramePosition => {
    const message = encodeFrame({ kind, bootId, seq: nextSeq, body });
    const current = shelf.writer() ?? shelf.writerFor(atMs);
    const needsSeries = kind === 'samples';
    if (needsSeries) current.nameSeries(series);
    lastWritten = current.writeFrame({ isGap: kind === 'gap', seq: nextSeq, atMs, needsSeries }, message, gaveUp);
    unsynced.add(current.file);
    nextSeq += 1;
    return { bootId, seq: nextSeq - 1 };
  };

  const tellLosses = (setAsideNow: FramePosition | null = null): void => {
    // Room for it may take the oldest file, and that loss belongs into it.
    if (shelf.writer() === null && lossCauses.some((cause) => losses.untold(cause) !== null)) shelf.writerFor(0);
    for (const cause of lossCauses) {
      const loss = losses.untold(cause);
      if (loss === null) continue;
      const position = write('gap', gapBody(loss, cause), loss.toMs, cause === 'spool-damaged' ? setAsideNow : null);
      losses.told(cause, position, !shelf.isInMemory());
      shelf.writer()?.segment.gaps.push({ seq: position.seq, loss });
    }
  };

  /** @throws the last of the system's errors when all that can be tried fails */
  const persevere = <Result>(act: () => Result): Result => {
    const failures: unknown[] = [];
    for (const prepare of shelf.preparations) {
      try {
        prepare(failures);
        return act();
      } catch (error) {
        if (error instanceof AppError) throw error;
        failures.push(error);
      }
    }
    shelf.leaveWriter();
    throw failures.at(-1);
  };

  const sync = async (): Promise<void> => {
    const waiting = [...unsynced];
    unsynced.clear();
    const left = [...leaving];
    const synced = losses.syncing();
    leaving.clear();
    try {
      await Promise.all(waiting.map((file) => file.sync()));
      synced();
      losses.keep();
    } finally {
      for (const file of left) file.close();
    }
  };

  const spool: Spool = {
    append: (draft) => {
      try {
        return persevere(() => {
          // A file that is full may drop others, and that loss is told before the frame that caused it.
          shelf.writerFor(draft.atMs);
          tellLosses();
          return write(draft.kind, draft.body, draft.atMs);
        });
      } catch (error) {
        if (error instanceof AppError) throw error;
        losses.add(lossOfFrame(draft.atMs, draft.body.length), 'spool-full');
        throw new AppError('SPOOL_UNAVAILABLE', `cannot write to the spool: ${messageOf(error)}`, { cause: error });
      } finally {
        losses.keep();
      }
    },
    acknowledge: (position) => {
      // A collector that acknowledges what was never written would make us forget what is.
      if (!isUpTo(position, { bootId, seq: nextSeq - 1 })) return;
      acknowledged = laterPosition(acknowledged, position);
      shelf.dropAcknowledged();
      losses.keep();
    },
    setAside: (position, { atMs, bytes }) => {
      setAside = [...setAside.slice(1 - setAsideMax), position];
      losses.add(lossOfFrame(atMs, bytes), 'spool-damaged');
      spool.acknowledge(position);
      // At once and in one piece with the mark that it is done with: else a run that is killed would leave it to be refused and told again.
      try {
        persevere(() => {
          shelf.writerFor(atMs);
          tellLosses(position);
        });
      } catch (error) {
        // Neither takes anything now: it is told with the next frame that is taken.
        if (error instanceof AppError) throw error;
      } finally {
        losses.keep();
      }
    },
    unacknowledged: () => shelf.lossWith(shelf.segments),
    read: (after) =>
      createSpoolReader({
        files,
        segments: shelf.segments,
        after,
        isSetAside: ({ bootId: boot, seq }) => setAside.some((one) => one.bootId === boot && one.seq === seq),
        isAcknowledged: (position) => isUpTo(position, acknowledged),
        onLoss: (loss) => losses.add(loss, 'spool-damaged'),
        lastWritten: () => lastWritten,
      }),
    counts: () => {
      const waiting = shelf.segments.filter((segment) => framesAfter(segment, acknowledged) > 0);
      return {
        pendingFrames: waiting.reduce((sum, segment) => sum + framesAfter(segment, acknowledged), 0),
        pendingBytes: waiting.reduce((sum, segment) => sum + segment.sizeBytes, 0),
        droppedFrames: losses.lostFrames('spool-full'),
        damagedFrames: losses.lostFrames('spool-damaged'),
      };
    },
    isInMemory: shelf.isInMemory,
    needsSync: () => unsynced.size > 0 && shelf.segments.some((segment) => framesAfter(segment, acknowledged) > 0),
    sync,
    close: async () => {
      const last = shelf.end();
      if (last !== null) unsynced.add(last);
      losses.keep();
      await sync();
    },
  };
  /** At the start, when nothing waits for it but the note of the run before. */
  const tellAtStart = (): void => {
    try {
      persevere(() => tellLosses());
    } finally {
      losses.keep();
    }
  };
  return { spool, losses, tellLosses: tellAtStart, dropAcknowledged: shelf.dropAcknowledged };
};

/** Remembered frames that were set aside: the collector's own position soon lies beyond the older ones. */
const setAsideMax = 100;
