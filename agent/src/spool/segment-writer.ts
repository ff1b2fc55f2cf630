import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import { decodeDictionary, encodeDictionaries } from '@jiwei/shared/protocol/dictionary.ts';
import type { Series } from '@jiwei/shared/series.ts';
import type { DiskFile } from './disk.ts';
import { encodeHead, encodeRecord } from './record.ts';
import { emptySegment, noteFrame, type Segment } from './segment.ts';
import type { SpoolFiles } from './spool-files.ts';

/** A record as it stands in its file. */
export interface WrittenRecord {
  readonly segment: Segment;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** The segment being written. After anything in it threw, it must be left and a new one begun: its file may end in half a record. */
export interface SegmentWriter {
  readonly segment: Segment;
  readonly file: DiskFile;
  /** Writes what `series` names beyond what the segment already names. */
  nameSeries(series: readonly Series[]): void;
  /** @param gaveUp frame that is done with by this one; noted in the same write, so that the end of the process leaves both or neither */
  writeFrame(
    frame: { readonly isGap: boolean; readonly seq: number; readonly atMs: number; readonly needsSeries: boolean },
    message: Uint8Array,
    gaveUp?: FramePosition | null,
  ): WrittenRecord;
  noteAcknowledged(position: FramePosition): void;
  /** Marks the segment as complete; the file still has to be synced and closed. */
  end(): void;
}

export type FilePlace = 'disk' | 'memory';

/** Begins a new file. @throws the system's error when it is not taken; then nothing of the file is left */
export const createSegmentWriter = (options: {
  readonly files: SpoolFiles;
  readonly index: number;
  readonly bootId: number;
  readonly place: FilePlace;
}): SegmentWriter => {
  const { files, bootId, place } = options;
  const segment = emptySegment(options.index, bootId);
  const file = place === 'disk' ? files.create(segment.name) : files.createInMemory(segment.name);
  try {
    file.append(encodeHead(bootId));
  } catch (error) {
    file.close();
    files.remove(segment.name);
    throw error;
  }
  let seriesKnown = 0;
  const append = (bytes: Uint8Array): void => {
    file.append(bytes);
    segment.sizeBytes += bytes.length;
  };
  return {
    segment,
    file,
    nameSeries: (series) => {
      if (seriesKnown >= series.length) return;
      for (const message of encodeDictionaries(bootId, seriesKnown, series.slice(seriesKnown))) {
        const seriesCount = seriesKnown + decodeDictionary(message).series.length;
        append(encodeRecord({ type: 'dictionary', number: seriesKnown, time: 0, seriesCount }, message));
        seriesKnown = seriesCount;
      }
    },
    writeFrame: (frame, message, gaveUp = null) => {
      const header = { number: frame.seq, time: frame.atMs, payloadBytes: message.length };
      const type = frame.isGap ? 'gap' : 'frame';
      const bytes = encodeRecord({ ...header, type, seriesCount: frame.needsSeries ? seriesKnown : 0 }, message);
      const offset = segment.sizeBytes;
      append(gaveUp === null ? bytes : Buffer.concat([bytes, acknowledgedRecord(gaveUp, true)]));
      noteFrame(segment, header);
      return { segment, offset, bytes };
    },
    noteAcknowledged: (position) => append(acknowledgedRecord(position, false)),
    end: () => append(endRecord({ firstSeq: segment.firstSeq, lastSeq: segment.lastSeq })),
  };
};

const acknowledgedRecord = ({ bootId, seq }: FramePosition, isGivenUp: boolean): Uint8Array =>
  encodeRecord({ type: 'acknowledged', number: bootId, time: seq, seriesCount: 0 }, new Uint8Array(isGivenUp ? 1 : 0));

/** The record that closes a segment and says which frames it had. */
export const endRecord = (span: { readonly firstSeq: number; readonly lastSeq: number } | null): Uint8Array =>
  encodeRecord({ type: 'end', number: span?.lastSeq ?? -1, time: span?.firstSeq ?? -1, seriesCount: 0 }, new Uint8Array(0));
