import { createRecorder } from '@jiwei/agent/session/recorder.ts';
import { openSpool } from '@jiwei/agent/spool/spool.ts';
import { expect, test } from 'vitest';
import { createManualClock } from '../support/manual-clock.ts';
import { createMemoryDisk } from './memory-disk.ts';

type Entry = readonly [level: 'debug' | 'info' | 'warn' | 'error', message: string];

const openRecorder = async (memoryBytesMax = 1_000_000) => {
  const disk = createMemoryDisk();
  const clock = createManualClock(1_000_000);
  const said: Entry[] = [];
  const say = (level: Entry[0]) => (message: string) => said.push([level, message]);
  const { spool } = await openSpool({
    ...{ disk, bootId: 1, series: [], segmentBytes: 1_000_000, bytesMax: 100_000_000 },
    memoryBytesMax,
  });
  let recorded = 0;
  const recorder = createRecorder({
    spool,
    clock,
    log: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
    onRecorded: () => {
      recorded += 1;
    },
  });
  return {
    ...{ disk, clock, spool, said, recorder },
    recorded: () => recorded,
    record: () => recorder.record({ kind: 'results', body: Buffer.from('answers'), atMs: clock.nowMs() }),
  };
};
const inMemory: Entry = ['error', 'the disk takes nothing; what is not yet sent is only in memory'];
const onDisk: Entry = ['info', 'the disk takes data again'];

test('a disk that is full is told of once, and once that it takes data again, within a minute of having room', async () => {
  const { disk, clock, spool, said, recorded, record } = await openRecorder();
  record();
  expect(said).toEqual([]);
  disk.roomBytes = 0;
  for (let second = 0; second < 90; second += 1) {
    record();
    clock.advance(1_000);
  }
  expect(said).toEqual([inMemory]);
  disk.roomBytes = Number.POSITIVE_INFINITY;
  for (let second = 0; second < 59; second += 1) {
    record();
    clock.advance(1_000);
  }
  record();
  expect(said).toEqual([inMemory, onDisk]);
  expect({ recorded: recorded(), isInMemory: spool.isInMemory() }).toEqual({ recorded: 151, isInMemory: false });

  disk.roomBytes = 0;
  record();
  expect(said).toEqual([inMemory, onDisk, inMemory]);
});

test('a frame that neither disk nor memory takes is told of, and the link is not woken for it', async () => {
  const { disk, said, recorded, record } = await openRecorder(0);
  disk.roomBytes = 0;
  record();
  expect(said).toEqual([['error', 'a frame could not be kept and is lost']]);
  expect(recorded()).toBe(0);
});

test('frames of a second are synced together, and none after the recorder has stopped', async () => {
  const { disk, clock, recorder, record } = await openRecorder();
  for (let count = 0; count < 5; count += 1) record();
  clock.advance(999);
  expect(disk.syncs).toBe(0);
  clock.advance(1);
  await new Promise(setImmediate);
  expect(disk.syncs).toBe(1);
  record();
  recorder.stop();
  clock.advance(10_000);
  expect(disk.syncs).toBe(1);
});
