import { z } from 'zod';
import { hostSchema } from './host.ts';
import { defineProbeKind } from './probe-kind.ts';

export const icmpKind = defineProbeKind({
  kind: 'icmp',
  summary: 'Sends echo requests; up when at least one reply comes back.',
  spec: z.strictObject({
    host: hostSchema.describe('Address or name to ping.'),
    count: z.int().min(1).max(20).default(3).describe('Echo requests per run, 1 to 20; 3 tells loss from an outage.'),
    lossRatioDegraded: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe('Share of lost replies, 0 to 1, from which the result is degraded.'),
    slowMs: z
      .int()
      .min(1)
      .max(60_000)
      .optional()
      .describe('Mean round trip in ms from which the result is degraded; none by default.'),
    tcpFallbackPort: z
      .int()
      .min(1)
      .max(65_535)
      .default(80)
      .describe('TCP port tried where the agent may not ping; a refused connection counts as a reply.'),
  }),
  metrics: [
    { name: 'probe_icmp_duration_seconds', type: 'gauge', help: 'Duration of the ICMP request by phase', labels: ['phase'] },
    { name: 'probe_icmp_loss_ratio', type: 'gauge', help: 'Share of echo requests without a reply, 0 to 1', labels: [] },
    { name: 'probe_dns_lookup_time_seconds', type: 'gauge', help: 'Time taken for the name look-up', labels: [] },
  ],
  target: (spec) => spec.host,
});
