import { generateKeyPairSync } from 'node:crypto';
import { createLink } from '@jiwei/agent/link/link.ts';
import { suspectAfter } from '@jiwei/agent/link/suspect.ts';
import type { TransportEvents } from '@jiwei/agent/link/transport.ts';
import { createLog } from '@jiwei/agent/log.ts';
import { openSpool } from '@jiwei/agent/spool/spool.ts';
import { createStamps } from '@jiwei/agent/stamps.ts';
import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import { agentMessageSchema, gapBodySchema } from '@jiwei/shared/protocol/control.ts';
import { decodeFrame, type NumberedFrame } from '@jiwei/shared/protocol/frame.ts';
import { minuteMs } from '@jiwei/shared/time.ts';
import { expect, test } from 'vitest';
import { createManualClock } from '../support/manual-clock.ts';
import { createMemoryDisk } from './memory-disk.ts';

/** An agent's spool and link on a clock of the test, and a collector that refuses the frame `poisoned` so many times. */
const openPair = async (poisoned: number, refusals: number) => {
  const clock = createManualClock(1_000_000);
  const stamps = createStamps(clock, () => undefined);
  const log = createLog({ clock, level: 'error', write: () => undefined });
  const { spool } = await openSpool({
    disk: createMemoryDisk(),
    bootId: 1,
    series: [],
    bytesMax: 100_000_000,
    memoryBytesMax: 0,
    segmentBytes: 1_000_000,
  });
  const taken: NumberedFrame[] = [];
  const refusedAtMs: number[] = [];
  let stored: FramePosition | null = null;
  const dial = (events: TransportEvents) => {
    let isOpen = true;
    let isRefused = false;
    const say = (message: object): void => {
      clock.after(1, () => isOpen && events.text(JSON.stringify(message)));
    };
    clock.after(1, events.opened);
    const close = (): void => {
      if (isOpen) clock.after(1, () => events.closed(1_000, 'closed'));
      isOpen = false;
    };
    return {
      sendText: (text: string) => {
        const message = agentMessageSchema.parse(JSON.parse(text));
        if (message.type === 'hello')
          say({ type: 'challenge', version: 1, capabilities: [], nonce: 'n'.repeat(43), collectorId: 'c' });
        if (message.type === 'proof') {
          const times = { heartbeatMs: 5_000, heartbeatTimeoutMs: 15_000, collectorTimeMs: clock.nowMs() };
          say({ type: 'welcome', agentId: 'a', stored, ...times, framesInFlightMax: 64, frameBytesInFlightMax: 1_000_000 });
        }
        if (message.type === 'heartbeat')
          say({ type: 'heartbeatAnswer', echoMs: message.sentAtMs, collectorTimeMs: clock.nowMs() });
      },
      sendBinary: (bytes: Uint8Array) => {
        const frame = decodeFrame(bytes);
        if (!isOpen || isRefused || frame.kind === 'dictionary') return;
        if (frame.seq === poisoned && refusedAtMs.length < refusals) {
          isRefused = true;
          refusedAtMs.push(clock.nowMs());
          say({ type: 'refuse', code: 'PROTOCOL_VIOLATION', class: 'give-up', message: 'no', retryAfterMs: 0 });
        } else {
          taken.push(frame);
          stored = { bootId: frame.bootId, seq: frame.seq };
          say({ type: 'ack', ...stored });
        }
      },
      unsentBytes: () => 0,
      close,
      terminate: close,
    };
  };
  const identity = {
    privateKey: generateKeyPairSync('ed25519').privateKey,
    bootId: 1,
    agentVersion: '0',
    hostname: 'h',
    platform: 'linux',
    architecture: 'x64',
    joinToken: null,
    wantedId: null,
  };
  const handlers = {
    onWelcome: () => true,
    onConfig: () => undefined,
    onProbeRequest: () => undefined,
    onRekey: () => undefined,
    onRekeyed: () => undefined,
    onHeartbeat: () => undefined,
  };
  const link = createLink({ dial, clock, stamps, random: () => 0.5, gridOffsetMs: () => 0, identity, spool, handlers, log });
  const append = (): void => {
    spool.append({ kind: 'results', body: Buffer.from('{}'), atMs: clock.nowMs() });
    link.framesWaiting();
  };
  return { clock, link, spool, taken, refusedAtMs, append };
};

test('a frame that is refused for good three times is left out and told as a gap, and the rest goes on', async () => {
  const { clock, link, spool, taken, refusedAtMs, append } = await openPair(2, 99);
  for (let count = 0; count < 5; count += 1) append();
  link.start();
  clock.advance(6 * minuteMs);
  append();
  clock.advance(1 * minuteMs);
  expect(refusedAtMs).toHaveLength(3);
  const seqs = taken.map(({ seq }) => seq);
  expect(seqs).not.toContain(2);
  for (const seq of [0, 1, 3, 4]) expect(seqs).toContain(seq);
  const gaps = taken
    .filter(({ kind }) => kind === 'gap')
    .map(({ body }) => gapBodySchema.parse(JSON.parse(String(Buffer.from(body)))));
  expect(gaps).toEqual([{ fromMs: 1_000_000, toMs: 1_000_000, frames: 1, bytes: expect.any(Number), cause: 'spool-damaged' }]);
  expect(spool.counts()).toMatchObject({ pendingFrames: 0, damagedFrames: 1 });
});

test('a frame that is taken at the third offer is not given up', async () => {
  const { clock, link, spool, taken, refusedAtMs, append } = await openPair(1, 2);
  for (let count = 0; count < 3; count += 1) append();
  link.start();
  clock.advance(6 * minuteMs);
  expect(refusedAtMs).toHaveLength(2);
  expect(taken.map(({ seq }) => seq)).toEqual([0, 1, 2]);
  expect(spool.counts()).toMatchObject({ pendingFrames: 0, damagedFrames: 0 });
});

test('refusals of one frame do not count against another', () => {
  const one = { bootId: 1, seq: 1 };
  const other = { bootId: 1, seq: 2 };
  const twice = suspectAfter(suspectAfter(null, one), one);
  expect(twice).toEqual({ position: one, refusals: 2 });
  expect(suspectAfter(twice, other)).toEqual({ position: other, refusals: 1 });
  expect(suspectAfter(twice, { bootId: 2, seq: 1 })).toEqual({ position: { bootId: 2, seq: 1 }, refusals: 1 });
  expect(suspectAfter(twice, null)).toBeNull();
});
