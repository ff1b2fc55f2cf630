import { z } from 'zod';
import { hostSchema, patternSchema, portSchema } from './host.ts';
import { defineProbeKind } from './probe-kind.ts';

export const tcpKind = defineProbeKind({
  kind: 'tcp',
  summary: 'Opens a TCP connection, and optionally converses: send a text, expect a pattern.',
  spec: z.strictObject({
    host: hostSchema.describe('Address or name to connect to.'),
    port: portSchema.describe('Port, 1 to 65535.'),
    tls: z
      .boolean()
      .default(false)
      .describe('Whether to speak TLS after connecting; the certificate is not judged (use the kind tls).'),
    exchange: z
      .array(
        z.strictObject({
          send: z.string().max(4_096).optional().describe('Text to send first; "\\r\\n" as written in the file.'),
          expect: patternSchema
            .optional()
            .describe('Pattern that what was received since the match before (as UTF-8) must come to match.'),
        }),
      )
      .max(16)
      .default([])
      .describe('Steps of the conversation, in order; none means that connecting is enough.'),
    slowMs: z
      .int()
      .min(1)
      .max(60_000)
      .optional()
      .describe('Time to the end of the conversation in ms from which the result is degraded.'),
  }),
  metrics: [
    { name: 'probe_dns_lookup_time_seconds', type: 'gauge', help: 'Time taken for the name look-up', labels: [] },
    {
      name: 'probe_tcp_connect_seconds',
      type: 'gauge',
      help: 'Time from the end of the name look-up to the open connection',
      labels: [],
    },
    { name: 'probe_failed_due_to_regex', type: 'gauge', help: '1 when an expected pattern did not come, else 0', labels: [] },
  ],
  target: (spec) => `${spec.host.includes(':') ? `[${spec.host}]` : spec.host}:${spec.port}`,
});
