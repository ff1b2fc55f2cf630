import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { decodeHead, headBytes, recordHeaderBytes } from '@jiwei/agent/spool/record.ts';
import { segmentName } from '@jiwei/agent/spool/segment.ts';
import { openSpool } from '@jiwei/agent/spool/spool.ts';
import { openEnvelope } from '@jiwei/shared/protocol/envelope.ts';
import { frameKinds } from '@jiwei/shared/protocol/frame.ts';
import { encodeSamples } from '@jiwei/shared/protocol/samples.ts';
import { createMemoryDisk, type MemoryDisk } from '../../agent/memory-disk.ts';
import { type FuzzTarget, joinParts, partsOf } from '../target.ts';

/** Between two files of the folder. */
const separator = '\n~~file~~\n';
const series = ['甲', '乙'].map((name) => ({ family: { name: 'm', type: 'gauge', help: '' }, labels: [['a', name]] }) as const);
const row = encodeSamples([{ atMs: 5, indexes: Uint32Array.of(0, 1), values: Float64Array.of(1, 2) }]);

/** Files as two boots of an agent leave them: frames of several kinds, an acknowledgement, a loss, a torn end. */
const leftFiles = async (isTorn: boolean): Promise<Uint8Array> => {
  const disk = createMemoryDisk();
  for (const bootId of [1, 2]) {
    const loss = bootId === 2 ? { fromMs: 1, toMs: 2, frames: 3, bytes: 4 } : null;
    const { spool } = await openSpool({ disk, bootId, series, bytesMax: 1e6, memoryBytesMax: 1e5, segmentBytes: 200, loss });
    for (let seq = 0; seq < 4; seq += 1) {
      if (seq % 2 === 0) spool.append({ kind: 'samples', body: row, atMs: seq });
      else spool.append({ kind: 'results', body: Buffer.from('{"results":[]}'), atMs: seq });
    }
    if (bootId === 1) spool.acknowledge({ bootId, seq: 0 });
    if (bootId === 1 || !isTorn) await spool.close();
  }
  const files = [...disk.files].filter(([name]) => name.endsWith('.seg')).map(([, bytes]) => bytes);
  return joinParts(
    isTorn ? files.map((bytes, place) => (place === files.length - 1 ? bytes.subarray(0, -7) : bytes)) : files,
    separator,
  );
};

/** Makes the checksums of the head and of every record that can be walked right. */
const withChecksums = (bytes: Uint8Array): Uint8Array => {
  const file = Buffer.from(bytes);
  if (file.length < headBytes) return file;
  file.writeUInt32LE(crc32(file.subarray(0, 16)), 16);
  for (let at = headBytes; at + recordHeaderBytes <= file.length; ) {
    const payloadBytes = file.readUInt32LE(at + 4);
    const next = at + recordHeaderBytes + payloadBytes;
    if (next <= file.length) file.writeUInt32LE(crc32(file.subarray(at + recordHeaderBytes, next)), at + 28);
    file.writeUInt32LE(crc32(file.subarray(at, at + 32)), at + 32);
    at = next;
  }
  return file;
};

/** Frames of a boot later than ours come first; the collector tells such an agent to begin a later one. */
const hasLaterBoot = (disk: MemoryDisk): boolean => [...disk.files.values()].some((file) => (decodeHead(file) ?? 0) > ownBootId);
const ownBootId = 2 ** 52;

const open = async (disk: MemoryDisk) =>
  openSpool({ disk, bootId: 2 ** 52, series, bytesMax: 1e6, memoryBytesMax: 1e5, segmentBytes: 200, loss: null });

/** A spool folder with any bytes in its files: it opens, tells what was lost, and takes and gives frames as ever. */
export const target: FuzzTarget = {
  name: 'spool',
  corpus: [await leftFiles(false), await leftFiles(true), Buffer.alloc(0), Buffer.from('JWSPOOL1')],
  words: [
    'JWSPOOL1',
    '\u0001\0\0\0',
    '\u0002\0\0\0',
    '\u0003\0\0\0',
    '\u0004\0\0\0',
    '\u0005\0\0\0',
    '\0\0\0\0\0\0\0\0',
    '\u007f',
  ],
  inputBytesMax: 16_384,
  separator,
  // There is nothing to refuse: whatever the folder holds, the agent must start.
  refusals: [],
  workMax: 20_000,
  boundedInputs: 800,
  mend: (bytes) => joinParts(partsOf(bytes, separator).map(withChecksums), separator),
  run: async (bytes) => {
    const disk = createMemoryDisk(
      new Map(partsOf(bytes, separator).map((part, place) => [segmentName(place + 1), Buffer.from(part)])),
    );
    const { spool } = await open(disk);
    const position = spool.append({ kind: 'results', body: Buffer.from('{"results":[]}'), atMs: 1 });
    await spool.sync();
    let items = 0;
    let isOwnFound = false;
    const reader = spool.read(null);
    for (let item = reader.next(); item !== null; item = reader.next()) {
      items += 1;
      assert.ok(items <= bytes.length + 10, 'more items than bytes');
      // What is in a body with a right checksum is for the collector to judge; the envelope is what the spool says it is.
      const { kindByte, number } = openEnvelope(item.message);
      assert.equal(kindByte === frameKinds.dictionary, item.kind === 'dictionary');
      if (item.kind === 'frame') assert.equal(number, item.position.seq);
      if (item.kind === 'frame') isOwnFound ||= item.position.bootId === position.bootId && item.position.seq === position.seq;
    }
    assert.ok(isOwnFound || hasLaterBoot(disk), 'a frame that was appended is not read back');
    const { pendingFrames, damagedFrames } = spool.counts();
    assert.ok(pendingFrames >= 0 && damagedFrames >= 0 && Number.isSafeInteger(damagedFrames), 'counts that are no counts');
    await spool.close();
    // The damage was told and mended: the next start finds nothing new.
    const again = await openSpool({
      disk,
      bootId: 2 ** 52 + 1,
      series,
      bytesMax: 1e6,
      memoryBytesMax: 1e5,
      segmentBytes: 200,
      loss: null,
    });
    assert.equal(again.report.loss, null, 'a loss is told again at the next start');
    await again.spool.close();
    return items;
  },
};
