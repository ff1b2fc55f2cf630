import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import type { FramePosition, GapBody } from '@jiwei/shared/protocol/control.ts';
import { encodeFrame, type NumberedFrameKind } from '@jiwei/shared/protocol/frame.ts';
import type { Series } from '@jiwei/shared/series.ts';
import type { Disk, DiskFile } from './disk.ts';
import { addLoss, gapBody, type Loss, lossOfFrame } from './gap.ts';
import { isUpTo, laterPosition } from './position.ts';
import { type OpeningReport, recoverSegments } from './recover.ts';
import { repairSegment } from './repair.ts';
import { framesAfter, lossOfSegment, type Segment } from './segment.ts';
import { createSegmentWriter, type SegmentWriter, type WrittenRecord } from './segment-writer.ts';
import { createSpoolReader, type SpoolReader } from './spool-reader.ts';

export interface SpoolOptions {
  readonly disk: Disk;
  /** Larger than that of every frame already in the spool. */
  readonly bootId: number;
  /** The series of this boot in the order of their indexes; it may grow, never change. */
  readonly series: readonly Series[];
  /** Bytes of all files; past it the oldest file is dropped. At least four segments. */
  readonly bytesMax: number;
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
 */
export interface Spool {
  /**
   * Numbers a frame and writes it.
   * @throws SPOOL_UNAVAILABLE when the disk does not take it; the frame is then lost, counted, and told in the next gap frame
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
    const recovered = recoverSegments(options.disk);
    const core = createSpool(options, recovered);
    const loss = addLoss(recovered.report.loss, options.loss ?? null);
    if (loss !== null) {
      core.noteLoss(loss, 'spool-damaged');
      core.tellLosses();
      // Told first and durably, mended second: a crash between the two tells it twice rather than never.
      await core.spool.sync();
    }
    for (const damaged of recovered.damaged) damaged.segment.sizeBytes = repairSegment(options.disk, damaged);
    core.dropAcknowledged();
    return { spool: core.spool, report: recovered.report };
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('SPOOL_UNAVAILABLE', `cannot open the spool: ${messageOf(error)}`, { cause: error });
  }
};

interface SpoolCore {
  readonly spool: Spool;
  noteLoss(loss: Loss, cause: GapBody['cause']): void;
  tellLosses(): void;
  dropAcknowledged(): void;
}

const createSpool = (options: SpoolOptions, recovered: ReturnType<typeof recoverSegments>): SpoolCore => {
  const { disk, bootId, series } = options;
  /** Oldest first; the one being written is the last. */
  const segments: Segment[] = [...recovered.segments];
  const untold: Record<GapBody['cause'], Loss | null> = { 'spool-full': null, 'spool-damaged': null };
  const lostFrames: Record<GapBody['cause'], number> = { 'spool-full': 0, 'spool-damaged': 0 };
  const unsynced = new Set<DiskFile>();
  const leaving = new Set<DiskFile>();
  let writer: SegmentWriter | null = null;
  let acknowledged = recovered.acknowledged;
  let nextIndex = recovered.nextIndex;
  let nextSeq = 0;
  let setAside: readonly FramePosition[] = recovered.setAside.slice(-setAsideMax);
  let lastWritten: WrittenRecord | null = null;

  const noteLoss = (loss: Loss, cause: GapBody['cause']): void => {
    untold[cause] = addLoss(untold[cause], loss);
    lostFrames[cause] += loss.frames;
  };

  const removeSegment = (segment: Segment): void => {
    disk.remove(segment.name);
    segments.splice(segments.indexOf(segment), 1);
  };

  /** From the front only: an empty file between two others tells that what is missing there was told already. */
  const dropAcknowledged = (): void => {
    for (let first = segments[0]; first !== undefined && first !== writer?.segment; first = segments[0]) {
      if (framesAfter(first, acknowledged) > 0) return;
      removeSegment(first);
    }
  };

  /** Gives up the oldest file. @returns false when there is none but the one being written */
  const dropOldest = (): boolean => {
    const oldest = segments[0];
    if (oldest === undefined || oldest === writer?.segment) return false;
    const { own, told } = lossOfSegment(oldest, acknowledged);
    if (own !== null) noteLoss(own, 'spool-full');
    // What its gap frames would have told is still true, and was counted when it was first noted.
    for (const loss of told) untold['spool-full'] = addLoss(untold['spool-full'], loss);
    removeSegment(oldest);
    return true;
  };

  const usedBytes = (): number => segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);

  const leaveWriter = (): void => {
    if (writer !== null) leaving.add(writer.file);
    writer = null;
  };

  const writerFor = (): SegmentWriter => {
    if (writer !== null && writer.segment.frameBytes >= options.segmentBytes) {
      if (acknowledged !== null) writer.noteAcknowledged(acknowledged);
      writer.end();
      leaveWriter();
      dropAcknowledged();
    }
    while (usedBytes() + options.segmentBytes > options.bytesMax && dropOldest());
    if (writer === null) {
      nextIndex += 1;
      writer = createSegmentWriter(disk, nextIndex - 1, bootId);
      segments.push(writer.segment);
    }
    return writer;
  };

  const write = (kind: NumberedFrameKind, body: Uint8Array, atMs: number, gaveUp: FramePosition | null = null): FramePosition => {
    const message = encodeFrame({ kind, bootId, seq: nextSeq, body });
    const current = writerFor();
    const needsSeries = kind === 'samples';
    if (needsSeries) current.nameSeries(series);
    lastWritten = current.writeFrame({ isGap: kind === 'gap', seq: nextSeq, atMs, needsSeries }, message, gaveUp);
    unsynced.add(current.file);
    nextSeq += 1;
    return { bootId, seq: nextSeq - 1 };
  };

  const tellLosses = (setAsideNow: FramePosition | null = null): void => {
    for (const cause of ['spool-full', 'spool-damaged'] as const) {
      const loss = untold[cause];
      if (loss === null) continue;
      const { seq } = write('gap', gapBody(loss, cause), loss.toMs, cause === 'spool-damaged' ? setAsideNow : null);
      untold[cause] = null;
      writer?.segment.gaps.push({ seq, loss });
    }
  };

  /** A file that failed is left. Before a frame is given up, it is tried in a new one, on a full disk after giving up the oldest. */
  const tryTwice = <Result>(act: () => Result): Result => {
    try {
      return act();
    } catch (error) {
      if (error instanceof AppError) throw error;
      leaveWriter();
      if (isDiskFull(error)) dropOldest();
      return act();
    }
  };

  const sync = async (): Promise<void> => {
    const files = [...unsynced];
    unsynced.clear();
    const left = [...leaving];
    leaving.clear();
    try {
      await Promise.all(files.map((file) => file.sync()));
    } finally {
      for (const file of left) file.close();
    }
  };

  const spool: Spool = {
    append: (draft) => {
      try {
        return tryTwice(() => {
          // A file that is full may drop others, and that loss is told before the frame that caused it.
          writerFor();
          tellLosses();
          return write(draft.kind, draft.body, draft.atMs);
        });
      } catch (error) {
        if (error instanceof AppError) throw error;
        leaveWriter();
        noteLoss(lossOfFrame(draft.atMs, draft.body.length), 'spool-full');
        throw new AppError('SPOOL_UNAVAILABLE', `cannot write to the spool: ${messageOf(error)}`, { cause: error });
      }
    },
    acknowledge: (position) => {
      // A collector that acknowledges what was never written would make us forget what is.
      if (!isUpTo(position, { bootId, seq: nextSeq - 1 })) return;
      acknowledged = laterPosition(acknowledged, position);
      dropAcknowledged();
    },
    setAside: (position, { atMs, bytes }) => {
      setAside = [...setAside.slice(1 - setAsideMax), position];
      noteLoss(lossOfFrame(atMs, bytes), 'spool-damaged');
      spool.acknowledge(position);
      // At once and in one piece with the mark that it is done with: else a run that is killed would leave it to be refused and told again.
      try {
        tryTwice(() => {
          writerFor();
          tellLosses(position);
        });
      } catch (error) {
        if (error instanceof AppError) throw error;
        // The disk takes nothing now: it is told with the next frame that it takes.
        leaveWriter();
      }
    },
    unacknowledged: () => {
      let loss: Loss | null = null;
      for (const segment of segments) {
        const { own, told } = lossOfSegment(segment, acknowledged);
        for (const part of [own, ...told]) loss = addLoss(loss, part);
      }
      return loss;
    },
    read: (after) =>
      createSpoolReader({
        disk,
        segments,
        after,
        isSetAside: ({ bootId: boot, seq }) => setAside.some((one) => one.bootId === boot && one.seq === seq),
        isAcknowledged: (position) => isUpTo(position, acknowledged),
        onLoss: (loss) => noteLoss(loss, 'spool-damaged'),
        lastWritten: () => lastWritten,
      }),
    counts: () => {
      const waiting = segments.filter((segment) => framesAfter(segment, acknowledged) > 0);
      return {
        pendingFrames: waiting.reduce((sum, segment) => sum + framesAfter(segment, acknowledged), 0),
        pendingBytes: waiting.reduce((sum, segment) => sum + segment.sizeBytes, 0),
        droppedFrames: lostFrames['spool-full'],
        damagedFrames: lostFrames['spool-damaged'],
      };
    },
    needsSync: () => unsynced.size > 0 && segments.some((segment) => framesAfter(segment, acknowledged) > 0),
    sync,
    close: async () => {
      if (writer !== null) {
        if (acknowledged !== null) writer.noteAcknowledged(acknowledged);
        writer.end();
        unsynced.add(writer.file);
        leaveWriter();
      }
      await sync();
    },
  };
  return { spool, noteLoss, tellLosses, dropAcknowledged };
};

/** Remembered frames that were set aside: the collector's own position soon lies beyond the older ones. */
const setAsideMax = 100;

const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
