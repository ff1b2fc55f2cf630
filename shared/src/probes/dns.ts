import { isIP } from 'node:net';
import { z } from 'zod';
import { isHost, patternSchema } from './host.ts';
import { defineProbeKind } from './probe-kind.ts';

/** `10.0.0.53`, `10.0.0.53:5353`, `[2001:db8::53]:53`. */
const isServer = (text: string): boolean => {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  const plain = /^([\d.]+)(?::(\d{1,5}))?$/.exec(text);
  const match = bracketed ?? plain;
  if (match === null) return isIP(text) === 6;
  const port = match[2] === undefined ? 53 : Number(match[2]);
  return isIP(match[1] ?? '') === (bracketed ? 6 : 4) && port >= 1 && port <= 65_535;
};

export const dnsKind = defineProbeKind({
  kind: 'dns',
  summary: 'Asks a name server and compares its answer.',
  spec: z
    .strictObject({
      name: z.string().refine(isHost, { error: 'needs a DNS name or an address (for PTR)' }).describe('Name to ask for.'),
      type: z.enum(['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TXT']).default('A').describe('Record type.'),
      server: z
        .string()
        .refine(isServer, { error: 'needs an address, optionally with a port: 10.0.0.53:53 or [2001:db8::53]:53' })
        .optional()
        .describe("Name server; the host's own by default."),
      expect: z
        .array(z.string().min(1).max(1_000))
        .max(64)
        .default([])
        .describe('Values that must all be among the answers, as text (MX "10 mail.example.org").'),
      expectOnly: z.boolean().default(false).describe('Whether answers other than the expected ones are a failure.'),
      expectPattern: patternSchema.optional().describe('Pattern at least one answer must match.'),
      slowMs: z.int().min(1).max(60_000).optional().describe('Time in ms from which the result is degraded.'),
    })
    .refine((spec) => isIP(spec.name) === 0 || spec.type === 'PTR', {
      error: 'an address can only be asked for with type PTR',
      path: ['name'],
    }),
  metrics: [
    { name: 'probe_dns_answer_rrs', type: 'gauge', help: 'Number of records in the answer', labels: [] },
    { name: 'probe_dns_query_succeeded', type: 'gauge', help: '1 when the server answered, else 0', labels: [] },
    { name: 'probe_dns_duration_seconds', type: 'gauge', help: 'Duration of the DNS request by phase', labels: ['phase'] },
  ],
  target: (spec) => `${spec.name} ${spec.type}${spec.server === undefined ? '' : ` @${spec.server}`}`,
});
