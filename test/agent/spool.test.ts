import { lossNoteName } from '@jiwei/agent/spool/loss-note.ts';
import { openSpool, type Spool } from '@jiwei/agent/spool/spool.ts';
import type { SpoolItem } from '@jiwei/agent/spool/spool-reader.ts';
import { type FramePosition, type GapBody, gapBodySchema } from '@jiwei/shared/protocol/control.ts';
import { decodeDictionary } from '@jiwei/shared/protocol/dictionary.ts';
import { decodeFrame } from '@jiwei/shared/protocol/frame.ts';
import { decodeSamples, encodeSamples } from '@jiwei/shared/protocol/samples.ts';
import type { Series } from '@jiwei/shared/series.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemoryDisk, type MemoryDisk } from './memory-disk.ts';

const seriesNamed = (name: string): Series => ({ family: { name, type: 'gauge', help: name }, labels: [] });

const open = async (
  disk: MemoryDisk,
  options: { bootId?: number; segmentBytes?: number; bytesMax?: number; memoryBytesMax?: number; series?: Series[] } = {},
) =>
  openSpool({
    disk,
    bootId: options.bootId ?? 1,
    series: options.series ?? [],
    segmentBytes: options.segmentBytes ?? 1_000_000,
    bytesMax: options.bytesMax ?? 100_000_000,
    memoryBytesMax: options.memoryBytesMax ?? 1_000_000,
  });

const appendText = (spool: Spool, text: string, atMs = 1_000): FramePosition =>
  spool.append({ kind: 'results', body: Buffer.from(text), atMs });

/** Names of the files with frames, oldest first. */
const segmentNames = (disk: MemoryDisk): string[] => [...disk.files.keys()].filter((name) => name.endsWith('.seg')).sort();

const readAll = (spool: Spool, after: FramePosition | null = null): SpoolItem[] => {
  const reader = spool.read(after);
  const items: SpoolItem[] = [];
  for (let item = reader.next(); item !== null; item = reader.next()) items.push(item);
  return items;
};

/** The frames as `bootId/seq`, and the sum of what gap frames tell, having checked that every samples frame can be decoded. */
const survey = (spool: Spool, after: FramePosition | null = null): { frames: string[]; lostFrames: number } => {
  const known = new Map<number, number>();
  const frames: string[] = [];
  let lostFrames = 0;
  for (const item of readAll(spool, after)) {
    if (item.kind === 'dictionary') {
      const { firstIndex, series } = decodeDictionary(item.message);
      expect(firstIndex).toBeLessThanOrEqual(known.get(item.bootId) ?? 0);
      known.set(item.bootId, Math.max(known.get(item.bootId) ?? 0, firstIndex + series.length));
      continue;
    }
    const frame = decodeFrame(item.message);
    if (frame.kind === 'dictionary') throw new Error('a dictionary stands as a frame');
    expect({ bootId: frame.bootId, seq: frame.seq }).toEqual(item.position);
    if (frame.kind === 'samples') {
      const last = decodeSamples(frame.body)[0]?.indexes.at(-1) ?? -1;
      expect(last).toBeLessThan(known.get(frame.bootId) ?? 0);
    }
    if (frame.kind === 'gap') lostFrames += readGap(frame.body).frames;
    else frames.push(`${frame.bootId}/${frame.seq}`);
  }
  return { frames, lostFrames };
};

const readGap = (body: Uint8Array): GapBody => gapBodySchema.parse(JSON.parse(Buffer.from(body).toString()));

test('gives frames back in order, also those appended while it is being read', async () => {
  const { spool } = await open(createMemoryDisk());
  appendText(spool, 'a');
  appendText(spool, 'b');
  const reader = spool.read(null);
  expect(reader.next()).toMatchObject({ position: { bootId: 1, seq: 0 } });
  expect(reader.next()).toMatchObject({ position: { bootId: 1, seq: 1 } });
  expect(reader.next()).toBeNull();
  appendText(spool, 'c');
  expect(reader.next()).toMatchObject({ position: { bootId: 1, seq: 2 } });
  expect(reader.next()).toBeNull();
});

test('a frame that was set aside is told once, also when the process dies right after', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk, { bootId: 5 });
  const refused = appendText(spool, 'a');
  appendText(spool, 'b');
  spool.setAside(refused, { atMs: 1_000, bytes: 1 });
  expect(survey(spool)).toEqual({ frames: ['5/1'], lostFrames: 1 });
  const second = await open(disk, { bootId: 9 });
  expect(survey(second.spool)).toEqual({ frames: ['5/1'], lostFrames: 1 });
});

test('a frame that is set aside while the disk takes nothing is told when it takes something', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk);
  const refused = appendText(spool, 'a');
  disk.isBroken = true;
  spool.setAside(refused, { atMs: 1_000, bytes: 1 });
  disk.isBroken = false;
  appendText(spool, 'b');
  expect(survey(spool)).toMatchObject({ frames: [expect.any(String)], lostFrames: 1 });
});

test('begins each file with the series that its samples need', async () => {
  const series = [seriesNamed('a')];
  const { spool } = await open(createMemoryDisk(), { series, segmentBytes: 60 });
  const appendRow = (): void => {
    const indexes = Uint32Array.from(series.keys());
    spool.append({
      kind: 'samples',
      atMs: 1,
      body: encodeSamples([{ atMs: 1, indexes, values: new Float64Array(indexes.length) }]),
    });
  };
  appendRow();
  series.push(seriesNamed('b'));
  appendRow();
  for (let more = 0; more < 4; more += 1) appendRow();
  const { frames } = survey(spool);
  expect(frames).toHaveLength(6);
  const dictionaries = readAll(spool).filter((item) => item.kind === 'dictionary');
  expect(dictionaries.length).toBeGreaterThan(2);
  // Read from the middle, the rest must still be readable by itself.
  const rest = readAll(spool, { bootId: 1, seq: 4 });
  expect(rest.map((item) => item.kind)).toContain('dictionary');
});

test('keeps what was appended when the process dies, and sends it under its old boot', async () => {
  const disk = createMemoryDisk();
  const first = await open(disk, { bootId: 5 });
  appendText(first.spool, 'a');
  appendText(first.spool, 'b');
  const second = await open(disk, { bootId: 9 });
  appendText(second.spool, 'c');
  expect(survey(second.spool)).toEqual({ frames: ['5/0', '5/1', '9/0'], lostFrames: 0 });
  expect(second.report).toMatchObject({ frames: 2, tornBytes: 0, loss: null });
});

test('keeps what was synced when the power fails', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk);
  appendText(spool, 'a');
  await spool.sync();
  appendText(spool, 'b');
  const { spool: after } = await open(disk.afterPowerLoss(), { bootId: 2 });
  expect(survey(after)).toEqual({ frames: ['1/0'], lostFrames: 0 });
});

test('what a killed run had not synced is synced by the next one: power that fails then takes nothing of it', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk);
  appendText(spool, 'a');
  const left = afterKill(disk, new Map());
  await open(left, { bootId: 2 });
  const { spool: after } = await open(left.afterPowerLoss(), { bootId: 3 });
  expect(survey(after).frames).toEqual(['1/0']);
});

test('forgets what is acknowledged, keeps the rest, and removes files that hold nothing more', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk, { segmentBytes: 100 });
  for (let seq = 0; seq < 20; seq += 1) appendText(spool, `frame number ${seq}`);
  const filesBefore = disk.files.size;
  spool.acknowledge({ bootId: 1, seq: 14 });
  expect(disk.files.size).toBeLessThan(filesBefore);
  expect(spool.counts().pendingFrames).toBe(5);
  expect(readAll(spool, { bootId: 1, seq: 14 })).toHaveLength(5);
  spool.acknowledge({ bootId: 1, seq: 3 });
  expect(spool.counts().pendingFrames).toBe(5);
  spool.acknowledge({ bootId: 1, seq: 19 });
  expect(spool.counts()).toMatchObject({ pendingFrames: 0, pendingBytes: 0 });
});

test('an older acknowledgement than the last one brings nothing back', async () => {
  const { spool } = await open(createMemoryDisk());
  for (let seq = 0; seq < 20; seq += 1) appendText(spool, `frame number ${seq}`);
  spool.acknowledge({ bootId: 1, seq: 14 });
  spool.acknowledge({ bootId: 1, seq: 3 });
  expect(spool.counts().pendingFrames).toBe(5);
});

test('does not believe an acknowledgement of what it never wrote', async () => {
  const { spool } = await open(createMemoryDisk());
  appendText(spool, 'a');
  spool.acknowledge({ bootId: 1, seq: 7 });
  spool.acknowledge({ bootId: 3, seq: 0 });
  expect(spool.counts().pendingFrames).toBe(1);
});

test('remembers over a restart what was acknowledged', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk);
  for (const text of ['a', 'b', 'c']) appendText(spool, text);
  spool.acknowledge({ bootId: 1, seq: 1 });
  await spool.close();
  const { spool: after } = await open(disk, { bootId: 2 });
  expect(after.counts().pendingFrames).toBe(1);
  after.acknowledge({ bootId: 1, seq: 2 });
  expect(segmentNames(disk)).toEqual([]);
});

test('drops the oldest when full and tells how much, also what dropped gap frames would have told', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk, { segmentBytes: 200, bytesMax: 1_000 });
  for (let seq = 0; seq < 200; seq += 1) appendText(spool, `frame number ${seq}`, 1_000 + seq);
  const used = segmentNames(disk).reduce((sum, name) => sum + disk.sizeBytes(name), 0);
  expect(used).toBeLessThanOrEqual(1_000 + 200);
  const { frames, lostFrames } = survey(spool);
  expect(frames.length + lostFrames).toBe(200);
  expect(spool.counts().droppedFrames).toBe(lostFrames);
});

test('gives up old data for new when the disk itself is full, and tells it', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk, { segmentBytes: 200, memoryBytesMax: 0 });
  for (let seq = 0; seq < 20; seq += 1) appendText(spool, `frame number ${seq}`);
  disk.roomBytes = 30;
  for (let seq = 20; seq < 40; seq += 1) appendText(spool, `frame number ${seq}`);
  const { frames, lostFrames } = survey(spool);
  expect(lostFrames).toBeGreaterThan(0);
  expect(frames.length + lostFrames).toBe(40);
  const { spool: after } = await open(disk, { bootId: 2 });
  expect(survey(after).frames).toEqual(frames);
});

test('is closed with everything synced also on a disk that takes nothing more', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk);
  appendText(spool, 'a');
  disk.roomBytes = 3;
  await spool.close();
  const { spool: after } = await open(disk.afterPowerLoss(), { bootId: 2 });
  expect(survey(after).frames).toEqual(['1/0']);
});

test('says that a frame is lost when neither disk nor memory takes it, and tells it once the disk does again', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk, { memoryBytesMax: 0 });
  appendText(spool, 'a');
  disk.isBroken = true;
  expect(() => appendText(spool, 'b', 2_000)).toThrow(expect.objectContaining({ code: 'SPOOL_UNAVAILABLE' }));
  disk.isBroken = false;
  appendText(spool, 'c');
  expect(survey(spool)).toEqual({ frames: ['1/0', '1/2'], lostFrames: 1 });
  expect(spool.counts().droppedFrames).toBe(1);
});

/** The disk as the next process finds it. */
const afterKill = (disk: MemoryDisk, synced?: ReadonlyMap<string, number>): MemoryDisk =>
  createMemoryDisk(new Map(disk.files), synced);

test('keeps frames in memory while the disk takes nothing, and brings them to the disk when it does again', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk);
  appendText(spool, 'a', 0);
  disk.roomBytes = 0;
  for (const text of ['b', 'c']) appendText(spool, text, 1_000);
  expect(spool.isInMemory()).toBe(true);
  expect(survey(spool)).toEqual({ frames: ['1/0', '1/1', '1/2'], lostFrames: 0 });
  disk.roomBytes = Number.POSITIVE_INFINITY;
  // Not at every frame: a minute later it is looked whether the disk takes things again.
  appendText(spool, 'd', 2_000);
  expect(spool.isInMemory()).toBe(true);
  appendText(spool, 'e', 62_000);
  expect(spool.isInMemory()).toBe(false);
  const { spool: after } = await open(afterKill(disk), { bootId: 2 });
  expect(survey(after)).toEqual({ frames: ['1/0', '1/1', '1/2', '1/3', '1/4'], lostFrames: 0 });
});

test('a run that is killed while only memory had its frames is told by the next one, also when the disk is full still', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk);
  appendText(spool, 'a', 1_000);
  disk.roomBytes = 0;
  for (const text of ['b', 'c', 'd']) appendText(spool, text, 2_000);
  spool.acknowledge({ bootId: 1, seq: 1 });
  const left = afterKill(disk);
  left.roomBytes = 0;
  const second = await open(left, { bootId: 2 });
  expect(survey(second.spool)).toEqual({ frames: [], lostFrames: 2 });
  // Killed again before the collector heard of it.
  const third = await open(afterKill(left), { bootId: 3 });
  expect(survey(third.spool)).toEqual({ frames: [], lostFrames: 2 });
  third.spool.acknowledge({ bootId: 3, seq: 0 });
  await third.spool.close();
  const fourth = await open(afterKill(left), { bootId: 4 });
  expect(survey(fourth.spool).lostFrames).toBe(2);
});

test('what memory held at the end goes to the disk if that takes it by then', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk);
  disk.roomBytes = 0;
  appendText(spool, 'a');
  disk.roomBytes = Number.POSITIVE_INFINITY;
  await spool.close();
  const { spool: after } = await open(afterKill(disk), { bootId: 2 });
  expect(survey(after)).toEqual({ frames: ['1/0'], lostFrames: 0 });
});

test('takes no more memory than it may have: then the oldest goes, and is told', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk, { memoryBytesMax: 100_000 });
  disk.isBroken = true;
  for (let seq = 0; seq < 100; seq += 1) appendText(spool, 'x'.repeat(5_000), seq);
  const { frames, lostFrames } = survey(spool);
  expect(frames.length).toBeLessThanOrEqual(20);
  expect(lostFrames).toBe(spool.counts().droppedFrames);
  expect(frames.length + lostFrames).toBe(100);
  expect(frames.at(-1)).toMatch(/^1\//);
});

test('the note of what is lost is whole after any flipped byte', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk);
  disk.roomBytes = 0;
  for (const text of ['a', 'b']) appendText(spool, text);
  const note = disk.files.get(lossNoteName) ?? Buffer.alloc(0);
  for (const place of [0, 4_096]) {
    for (let offset = 0; offset < 250; offset += 1) {
      const hurt = Buffer.from(note);
      hurt[place + offset] = (hurt[place + offset] ?? 0) ^ 0x10;
      const { spool: after } = await open(createMemoryDisk(new Map(disk.files).set(lossNoteName, hurt)), { bootId: 2 });
      expect(survey(after).lostFrames, `byte ${offset} of the copy at ${place}`).toBe(2);
    }
  }
});

test('a loss that is told is noted until the word of it is safe: the power may fail in between', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk, { memoryBytesMax: 0 });
  disk.roomBytes = 0;
  expect(() => appendText(spool, 'a')).toThrow();
  disk.roomBytes = Number.POSITIVE_INFINITY;
  appendText(spool, 'b');
  // Killed, the process leaves the frame that tells it; a power failure takes that frame.
  expect(survey((await open(afterKill(disk), { bootId: 2 })).spool).lostFrames).toBe(1);
  expect(survey((await open(disk.afterPowerLoss(), { bootId: 2 })).spool).lostFrames).toBe(1);
  await spool.sync();
  expect(survey((await open(disk.afterPowerLoss(), { bootId: 2 })).spool).lostFrames).toBe(1);
});

test('whatever is appended, acknowledged, killed, and whenever the disk is full: every frame is read back or told as lost, once', async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), bytes: fc.nat(120), laterMs: fc.nat(90_000) }) },
    fc.record({ kind: fc.constant('acknowledge' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ kind: fc.constant('room' as const), bytes: fc.constantFrom(0, 40, 500, Number.POSITIVE_INFINITY) }),
    fc.record({ kind: fc.constant('sync' as const) }),
    fc.record({ kind: fc.constant('kill' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async (steps) => {
      let disk = createMemoryDisk();
      const options = { segmentBytes: 300, bytesMax: 1_500, memoryBytesMax: 1_000 };
      let bootId = 1;
      let { spool } = await open(disk, { ...options, bootId });
      const written = new Set<string>();
      let heardTo: FramePosition | null = null;
      let [atMs, refused, acknowledgedLost] = [0, 0, 0];
      for (const one of steps) {
        if (one.kind === 'append') {
          atMs += one.laterMs;
          try {
            const { bootId: boot, seq } = appendText(spool, 'x'.repeat(one.bytes), atMs);
            written.add(`${boot}/${seq}`);
          } catch {
            refused += 1;
          }
        }
        if (one.kind === 'room') disk.roomBytes = one.bytes;
        if (one.kind === 'sync') await spool.sync();
        if (one.kind === 'acknowledge') {
          // In order, as a collector does: what a gap frame told before is told.
          const items: SpoolItem[] = readAll(spool, heardTo);
          const heard = items.slice(0, Math.floor(one.share * items.length)).filter((item) => item.kind === 'frame');
          for (const { position, message } of heard) {
            written.delete(`${position.bootId}/${position.seq}`);
            const frame = decodeFrame(message);
            if (frame.kind === 'gap') acknowledgedLost += readGap(frame.body).frames;
          }
          heardTo = heard.at(-1)?.position ?? heardTo;
          if (heardTo !== null) spool.acknowledge(heardTo);
        }
        if (one.kind === 'kill') {
          const { roomBytes } = disk;
          disk = afterKill(disk);
          disk.roomBytes = roomBytes;
          bootId += 1;
          ({ spool } = await open(disk, { ...options, bootId }));
          // As the welcome of the collector tells it.
          if (heardTo !== null) spool.acknowledge(heardTo);
        }
      }
      disk.roomBytes = Number.POSITIVE_INFINITY;
      const { bootId: boot, seq } = appendText(spool, 'the last one', atMs + 60_000);
      written.add(`${boot}/${seq}`);
      const { frames, lostFrames } = survey(spool, heardTo);
      expect(frames.filter((frame) => !written.has(frame))).toEqual([]);
      expect(lostFrames + acknowledgedLost).toBe(refused + written.size - frames.length);
    }),
    { numRuns: 300 },
  );
});

test('is empty and in order when its folder holds only files of others', async () => {
  const disk = createMemoryDisk(
    new Map([
      ['notes.txt', Buffer.from('x')],
      ['000000000007.seg', Buffer.alloc(0)],
    ]),
  );
  const { spool, report } = await open(disk);
  expect(report).toMatchObject({ segments: 0, unreadableFiles: 0 });
  appendText(spool, 'a');
  expect(survey(spool).frames).toEqual(['1/0']);
  expect(disk.files.has('notes.txt')).toBe(true);
});

/** Two closed files and one that was being written when the agent died, with samples and their dictionaries in all. */
const exampleFiles = async (): Promise<Map<string, Buffer>> => {
  const disk = createMemoryDisk();
  const series = [seriesNamed('first')];
  const { spool } = await open(disk, { series, segmentBytes: 60 });
  for (let row = 0; row < 11; row += 1) {
    if (row === 2) series.push(seriesNamed('second'));
    const indexes = Uint32Array.from(series.keys());
    const values = new Float64Array(indexes.length).fill(row);
    spool.append({ kind: 'samples', atMs: 1_000 + row, body: encodeSamples([{ atMs: 1_000 + row, indexes, values }]) });
  }
  return disk.files;
};

test('recovers a prefix of a file that was cut at any byte', async () => {
  const files = await exampleFiles();
  expect(files.size).toBeGreaterThanOrEqual(4);
  const whole = survey((await open(createMemoryDisk(files), { bootId: 2 })).spool).frames;
  const last =
    [...files.keys()]
      .filter((name) => name.endsWith('.seg'))
      .sort()
      .at(-1) ?? '';
  const content = files.get(last) ?? Buffer.alloc(0);
  let before = 0;
  for (let bytes = 0; bytes <= content.length; bytes += 1) {
    const disk = createMemoryDisk(new Map(files).set(last, content.subarray(0, bytes)));
    const { spool, report } = await open(disk, { bootId: 2 });
    const { frames, lostFrames } = survey(spool);
    expect(frames).toEqual(whole.slice(0, frames.length));
    expect(frames.length).toBeGreaterThanOrEqual(before);
    // A torn tail was never complete: nobody was told that it exists.
    expect({ lostFrames, loss: report.loss }).toEqual({ lostFrames: 0, loss: null });
    before = frames.length;
  }
  expect(before).toBe(whole.length);
});

test('loses no more than a record, and samples that it named, to any flipped byte, and tells exactly what', async () => {
  const files = await exampleFiles();
  const whole = survey((await open(createMemoryDisk(files), { bootId: 2 })).spool).frames;
  const names = segmentNames(createMemoryDisk(files));
  for (const name of names) {
    const content = files.get(name) ?? Buffer.alloc(0);
    for (let offset = 0; offset < content.length; offset += 1) {
      const hurt = Buffer.from(content);
      hurt[offset] = (hurt[offset] ?? 0) ^ 0x41;
      const disk = createMemoryDisk(new Map(files).set(name, hurt));
      const { spool } = await open(disk, { bootId: 2 });
      const { frames, lostFrames } = survey(spool);
      expect(whole, `${name} at ${offset}`).toEqual(expect.arrayContaining(frames));
      expect(frames.length + lostFrames, `${name} at ${offset}`).toBe(whole.length);
      // Found and told once: the next start finds it mended.
      const again = await open(disk, { bootId: 3 });
      expect(again.report.loss, `${name} at ${offset}`).toBeNull();
      expect(survey(again.spool)).toEqual({ frames, lostFrames });
    }
  }
});

test.each([
  { why: 'a file that was being written when the agent was killed', closes: false },
  { why: 'a file that was closed', closes: true },
])('loses one frame to any flipped byte of its record, header or payload, and keeps all the rest: $why', async ({ closes }) => {
  const written = createMemoryDisk();
  const { spool: before } = await open(written);
  for (let number = 0; number < 8; number += 1) appendText(before, `frame number ${number}`);
  const [name = ''] = segmentNames(written);
  const written8 = written.files.get(name)?.length ?? 0;
  if (closes) await before.close();
  const content = written.files.get(name) ?? Buffer.alloc(0);
  const whole = survey((await open(createMemoryDisk(new Map(written.files)), { bootId: 2 })).spool).frames;
  expect(whole).toHaveLength(8);
  for (let offset = 0; offset < content.length; offset += 1) {
    const hurt = Buffer.from(content);
    hurt[offset] = (hurt[offset] ?? 0) ^ 0x10;
    const disk = createMemoryDisk(new Map(written.files).set(name, hurt));
    const { spool } = await open(disk, { bootId: 2 });
    const { frames, lostFrames } = survey(spool);
    // The head of the file and its closing record are no frames.
    const expected = offset < 20 || offset >= written8 ? 0 : 1;
    expect({ kept: frames.length, lostFrames }, `at ${offset}`).toEqual({ kept: 8 - expected, lostFrames: expected });
    const again = await open(disk, { bootId: 3 });
    expect({ loss: again.report.loss, ...survey(again.spool) }, `at ${offset}`).toEqual({ loss: null, frames, lostFrames });
  }
});

test('tells of a file that is gone from between two others', async () => {
  const files = await exampleFiles();
  const [first = '', second = ''] = [...files.keys()].sort();
  const whole = survey((await open(createMemoryDisk(files), { bootId: 2 })).spool).frames.length;
  const lacking = createMemoryDisk(new Map([...files].filter(([name]) => name !== second)));
  const { spool } = await open(lacking, { bootId: 2 });
  const { frames, lostFrames } = survey(spool);
  expect(files.has(first) && lostFrames > 0).toBe(true);
  expect(frames.length + lostFrames).toBe(whole);
});

test('has told of damage before it mends it: power that fails in between takes the mended file, never the news', async () => {
  const files = await exampleFiles();
  const [first = ''] = [...files.keys()].sort();
  const hurt = Buffer.from(files.get(first) ?? Buffer.alloc(0));
  hurt[hurt.length - 60] = (hurt[hurt.length - 60] ?? 0) ^ 0xff;
  const disk = createMemoryDisk(new Map(files).set(first, hurt));
  let isPowerFailing = true;
  const { replace } = disk;
  disk.replace = (name, bytes) => {
    if (isPowerFailing) throw new Error('the power fails');
    replace(name, bytes);
  };
  await expect(open(disk, { bootId: 2 })).rejects.toThrow('the power fails');
  isPowerFailing = false;
  const { spool } = await open(disk.afterPowerLoss(), { bootId: 3 });
  const told = readAll(spool).flatMap((item) => (item.kind === 'frame' && item.position.bootId === 2 ? [item.message] : []));
  expect(told.map((message) => decodeFrame(message).kind)).toContain('gap');
});

test('starts although telling of damage took the room of the damaged file itself, and tells all of it once', async () => {
  const disk = createMemoryDisk();
  const { spool: before } = await open(disk, { segmentBytes: 60, bytesMax: 100_000 });
  for (let seq = 0; seq < 8; seq += 1) appendText(before, `frame number ${seq}`);
  await before.close();
  const [first = ''] = segmentNames(disk);
  const hurt = Buffer.from(disk.files.get(first) ?? Buffer.alloc(0));
  hurt[70] = (hurt[70] ?? 0) ^ 0xff;
  disk.files.set(first, hurt);
  const usedBytes = [...disk.files].reduce((sum, [name, bytes]) => sum + (name.endsWith('.seg') ? bytes.length : 0), 0);
  const { spool } = await open(disk, { bootId: 2, segmentBytes: 60, bytesMax: usedBytes });
  expect(segmentNames(disk)).not.toContain(first);
  const { frames, lostFrames } = survey(spool);
  expect(frames.length + lostFrames).toBe(8);
});

test('tells of data that the disk loses while it is open', async () => {
  const disk = createMemoryDisk();
  const { spool } = await open(disk, { segmentBytes: 80 });
  for (let seq = 0; seq < 6; seq += 1) appendText(spool, `frame number ${seq}`);
  const [first = ''] = [...disk.files.keys()].sort();
  const content = Buffer.from(disk.files.get(first) ?? Buffer.alloc(0));
  content[70] = (content[70] ?? 0) ^ 0xff;
  disk.files.set(first, content);
  expect(survey(spool).frames).not.toContain('1/0');
  appendText(spool, 'next');
  expect(survey(spool).lostFrames).toBe(1);
  expect(spool.counts().damagedFrames).toBeGreaterThan(0);
});

test('a frame that the disk hurts while the spool is open, in its header or its payload, is the only one that is lost, and is told', async () => {
  // The last one is still at hand and not read from the disk.
  for (const hurtSeq of [0, 3, 4]) {
    for (const within of [0, 4, 8, 16, 28, 35, 40]) {
      const disk = createMemoryDisk();
      const { spool } = await open(disk);
      for (let seq = 0; seq < 6; seq += 1) appendText(spool, `frame number ${seq}`);
      const [file = ''] = segmentNames(disk);
      const content = Buffer.from(disk.files.get(file) ?? Buffer.alloc(0));
      const headBytes = 20;
      const place = headBytes + (hurtSeq * (content.length - headBytes)) / 6 + within;
      content[place] = (content[place] ?? 0) ^ 0xff;
      disk.files.set(file, content);
      const left = [0, 1, 2, 3, 4, 5].filter((seq) => seq !== hurtSeq).map((seq) => `1/${seq}`);
      expect(survey(spool).frames, `${hurtSeq} at ${within}`).toEqual(left);
      appendText(spool, 'next');
      expect(survey(spool).lostFrames, `${hurtSeq} at ${within}`).toBe(1);
    }
  }
});

test('whatever is appended, acknowledged and cut off: what is read back is a run of what was written, in order', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), bytes: fc.nat(120) }),
    fc.record({ kind: fc.constant('acknowledge' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ kind: fc.constant('kill' as const), keptShare: fc.double({ min: 0, max: 1, noNaN: true }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      let disk = createMemoryDisk();
      let bootId = 1;
      let { spool } = await open(disk, { bootId, segmentBytes: 150 });
      let written: FramePosition[] = [];
      let acknowledged: FramePosition | null = null;
      for (const one of steps) {
        if (one.kind === 'append') written.push(appendText(spool, 'x'.repeat(one.bytes)));
        const chosen = one.kind === 'acknowledge' ? written[Math.floor(one.share * written.length)] : undefined;
        if (chosen !== undefined) {
          spool.acknowledge(chosen);
          acknowledged = chosen;
          written = written.filter(
            (position) => position.bootId > chosen.bootId || (position.bootId === chosen.bootId && position.seq > chosen.seq),
          );
        }
        if (one.kind === 'kill') {
          const names = segmentNames(disk);
          const last = names.at(-1);
          if (last !== undefined) {
            const content = disk.files.get(last) ?? Buffer.alloc(0);
            disk = createMemoryDisk(
              new Map(disk.files).set(last, content.subarray(0, Math.floor(one.keptShare * content.length))),
            );
          }
          bootId += 1;
          ({ spool } = await open(disk, { bootId, segmentBytes: 150 }));
          const kept = new Set(positionsOf(spool, acknowledged));
          written = written.filter((position) => kept.has(`${position.bootId}/${position.seq}`));
        }
        expect(positionsOf(spool, acknowledged)).toEqual(written.map((position) => `${position.bootId}/${position.seq}`));
      }
    }),
    { numRuns: 200 },
  );
});

const positionsOf = (spool: Spool, after: FramePosition | null): string[] =>
  readAll(spool, after).flatMap((item) => (item.kind === 'frame' ? [`${item.position.bootId}/${item.position.seq}`] : []));
