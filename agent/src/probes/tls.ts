import type { Socket } from 'node:net';
import { secondMs } from '@jiwei/shared/time.ts';
import { certificateValues, judgeCertificate, judgeExpiry, readAuthorities } from './certificate.ts';
import { type DialTimes, dial, hostPort } from './dial.ts';
import { findingOf, toOutcome } from './outcome.ts';
import { type ProbeRunner, toDetail } from './probe.ts';
import { shakeHands } from './tls-handshake.ts';

/** Shakes hands over TLS and judges the certificate. */
export const tlsRunner: ProbeRunner<'tls'> = {
  kind: 'tls',
  run: async (spec, context) => {
    const { clock, signal } = context;
    const startedMs = clock.monotonicMs();
    const times: DialTimes = { resolveMs: null, connectMs: null };
    let activity = `connecting to ${hostPort(spec)}`;
    let socket: Socket | null = null;
    const timeValues = () => ({ probe_dns_lookup_time_seconds: (times.resolveMs ?? Number.NaN) / secondMs });
    try {
      const authorities = await readAuthorities(spec.caFile, context);
      socket = await dial(spec, context, times);
      activity = `shaking hands over TLS with ${hostPort(spec)}`;
      const handshakeAtMs = clock.monotonicMs();
      const secure = await shakeHands(socket, { serverName: spec.serverName ?? spec.host, authorities }, signal);
      socket = secure;
      const endedMs = clock.monotonicMs();
      const verdict = judgeCertificate(secure);
      const values = {
        ...timeValues(),
        probe_tls_handshake_seconds: (endedMs - handshakeAtMs) / secondMs,
        ...certificateValues(verdict),
      };
      const latencyMs = endedMs - startedMs;
      if (verdict.fault !== null) {
        const { reason, detail } = verdict.fault;
        return toOutcome({ outcome: 'down', reason, detail: toDetail(detail) }, latencyMs, values);
      }
      const finding = judgeExpiry(verdict, spec.daysDegraded, clock.nowMs()) ?? { outcome: 'up', reason: 'OK' };
      return toOutcome(finding, latencyMs, values);
    } catch (error) {
      return toOutcome(findingOf(error, signal, activity), null, timeValues());
    } finally {
      socket?.destroy();
    }
  },
};
