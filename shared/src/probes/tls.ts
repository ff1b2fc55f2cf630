import { z } from 'zod';
import { hostSchema, portSchema } from './host.ts';
import { defineProbeKind } from './probe-kind.ts';

export const tlsKind = defineProbeKind({
  kind: 'tls',
  summary: 'Shakes hands over TLS and judges the certificate.',
  spec: z.strictObject({
    host: hostSchema.describe('Address or name to connect to.'),
    port: portSchema.default(443).describe('Port, 1 to 65535.'),
    serverName: hostSchema.optional().describe('Name asked for (SNI) and looked for in the certificate; the host by default.'),
    daysDegraded: z
      .int()
      .min(0)
      .max(365)
      .default(14)
      .describe('Days before expiry from which the result is degraded; 0 switches it off.'),
    caFile: z
      .string()
      .max(4_096)
      .optional()
      .describe("PEM file on the agent's host with the authorities to trust besides the usual ones."),
  }),
  metrics: [
    { name: 'probe_dns_lookup_time_seconds', type: 'gauge', help: 'Time taken for the name look-up', labels: [] },
    { name: 'probe_tls_handshake_seconds', type: 'gauge', help: 'Time taken by the TLS handshake', labels: [] },
    { name: 'probe_ssl_earliest_cert_expiry', type: 'gauge', help: 'Earliest expiry in the chain, Unix seconds', labels: [] },
    {
      name: 'probe_ssl_last_chain_expiry_timestamp_seconds',
      type: 'gauge',
      help: 'Expiry of the verified chain, Unix seconds',
      labels: [],
    },
    { name: 'probe_tls_version_info', type: 'gauge', help: '1, with the TLS version negotiated', labels: ['version'] },
    {
      name: 'jiwei_probe_certificate_valid',
      type: 'gauge',
      help: '1 when the certificate is trusted for the name, else 0',
      labels: [],
    },
  ],
  target: (spec) => `${spec.host.includes(':') ? `[${spec.host}]` : spec.host}:${spec.port}`,
});
