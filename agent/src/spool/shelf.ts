import { AppError } from '@jiwei/shared/errors.ts';
import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import { type DiskFile, isDiskFull } from './disk.ts';
import { addLoss, type Loss } from './gap.ts';
import type { LossBook } from './loss-book.ts';
import { framesAfter, lossOfSegment, type Segment } from './segment.ts';
import { createSegmentWriter, type FilePlace, type SegmentWriter } from './segment-writer.ts';
import type { SpoolFiles } from './spool-files.ts';

/** The segments of the spool: which there are, which is written, and which go to make room. */
export interface Shelf {
  /** Oldest first; the one being written is the last. */
  readonly segments: readonly Segment[];
  /** The file that is written; null when the next frame begins a new one. */
  writer(): SegmentWriter | null;
  /** Whether the file that is written is in memory. */
  isInMemory(): boolean;
  /**
   * The file for the next frame; may give up the oldest for it.
   * @param atMs of the data that is to be written
   * @throws the system's error when a new file is not taken
   */
  writerFor(atMs: number): SegmentWriter;
  /** The file that is written is done with: after something in it threw, it may end in half a record. */
  leaveWriter(): void;
  /** What is tried in turn before a frame is given up, each with what the tries before threw. */
  readonly preparations: readonly ((failures: readonly unknown[]) => void)[];
  /** Removes what is acknowledged, from the front. */
  dropAcknowledged(): void;
  /** Closes the last file in order and brings what memory has to the disk if that takes it. @returns the file that was closed */
  end(): DiskFile | null;
  /** What would be lost with the given segments: of their own, and what their gap frames tell. */
  lossWith(segments: Iterable<Segment>): Loss | null;
  /** What would be lost with the memory of this process. */
  lossInMemory(): Loss | null;
}

/** A file in memory is left after so many bytes of frames. */
const memorySegmentBytes = 64 * 1024;
/** By the times of the data, until a disk that took nothing is tried again. */
const diskRetryMs = 60_000;

/** The shelf with the segments that earlier boots left. */
export const createShelf = (options: {
  readonly files: SpoolFiles;
  readonly bootId: number;
  readonly bytesMax: number;
  readonly segmentBytes: number;
  readonly found: readonly Segment[];
  readonly nextIndex: number;
  readonly acknowledged: () => FramePosition | null;
  readonly losses: () => LossBook;
  /** A file that is no longer written, to be closed when it is synced. */
  readonly onLeft: (file: DiskFile) => void;
}): Shelf => {
  const { files, acknowledged, losses } = options;
  const segments: Segment[] = [...options.found];
  /** Oldest first. */
  const inMemory = new Set<Segment>();
  let writer: SegmentWriter | null = null;
  /** Where the next file is begun. */
  let nextPlace: FilePlace = 'disk';
  let { nextIndex } = options;
  let diskTriedAtMs = 0;

  const isInMemory = (): boolean => writer !== null && inMemory.has(writer.segment);

  const removeSegment = (segment: Segment): void => {
    segments.splice(segments.indexOf(segment), 1);
    inMemory.delete(segment);
    for (const { seq } of segment.gaps) losses().gapIsGone({ bootId: segment.bootId, seq });
    // Before the file is gone: killed in between, the next run tells what is still there rather than nothing.
    losses().keep();
    files.remove(segment.name);
  };

  /** From the front only: an empty file between two others tells that what is missing there was told already. */
  const dropAcknowledged = (): void => {
    for (let first = segments[0]; first !== undefined && first !== writer?.segment; first = segments[0]) {
      if (framesAfter(first, acknowledged()) > 0) return;
      removeSegment(first);
    }
  };

  /** Gives up the oldest file. @returns false when there is none but the one being written */
  const dropOldest = (): boolean => {
    const oldest = segments[0];
    if (oldest === undefined || oldest === writer?.segment) return false;
    const { own, told } = lossOfSegment(oldest, acknowledged());
    if (own !== null) losses().add(own, 'spool-full');
    // What its gap frames would have told is still true, and was counted when it was first noted.
    for (const loss of told) losses().tellAgain(loss);
    removeSegment(oldest);
    return true;
  };

  const usedBytes = (): number => segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);

  const leaveWriter = (): void => {
    if (writer !== null) options.onLeft(writer.file);
    writer = null;
  };

  const endWriter = (): void => {
    if (writer === null) return;
    const position = acknowledged();
    if (position !== null) writer.noteAcknowledged(position);
    writer.end();
    leaveWriter();
  };

  const isFull = ({ segment }: SegmentWriter): boolean =>
    segment.frameBytes >= (inMemory.has(segment) ? memorySegmentBytes : options.segmentBytes);

  /** Oldest first, so that no frames are missing between two files of a boot. @throws the system's error when the disk does not take all */
  const moveToDisk = (): void => {
    for (const segment of [...inMemory]) {
      files.moveToDisk(segment.name);
      inMemory.delete(segment);
    }
  };

  /** What memory holds, and all that comes, gets to the disk as soon as the disk takes things again. */
  const returnToDisk = (): void => {
    try {
      moveToDisk();
    } catch {
      return;
    }
    leaveWriter();
    dropAcknowledged();
  };

  const beginFile = (): SegmentWriter => {
    nextIndex += 1;
    const place = nextPlace;
    nextPlace = 'disk';
    if (place === 'disk') moveToDisk();
    const begun = createSegmentWriter({ files, index: nextIndex - 1, bootId: options.bootId, place });
    segments.push(begun.segment);
    if (place === 'memory') inMemory.add(begun.segment);
    return begun;
  };

  const beginAnew = (place: FilePlace): void => {
    leaveWriter();
    dropAcknowledged();
    nextPlace = place;
  };

  const lossWith = (some: Iterable<Segment>): Loss | null => {
    let loss: Loss | null = null;
    for (const segment of some) {
      const { own, told } = lossOfSegment(segment, acknowledged());
      loss = told.reduce(addLoss, addLoss(loss, own));
    }
    return loss;
  };

  return {
    segments,
    writer: () => writer,
    isInMemory,
    writerFor: (atMs) => {
      if (writer !== null && isFull(writer)) {
        endWriter();
        dropAcknowledged();
      }
      if (!isInMemory()) diskTriedAtMs = atMs;
      else if (Math.abs(atMs - diskTriedAtMs) >= diskRetryMs) {
        diskTriedAtMs = atMs;
        returnToDisk();
      }
      while (usedBytes() + options.segmentBytes > options.bytesMax && dropOldest());
      writer ??= beginFile();
      return writer;
    },
    leaveWriter,
    preparations: [
      () => undefined,
      () => beginAnew('disk'),
      () => beginAnew('memory'),
      // For room the oldest is given up; a disk that is broken gains none by that.
      ([, onDisk]) => {
        leaveWriter();
        if (isDiskFull(onDisk) || (segments[0] !== undefined && inMemory.has(segments[0]))) dropOldest();
        beginAnew('disk');
      },
      () => beginAnew('memory'),
    ],
    dropAcknowledged,
    end: () => {
      const file = writer?.file ?? null;
      try {
        endWriter();
      } catch (error) {
        // The last records only spare the next start some work: a disk that takes them no more must not keep what it took from being synced.
        if (error instanceof AppError) throw error;
        leaveWriter();
      }
      returnToDisk();
      return file;
    },
    lossWith,
    lossInMemory: () => lossWith(inMemory),
  };
};
