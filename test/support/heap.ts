import { expect } from 'vitest';
import { WebSocket } from 'ws';
import type { TestProcess } from './processes.ts';

/** What a process must be started with so that its heap can be looked at, at an address of the host it runs on. */
export const heapEnvironmentAt = (address: string): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--inspect=${address}:0`,
});

/** The same for a process on this host. */
export const heapEnvironment = heapEnvironmentAt('127.0.0.1');

/** Bytes that are in use in a process, once what nobody holds any more is collected: its heap, and the buffers beside it. */
export const bytesInUse = async (started: TestProcess): Promise<number> => {
  const line = await started.line(/Debugger listening on ws:/);
  const socket = new WebSocket(line.slice(line.indexOf('ws:')).trim());
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  let id = 0;
  const ask = (method: string): Promise<Record<string, number>> =>
    new Promise((resolve, reject) => {
      id += 1;
      const mine = id;
      const onMessage = (data: Buffer): void => {
        const answer = JSON.parse(data.toString('utf8')) as { id?: number; result?: Record<string, number>; error?: unknown };
        if (answer.id !== mine) return;
        socket.off('message', onMessage);
        if (answer.result === undefined) reject(new Error(`${method}: ${JSON.stringify(answer.error)}`));
        else resolve(answer.result);
      };
      socket.on('message', onMessage);
      socket.send(JSON.stringify({ id: mine, method }));
    });
  try {
    // Twice: what the first collection sets free may hold more.
    for (let round = 0; round < 2; round += 1) await ask('HeapProfiler.collectGarbage');
    const { usedSize = Number.NaN, backingStorageSize = 0 } = await ask('Runtime.getHeapUsage');
    return usedSize + backingStorageSize;
  } finally {
    socket.terminate();
  }
};

/** What may be held beside what it was before: what was stored and told meanwhile, compiled code. 10,000 forgotten connections are far more. */
const slackBytes = 8 * 1024 * 1024;

/** A process holds what it held before whatever was done to it. @param levelBytes of `bytesInUse` then */
export const expectLevel = async (started: TestProcess, levelBytes: number): Promise<void> => {
  expect((await bytesInUse(started)) - levelBytes, 'bytes in use, more than before').toBeLessThan(slackBytes);
};
