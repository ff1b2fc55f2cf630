import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGunzip } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { sendChunks } from '../../collector/src/metrics/send-chunks.ts';

let server: Server | null = null;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
  server = null;
});

/** A server that answers with what `answer` sends. @returns its URL */
const serve = async (answer: (response: ServerResponse) => void): Promise<string> => {
  const made = createServer((_, response) => {
    response.writeHead(200);
    answer(response);
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
};
const request = (url: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => get(url, resolve).on('error', reject));

const chunkBytes = 64 * 1024;
const chunkCount = 400;
/** Every chunk in the same memory, as a writer that uses it again makes them: 25 MiB, more than sockets hold. */
async function* sharedChunks(onEnd: () => void = () => undefined): AsyncGenerator<Buffer, void, undefined> {
  const shared = Buffer.alloc(chunkBytes);
  try {
    for (let index = 0; index < chunkCount; index += 1) yield shared.fill(index & 255);
  } finally {
    onEnd();
  }
}
const isWhole = (body: Buffer): boolean => {
  if (body.length !== chunkBytes * chunkCount) return false;
  for (let index = 0; index < chunkCount; index += 1) {
    const expected = Buffer.alloc(chunkBytes, index & 255);
    if (!body.subarray(index * chunkBytes, (index + 1) * chunkBytes).equals(expected)) return false;
  }
  return true;
};

for (const isPacked of [false, true]) {
  test(`chunks in memory that is used again arrive as they were, ${isPacked ? 'packed' : 'plain'}`, async () => {
    const url = await serve((response) => void sendChunks(response, sharedChunks(), isPacked));
    const answer = await request(url);
    const parts: Buffer[] = [];
    for await (const part of isPacked ? answer.pipe(createGunzip()) : answer) parts.push(part as Buffer);
    expect(isWhole(Buffer.concat(parts))).toBe(true);
  });

  test(`a reader that goes away ends the work, ${isPacked ? 'packed' : 'plain'}`, async () => {
    const ended: string[] = [];
    const sent = new Promise<void>((resolve, reject) => {
      void serve((response) => {
        sendChunks(
          response,
          sharedChunks(() => ended.push('chunks')),
          isPacked,
        ).then(resolve, reject);
      }).then((url) => get(url, (answer) => answer.once('data', () => answer.destroy())).on('error', () => undefined));
    });
    await sent;
    expect(ended).toStrictEqual(['chunks']);
  });
}

test('chunks that fail break the answer off instead of ending it', async () => {
  async function* failing(): AsyncGenerator<Buffer, void, undefined> {
    yield Buffer.from('first');
    throw new Error('no more');
  }
  let failure: unknown = null;
  const url = await serve((response) => void sendChunks(response, failing(), false).catch((error: unknown) => (failure = error)));
  const answer = await request(url);
  await expect(
    (async () => {
      for await (const _ of answer);
    })(),
  ).rejects.toThrow('aborted');
  expect(String(failure)).toBe('Error: no more');
});
