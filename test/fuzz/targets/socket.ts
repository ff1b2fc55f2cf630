import assert from 'node:assert/strict';
import { encodeFrame } from '@jiwei/shared/protocol/frame.ts';
import { openHostileCollector, upgradeRequest, webSocketFrame } from '../../support/hostile-collector.ts';
import { testAgent } from '../../support/protocol-agent.ts';
import { type FuzzTarget, joinParts, partsOf } from '../target.ts';
import { withChecksum } from './frame.ts';
import { target as sessionTarget } from './session.ts';

/** Between the pieces that are written one after the other. */
const separator = '\n~~\n';
/** As the first piece: what follows are messages of an attacker who has been welcomed, else bytes on the bare socket. */
const welcomed = '!welcome';
const collector = await openHostileCollector();
const attacker = testAgent('attacker', 'c', 'n');
/** An answer to the check of another agent, which this one was never given. */
const answerForVictim = encodeFrame({
  kind: 'results',
  bootId: 1,
  seq: 0,
  body: Buffer.from(
    '{"results":[{"checkId":"site","observedAtMs":1,"outcome":"down","reason":"TIMEOUT","latencyMs":null,"run":{"ofDown":9,"ofUp":0}}]}',
  ),
});
/** The victim gives a sign of life so often, ms: more rarely, and it would itself be overdue. */
const signEveryMs = 2_000;
let signs = 0;
let signedAtMs = Number.NEGATIVE_INFINITY;
let before = await collector.othersState();
/** What the victim says is stored: its link works. That is a change, but its own. */
const sign = async (): Promise<void> => {
  signs += 1;
  signedAtMs = performance.now();
  await collector.victim.sendRow(Date.now(), Float64Array.of(signs));
  before = await collector.othersState();
};

const sequence = (...parts: readonly (string | Uint8Array)[]): Uint8Array => joinParts(parts, separator);
const isText = (part: Buffer): boolean => /^[!{"[]/.test(part.toString('latin1', 0, 1));

/** Anything at all on the collector's port, and on a link that was let in: nobody else is any different for it. */
export const target: FuzzTarget = {
  name: 'socket',
  corpus: [
    Buffer.from('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n'),
    Buffer.from('POST /api/v1/declaration HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nzones'),
    Buffer.from('GET /metrics/fleet HTTP/1.1\r\nhost: a\r\n\r\nGET /api/v1/agents HTTP/1.1\r\nhost: a\r\n\r\n'),
    Buffer.from(upgradeRequest),
    sequence(upgradeRequest, webSocketFrame(1, Buffer.from(JSON.stringify(attacker.hello)))),
    sequence(upgradeRequest, webSocketFrame(2, attacker.results(0)), webSocketFrame(8, Buffer.from([3, 232]))),
    sequence(upgradeRequest, webSocketFrame(9, Buffer.alloc(125)), webSocketFrame(0, Buffer.alloc(9))),
    Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
    sequence(welcomed, answerForVictim),
    ...sessionTarget.corpus.map((messages) => sequence(welcomed, ...partsOf(messages, separator).slice(3))),
  ],
  words: [
    ...['HTTP/1.1', 'upgrade: websocket', 'content-length: 99', 'transfer-encoding: chunked', 'jiwei.v1', '\r\n', welcomed],
    ...[
      '\u0081\u0080',
      '\u0088\u0080',
      '\u0082\u00fe',
      '"type":"heartbeat"',
      '"type":"bye"',
      '"checkId":"site"',
      '"agentId":"victim"',
    ],
  ],
  inputBytesMax: 16_384,
  separator,
  refusals: [],
  workMax: 0,
  boundedInputs: 300,
  isUnguided: true,
  mend: (bytes) => {
    const [first = Buffer.alloc(0), ...parts] = partsOf(bytes, separator);
    if (first.toString('latin1') !== welcomed) return bytes;
    return sequence(first, ...parts.map((part) => (isText(part) ? part : withChecksum(part))));
  },
  run: async (bytes) => {
    if (performance.now() - signedAtMs > signEveryMs) await sign();
    const [first = Buffer.alloc(0), ...parts] = partsOf(bytes, separator);
    if (first.toString('latin1') === welcomed)
      await collector.sendWelcomed(parts.map((part) => (isText(part) ? part.toString('utf8') : part)));
    else await collector.sendRaw(Buffer.concat([first, ...parts]));
    assert.deepEqual(await collector.othersState(), before);
    assert.deepEqual(collector.fatal, []);
    return 0;
  },
  close: collector.close,
};
