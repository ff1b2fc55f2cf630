import { z } from 'zod';
import { dnsKind } from './dns.ts';
import { heartbeatKind } from './heartbeat.ts';
import { httpKind } from './http.ts';
import { icmpKind } from './icmp.ts';
import { processKind } from './process.ts';
import { tcpKind } from './tcp.ts';
import { tlsKind } from './tls.ts';
import { unitKind } from './unit.ts';

/** Every kind of check, one line each. */
export const probeKinds = {
  icmp: icmpKind,
  tcp: tcpKind,
  http: httpKind,
  tls: tlsKind,
  dns: dnsKind,
  process: processKind,
  unit: unitKind,
  heartbeat: heartbeatKind,
} as const;

export type ProbeKind = keyof typeof probeKinds;
/** The kinds an agent runs; `heartbeat` is the collector's. */
export type AgentProbeKind = Exclude<ProbeKind, 'heartbeat'>;
export const probeKindNames = Object.keys(probeKinds) as readonly ProbeKind[];

/** The parsed spec of a kind, defaults filled in. */
export type SpecOf<K extends ProbeKind> = z.output<(typeof probeKinds)[K]['spec']>;

const specSchema = <K extends ProbeKind>(kind: K) =>
  z.strictObject({ kind: z.literal(kind), spec: probeKinds[kind].spec as (typeof probeKinds)[K]['spec'] });

/** A kind with its spec, as it is stored and sent. */
export const probeSchema = z.discriminatedUnion('kind', [
  specSchema('icmp'),
  specSchema('tcp'),
  specSchema('http'),
  specSchema('tls'),
  specSchema('dns'),
  specSchema('process'),
  specSchema('unit'),
  specSchema('heartbeat'),
]);

export type Probe = { readonly [K in ProbeKind]: { readonly kind: K; readonly spec: SpecOf<K> } }[ProbeKind];
export type AgentProbe = Exclude<Probe, { kind: 'heartbeat' }>;

/** The general metrics every check has, beside those of its kind. */
export const checkMetrics = [
  { name: 'probe_success', type: 'gauge', help: 'Displays whether or not the probe was a success', labels: [] },
  { name: 'probe_duration_seconds', type: 'gauge', help: 'Returns how long the probe took to complete in seconds', labels: [] },
] as const;

/** What a check asks, as people read it. */
export const probeTarget = (probe: Probe): string => {
  // Kind and spec of a Probe belong together by its type; TypeScript cannot follow that through the look-up.
  const { target } = probeKinds[probe.kind] as { target(spec: Probe['spec']): string };
  return target(probe.spec);
};
