import { decodeDictionary, encodeDictionaries } from '@jiwei/shared/protocol/dictionary.ts';
import type { Series } from '@jiwei/shared/series.ts';
import type { Disk, DiskFile } from './disk.ts';
import { encodeHead, encodeRecord } from './record.ts';
import { emptySegment, noteFrame, type Segment } from './segment.ts';

/** The segment being written. After anything in it threw, it must be left and a new one begun: its file may end in half a record. */
export interface SegmentWriter {
  readonly segment: Segment;
  readonly file: DiskFile;
  /** Writes what `series` names beyond what the segment already names. */
  nameSeries(series: readonly Series[]): void;
  writeFrame(
    frame: { readonly isGap: boolean; readonly seq: number; readonly atMs: number; readonly needsSeries: boolean },
    message: Uint8Array,
  ): void;
  noteAcknowledged(position: { readonly bootId: number; readonly seq: number }): void;
  /** Marks the segment as complete; the file still has to be synced and closed. */
  end(): void;
}

/** Begins a new file. @throws the system's error when the disk does not take it */
export const createSegmentWriter = (disk: Disk, index: number, bootId: number): SegmentWriter => {
  const segment = emptySegment(index, bootId);
  const file = disk.create(segment.name);
  file.append(encodeHead(bootId));
  let seriesKnown = 0;
  const append = (bytes: Uint8Array): void => {
    file.append(bytes);
    segment.sizeBytes += bytes.length;
  };
  const nothing = new Uint8Array(0);
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
    writeFrame: (frame, message) => {
      const header = { number: frame.seq, time: frame.atMs, payloadBytes: message.length };
      append(
        encodeRecord(
          { ...header, type: frame.isGap ? 'gap' : 'frame', seriesCount: frame.needsSeries ? seriesKnown : 0 },
          message,
        ),
      );
      noteFrame(segment, header);
    },
    noteAcknowledged: ({ bootId: ackedBootId, seq }) =>
      append(encodeRecord({ type: 'acknowledged', number: ackedBootId, time: seq, seriesCount: 0 }, nothing)),
    end: () => append(endRecord({ firstSeq: segment.firstSeq, lastSeq: segment.lastSeq })),
  };
};

/** The record that closes a segment and says which frames it had. */
export const endRecord = (span: { readonly firstSeq: number; readonly lastSeq: number } | null): Uint8Array =>
  encodeRecord({ type: 'end', number: span?.lastSeq ?? -1, time: span?.firstSeq ?? -1, seriesCount: 0 }, new Uint8Array(0));
