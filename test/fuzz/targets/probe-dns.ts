import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { systemClock } from '@jiwei/shared/clock.ts';
import { probeSchema } from '@jiwei/shared/probes/registry.ts';
import { runProbe } from '../../../agent/src/probes/run-probe.ts';
import { assertOutcome, fuzzTools } from '../server.ts';
import type { FuzzTarget } from '../target.ts';

let answer: Uint8Array = Buffer.alloc(0);
const socket = createSocket('udp4');
socket.on('message', (question, { port }) => {
  // The number of the question is right, or nobody would look at the rest.
  socket.send(Buffer.concat([question.subarray(0, 2), Buffer.from(answer).subarray(2)]), port, '127.0.0.1');
});
socket.bind(0, '127.0.0.1');
await once(socket, 'listening');
const server = `127.0.0.1:${socket.address().port}`;
const types = ['A', 'AAAA', 'CNAME', 'NS', 'TXT', 'MX', 'SRV', 'SOA', 'PTR'] as const;
const probes = types.map((type) =>
  probeSchema.parse({ kind: 'dns', spec: { name: 'a.b', server, type, expectPattern: '名|.', expect: ['10.0.0.1'] } }),
);
const tools = fuzzTools();

const codes = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33 } as const;
const data: Readonly<Record<(typeof types)[number], string>> = {
  ...{ A: '0a000001', AAAA: `${'00'.repeat(15)}01`, CNAME: '0161016200', NS: '0161016200', PTR: '0161016200', TXT: '0474657874' },
  ...{
    MX: '000a0161016200',
    SRV: '000100020003 0161016200'.replace(' ', ''),
    SOA: `01610162000161016200${'00000001'.repeat(5)}`,
  },
};
const hex16 = (value: number): string => value.toString(16).padStart(4, '0');
const answers = types.map((type) =>
  Buffer.from(
    `0000818000010001000000000161016200${hex16(codes[type])}0001c00c${hex16(codes[type])}00010000003c${hex16(data[type].length / 2)}${data[type]}`,
    'hex',
  ),
);

/** A name server under watch that answers anything at all. */
export const target: FuzzTarget = {
  name: 'probe-dns',
  corpus: answers,
  words: ['\u00c0\u000c', '\u0001a\u0001b\0', '\0\u0001\0\u0001', '\0\u0010', '\u00ff\u00ff', '\u003f'],
  inputBytesMax: 1_400,
  refusals: [],
  workMax: 0,
  boundedInputs: 200,
  run: async (bytes) => {
    answer = bytes;
    const probe = probes[bytes.length % probes.length];
    if (probe === undefined || probe.kind === 'heartbeat') return 0;
    // An answer that is none is waited out, so the patience decides how many inputs a run sees; loopback answers within one.
    assertOutcome(await runProbe(probe, 15, { signal: new AbortController().signal, clock: systemClock, tools }));
    return 0;
  },
  close: async () => {
    socket.close();
    await once(socket, 'close');
  },
};
