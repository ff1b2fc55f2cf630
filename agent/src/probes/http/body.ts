import type { IncomingMessage } from 'node:http';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { ProbeFault } from '../fault.ts';

/** The part of a body that was read, decoded from its Content-Encoding. */
export interface Body {
  /** Decoded when it is first looked at: most checks look at the status alone. */
  readonly text: string;
  readonly bytes: number;
  /** Whether there was more than was allowed to be read. */
  readonly isCut: boolean;
}

/** Read nothing of the body; what there is does not matter. */
export const noBody: Body = { text: '', bytes: 0, isCut: false };

/** Encodings that are asked for and understood (RFC 9110, 8.4). */
export const acceptedEncodings = 'gzip, deflate, br';

/**
 * Reads a body up to `bytesMax` decoded bytes and then stops: neither a huge body nor a small one that inflates to one takes more memory.
 * Encodings applied one upon the other are undone from the last; more than 3 are refused.
 * @throws ProbeFault HTTP_PROTOCOL for an encoding that is unknown; the stream's own errors
 */
export const readBody = async (response: IncomingMessage, bytesMax: number): Promise<Body> => {
  const decoders = await decodersFor(response);
  let stream: Readable = response;
  for (const decoder of decoders) {
    const source = stream;
    // Not pipeline(): its promise would be one more to watch. A connection that is cut off, too, is an error of the response.
    source.on('error', (error) => decoder.destroy(error));
    stream = source.pipe(decoder);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    await readChunks(stream, (chunk) => {
      chunks.push(chunk);
      bytes += chunk.length;
      return bytes <= bytesMax;
    });
  } finally {
    for (const decoder of decoders) decoder.destroy();
    response.destroy();
  }
  const read = Buffer.concat(chunks).subarray(0, bytesMax);
  let text: string | null = null;
  return {
    get text() {
      text ??= decodeText(read, response.headers['content-type']);
      return text;
    },
    bytes: read.length,
    isCut: bytes > bytesMax,
  };
};

/**
 * Gives chunk after chunk to `take` until that wants no more, or the stream ends. By events: a quarter of the cost of `for await`.
 * @throws the stream's error; ERR_STREAM_PREMATURE_CLOSE when it closes without an end
 */
const readChunks = (stream: Readable, take: (chunk: Buffer) => boolean): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      if (take(chunk)) return;
      stream.pause();
      resolve();
    });
    stream.once('end', resolve);
    stream.on('error', reject);
    stream.once('close', () =>
      reject(Object.assign(new Error('the connection was closed'), { code: 'ERR_STREAM_PREMATURE_CLOSE' })),
    );
  });

const encodingsMax = 3;

const decodersFor = async (response: IncomingMessage): Promise<readonly Transform[]> => {
  const names = (response.headers['content-encoding'] ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity')
    .reverse();
  if (names.length > encodingsMax) throw new ProbeFault('HTTP_PROTOCOL', `the body is encoded ${names.length} times`);
  return Promise.all(names.map((name) => decoderFor(name, response)));
};

const decoderFor = async (name: string, response: IncomingMessage): Promise<Transform> => {
  switch (name) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'br':
      return createBrotliDecompress();
    case 'deflate':
      return (await startsWithZlibHeader(response)) ? createInflate() : createInflateRaw();
    default:
      throw new ProbeFault(
        'HTTP_PROTOCOL',
        `the body is encoded as ${JSON.stringify(name.slice(0, 40))}, which is not understood`,
      );
  }
};

/** "deflate" means zlib's format (RFC 9110, 8.4.1.2), but some servers leave its two header bytes out; CM is 8 in the first of them. */
const startsWithZlibHeader = async (response: IncomingMessage): Promise<boolean> => {
  for await (const chunk of response.iterator({ destroyOnReturn: false })) {
    const buffer = Buffer.from(chunk);
    response.unshift(buffer);
    return ((buffer[0] ?? 8) & 0x0f) === 8;
  }
  return true;
};

/** In the charset that the server names (GBK and GB18030 are common here), else UTF-8. */
const decodeText = (bytes: Buffer, contentType: string | undefined): string => {
  const charset = /;\s*charset\s*=\s*"?([\w-]+)/i.exec(contentType ?? '')?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // A charset nobody knows: the ASCII part is readable all the same.
    return new TextDecoder().decode(bytes);
  }
};
