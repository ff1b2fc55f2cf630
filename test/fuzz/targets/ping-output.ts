import { systemClock } from '@jiwei/shared/clock.ts';
import { probeSchema } from '@jiwei/shared/probes/registry.ts';
import type { Echo } from '../../../agent/src/probes/icmp/echo.ts';
import { runEchoBatch } from '../../../agent/src/probes/icmp/echo-batch.ts';
import { createFpingTool } from '../../../agent/src/probes/icmp/fping-tool.ts';
import { createPingTool } from '../../../agent/src/probes/icmp/ping-tool.ts';
import type { RunTool } from '../../../agent/src/probes/icmp/run-tool.ts';
import { runProbe } from '../../../agent/src/probes/run-probe.ts';
import { assertOutcome, fuzzTools } from '../server.ts';
import type { FuzzTarget } from '../target.ts';

const host = '127.0.0.1';
const ping = `PING ${host} (${host}) 56(84) bytes of data.
64 bytes from ${host}: icmp_seq=1 ttl=64 time=0.042 ms
64 bytes from ${host}: icmp_seq=2 ttl=64 time=0.055 ms

--- ${host} ping statistics ---
2 packets transmitted, 2 received, 0% packet loss, time 201ms
rtt min/avg/max/mdev = 0.042/0.048/0.055/0.006 ms
`;

/** What the helper programs print: their text holds names and words of whoever is pinged. */
export const target: FuzzTarget = {
  name: 'ping-output',
  corpus: [
    Buffer.from(ping),
    Buffer.from(
      `[1795998455.69161] ${host} : [0], 64 bytes, 0.36 ms (0.36 avg, 0% loss)\n[1795998456.39605] ${host} : [1], timed out (NaN avg, 100% loss)\n`,
    ),
    Buffer.from(`${host} : 0.42 - 0.51\n10.0.0.2 : - - -\nICMP Host Unreachable from 10.0.0.1 for ICMP Echo sent to 10.0.0.2\n`),
    Buffer.from(`ping: ${host}: Name or service not known\n`),
  ],
  words: [
    'time=',
    ' ms\n',
    `${host} : `,
    '[0], ',
    ' bytes, ',
    'timed out',
    ' - ',
    'icmp_seq=',
    '% packet loss',
    'rtt min/avg/max/mdev = ',
    '1e400',
    '9'.repeat(330),
  ],
  inputBytesMax: 8_192,
  refusals: [],
  workMax: 0,
  boundedInputs: 600,
  run: async (bytes) => {
    const text = Buffer.from(bytes).toString('utf8');
    const runTool: RunTool = async ({ onLine }) => {
      for (const line of text.split('\n')) onLine?.(line);
      return { exitCode: 0, stdout: text, stderr: text };
    };
    const { signal } = new AbortController();
    for (const tool of [createPingTool(runTool), createFpingTool(runTool, systemClock)]) {
      const ask: Echo['ask'] = ({ address, count }) =>
        new Promise((resolve, reject) => {
          const askedMs = systemClock.monotonicMs();
          const waiting = { address, count, askedMs, dueMs: askedMs + 1_000, signal, resolve, reject };
          void runEchoBatch(tool, [waiting], systemClock);
        });
      const probe = probeSchema.parse({ kind: 'icmp', spec: { host, tcpFallbackPort: 1 } });
      if (probe.kind !== 'icmp') continue;
      const echo: Echo = { ask, isBatching: () => true };
      assertOutcome(await runProbe(probe, 1_000, { signal, clock: systemClock, tools: fuzzTools({ echo }) }));
    }
    return 0;
  },
};
