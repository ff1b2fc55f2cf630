import type { AgentProbeKind } from '@jiwei/shared/probes/registry.ts';
import { dnsRunner } from './dns.ts';
import { httpRunner } from './http.ts';
import { icmpRunner } from './icmp.ts';
import type { ProbeRunner } from './probe.ts';
import { processRunner } from './process.ts';
import { tcpRunner } from './tcp.ts';
import { tlsRunner } from './tls.ts';
import { unitRunner } from './unit.ts';

/** How every kind is run, one line each; a kind of the shared registry without a line here does not compile. */
export const probeRunners: { readonly [K in AgentProbeKind]: ProbeRunner<K> } = {
  icmp: icmpRunner,
  tcp: tcpRunner,
  http: httpRunner,
  tls: tlsRunner,
  dns: dnsRunner,
  process: processRunner,
  unit: unitRunner,
};
