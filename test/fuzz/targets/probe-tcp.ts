import { systemClock } from '@jiwei/shared/clock.ts';
import { probeSchema } from '@jiwei/shared/probes/registry.ts';
import { runProbe } from '../../../agent/src/probes/run-probe.ts';
import { assertOutcome, fuzzTools, openHostilePeer } from '../server.ts';
import type { FuzzTarget } from '../target.ts';

const peer = await openHostilePeer(true);
const first = await openHostilePeer(false);
const tools = fuzzTools();
/** An answer comes at once or never here; whatever it is, waiting it out shows nothing more and costs thousands of other inputs. */
const patienceMs = 250;
const at = { host: '127.0.0.1', port: peer.port };
/** A conversation, the same inside TLS, and the TLS probe itself: each met by a peer that says anything. */
const probes = [
  {
    kind: 'tcp',
    spec: { ...at, port: first.port, exchange: [{ expect: '^220 ' }, { send: 'QUIT\r\n' }, { expect: '221|再见' }] },
  },
  { kind: 'tcp', spec: { ...at, tls: true, exchange: [{ expect: '.' }] } },
  { kind: 'tls', spec: at },
].map((probe) => probeSchema.parse(probe));

/** A TCP or TLS server under watch that says anything at all. */
export const target: FuzzTarget = {
  name: 'probe-tcp',
  corpus: [
    Buffer.from('220 mail ready\r\n221 再见\r\n'),
    // Alert, handshake_failure; and the beginning of a ServerHello.
    Buffer.from([0x15, 3, 3, 0, 2, 2, 40]),
    Buffer.from(`160303004a02000046030${'3'.repeat(65)}00c02f00000000`, 'hex'),
    Buffer.from([0x80, 0x2e, 1, 0, 2]),
  ],
  words: ['220 ', '221 ', '\r\n', '\u0015\u0003\u0003\0\u0002', '\u0016\u0003\u0001', '\u0016\u0003\u0003\0', '\u000b\0'],
  inputBytesMax: 100_000,
  refusals: [],
  workMax: 0,
  boundedInputs: 60,
  run: async (bytes) => {
    peer.says(bytes);
    first.says(bytes);
    const probe = probes[bytes.length % probes.length];
    if (probe === undefined || probe.kind === 'heartbeat') return 0;
    assertOutcome(await runProbe(probe, patienceMs, { signal: new AbortController().signal, clock: systemClock, tools }));
    return 0;
  },
  close: async () => {
    await peer.close();
    await first.close();
  },
};
