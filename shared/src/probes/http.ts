import { z } from 'zod';
import { limits } from '../limits.ts';
import { patternSchema } from './host.ts';
import { defineProbeKind } from './probe-kind.ts';

const headerNamePattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110: a field value has no line breaks; with one, a header could smuggle a second one in. */
const headerValue = z
  .string()
  .max(4_096)
  .refine((text) => !/[\r\n\0]/.test(text), { error: 'must not contain line breaks' });
const headerName = z.string().regex(headerNamePattern, { error: 'needs a header name' });
const statusText = z.string().regex(/^[1-5](\d\d|xx)(-[1-5]\d\d)?$/, { error: 'needs a status such as 200, 2xx or 200-299' });

/** Credentials in the address would be shown wherever the check is; they belong into a header. */
const isProbeUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '';
};

export const httpKind = defineProbeKind({
  kind: 'http',
  summary: 'Asks for a page over HTTP or HTTPS and judges status, headers, body, certificate and time.',
  spec: z.strictObject({
    url: z
      .string()
      .max(2_048)
      .refine(isProbeUrl, { error: 'needs an http:// or https:// address without user name and password' })
      .describe('Address to ask for.'),
    method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS']).default('GET').describe('Request method.'),
    headers: z.record(headerName, headerValue).default({}).describe('Request headers.'),
    body: z.string().max(65_536).optional().describe('Request body, sent as UTF-8.'),
    statuses: z
      .array(z.union([z.int().min(100).max(599), statusText]))
      .min(1)
      .default(['2xx'])
      .describe('Accepted statuses: 200, "2xx", "200-299".'),
    expectBody: patternSchema.optional().describe('Pattern the body must match; else KEYWORD_MISSING.'),
    forbidBody: patternSchema.optional().describe('Pattern the body must not match; else KEYWORD_FORBIDDEN.'),
    expectHeaders: z.record(headerName, patternSchema).default({}).describe('Patterns response headers must match.'),
    json: z
      .array(
        z.strictObject({
          path: z
            .string()
            .regex(/^\$(\.[A-Za-z_][\w-]*|\[\d+\]|\["[^"]+"\])*$/, { error: 'needs a path such as $.status or $.items[0].name' }),
          equals: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
          matches: patternSchema.optional(),
        }),
      )
      .max(16)
      .default([])
      .describe('Values the JSON body must have; a path without equals or matches must only exist.'),
    redirectsMax: z
      .int()
      .min(0)
      .max(20)
      .default(5)
      .describe(
        'Redirects followed; 0, or an accepted 3xx status, judges the redirect itself. Headers that may carry credentials are dropped when the origin changes.',
      ),
    bodyBytesMax: z
      .int()
      .min(0)
      .max(limits.probeBodyBytesMax)
      .default(1_048_576)
      .describe(
        'Bytes of body read, after decoding; a longer one is degraded to HTTP_BODY_TOO_LARGE. 0 reads and judges no body.',
      ),
    slowMs: z.int().min(1).max(60_000).optional().describe('Total time in ms from which the result is degraded.'),
    certificate: z
      .enum(['judge', 'ignore'])
      .default('judge')
      .describe('judge: an invalid certificate makes the result down. ignore: it is only reported.'),
    certificateDaysDegraded: z
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
    { name: 'probe_http_status_code', type: 'gauge', help: 'Response HTTP status code', labels: [] },
    { name: 'probe_http_version', type: 'gauge', help: 'Version of HTTP of the response', labels: [] },
    { name: 'probe_http_redirects', type: 'gauge', help: 'Number of redirects followed', labels: [] },
    { name: 'probe_http_content_length', type: 'gauge', help: 'Length of the body as announced, -1 when not said', labels: [] },
    { name: 'probe_http_uncompressed_body_length', type: 'gauge', help: 'Bytes of body read', labels: [] },
    { name: 'probe_http_ssl', type: 'gauge', help: '1 when the last answer came over TLS, else 0', labels: [] },
    {
      name: 'probe_http_duration_seconds',
      type: 'gauge',
      help: 'Duration by phase (resolve, connect, tls, processing, transfer), summed over redirects',
      labels: ['phase'],
    },
    { name: 'probe_dns_lookup_time_seconds', type: 'gauge', help: 'Time taken for the first name look-up', labels: [] },
    { name: 'probe_failed_due_to_regex', type: 'gauge', help: '1 when a pattern made the probe fail, else 0', labels: [] },
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
  target: (spec) => spec.url,
});
