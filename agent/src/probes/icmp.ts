import { orAborted } from '@jiwei/shared/or-aborted.ts';
import { seriesText } from '@jiwei/shared/series.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import { addressesOf, type DialTimes, dial } from './dial.ts';
import { ProbeFault } from './fault.ts';
import type { EchoAnswer } from './icmp/echo-batch.ts';
import { codeOf } from './network-error.ts';
import { type Finding, findingOf, judgeTime, toOutcome } from './outcome.ts';
import { type ProbeOutcome, type ProbeRunner, type RunContext, type Specs, toDetail } from './probe.ts';

type Spec = Specs['icmp'];

/** The part of the time left that a tool is given: it must have printed its sums before the run is cut off. */
const toolShareOfTime = 0.85;

/** Sends echo requests through `ping` or `fping`; where the agent may do neither, a TCP connection is tried instead. */
export const icmpRunner: ProbeRunner<'icmp'> = {
  kind: 'icmp',
  batchKey: ({ count }, { echo }) => (echo.isBatching() ? String(count) : null),
  run: async (spec, context) => {
    const { clock, signal, tools } = context;
    const startedMs = clock.monotonicMs();
    let resolveMs = Number.NaN;
    try {
      const [first] = await addressesOf(spec.host, context);
      resolveMs = clock.monotonicMs() - startedMs;
      if (first === undefined) throw new ProbeFault('DNS_NO_DATA', `${spec.host} has no address`);
      const { address } = first;
      const waitMs = Math.max(1, (context.deadlineMonotonicMs - clock.monotonicMs()) * toolShareOfTime);
      const answer = await orAborted(tools.echo.ask({ address, count: spec.count, waitMs, signal }), signal);
      if (answer === null) {
        const askedAfterMs = clock.monotonicMs() - startedMs;
        return { ...(await connectInstead(spec, address, resolveMs, context)), askedAfterMs };
      }
      const outcome = judgeAnswer({ ...spec, count: answer.sentCount }, answer, resolveMs, answer.method);
      return { ...outcome, askedAfterMs: resolveMs + answer.sentAfterMs };
    } catch (error) {
      return toOutcome(findingOf(error, signal, `pinging ${spec.host}`), null, { [lookupSeries]: resolveMs / secondMs });
    }
  },
};

const lookupSeries = 'probe_dns_lookup_time_seconds';

const judgeAnswer = (
  spec: Spec,
  report: Pick<EchoAnswer, 'roundTripsMs' | 'detail'>,
  resolveMs: number,
  method: string,
): ProbeOutcome => {
  const receivedCount = report.roundTripsMs.length;
  const lossRatio = 1 - receivedCount / spec.count;
  const meanMs = report.roundTripsMs.reduce((sum, ms) => sum + ms, 0) / receivedCount;
  const values = {
    [lookupSeries]: resolveMs / secondMs,
    [phaseSeries('resolve')]: resolveMs / secondMs,
    [phaseSeries('rtt')]: meanMs / secondMs,
    probe_icmp_loss_ratio: lossRatio,
  };
  if (receivedCount === 0) {
    const detail = toDetail(report.detail ?? `${spec.count} requests, no reply`);
    return toOutcome({ outcome: 'down', reason: 'NO_REPLY', detail }, null, values, method);
  }
  return toOutcome(judgeReplies(spec, lossRatio, meanMs), meanMs, values, method);
};

const judgeReplies = (spec: Spec, lossRatio: number, meanMs: number): Finding => {
  if (lossRatio > 0 && lossRatio >= spec.lossRatioDegraded) {
    const lostCount = Math.round(lossRatio * spec.count);
    return { outcome: 'degraded', reason: 'PACKET_LOSS', detail: `${lostCount} of ${spec.count} replies are missing` };
  }
  return judgeTime(meanMs, spec.slowMs);
};

/** Reaching a host by TCP proves as much as an echo reply: a refusal, too, was sent by the host. */
const connectInstead = async (spec: Spec, address: string, resolveMs: number, context: RunContext): Promise<ProbeOutcome> => {
  const { clock, signal } = context;
  const startedMs = clock.monotonicMs();
  const times: DialTimes = { resolveMs: null, connectMs: null };
  const port = spec.tcpFallbackPort;
  try {
    (await dial({ host: address, port }, context, times)).destroy();
  } catch (error) {
    if (codeOf(error) !== 'ECONNREFUSED') {
      const values = { [lookupSeries]: resolveMs / secondMs, probe_icmp_loss_ratio: 1 };
      return toOutcome(findingOf(error, signal, `connecting to TCP port ${port} instead of pinging`), null, values, 'tcp');
    }
  }
  const report = { roundTripsMs: [clock.monotonicMs() - startedMs] };
  return judgeAnswer({ ...spec, count: 1 }, report, resolveMs, 'tcp');
};

const phaseSeries = (phase: 'resolve' | 'rtt'): string => seriesText('probe_icmp_duration_seconds', [['phase', phase]]);
