import { Resolver } from 'node:dns/promises';
import { isIP, SocketAddress } from 'node:net';
import { seriesText } from '@jiwei/shared/series.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import { onAbort } from './abort.ts';
import { codeOf } from './network-error.ts';
import { type Finding, findingOf, judgeTime, toOutcome } from './outcome.ts';
import type { PatternRunner } from './pattern.ts';
import { type ProbeRunner, quote, type Specs, toDetail } from './probe.ts';

type Spec = Specs['dns'];

/** Tries within the time left: UDP loses packets, and one lost packet is no outage. */
const triesCount = 3;

/** Asks a name server and compares its answer. */
export const dnsRunner: ProbeRunner<'dns'> = {
  kind: 'dns',
  run: async (spec, { clock, signal, tools, deadlineMonotonicMs }) => {
    const startedMs = clock.monotonicMs();
    // c-ares waits longer with each try; a third of the time for the first leaves room for the others before the deadline.
    const firstTryMs = Math.max(1, Math.floor((deadlineMonotonicMs - startedMs) / triesCount));
    const resolver = new Resolver({ timeout: firstTryMs, tries: triesCount });
    const release = onAbort(signal, () => resolver.cancel());
    const values = (answers: readonly string[], isAnswered: boolean) => ({
      probe_dns_answer_rrs: answers.length,
      probe_dns_query_succeeded: isAnswered ? 1 : 0,
      [requestSeries]: (clock.monotonicMs() - startedMs) / secondMs,
    });
    try {
      signal.throwIfAborted();
      if (spec.server !== undefined) {
        tools.targets.check(addressOf(spec.server));
        resolver.setServers([spec.server]);
      }
      const answers = await ask(resolver, spec);
      const latencyMs = clock.monotonicMs() - startedMs;
      const fault = answers.length === 0 ? onlyAliases(spec) : judgeAnswers(spec, answers, tools.patterns);
      return toOutcome(fault ?? judgeTime(latencyMs, spec.slowMs), latencyMs, values(answers, true));
    } catch (error) {
      const server = spec.server ?? resolver.getServers().join(', ');
      const finding = findingOf(error, signal, `asking ${server} for ${spec.name} ${spec.type}`);
      // "No such name" and "no such record" are answers as well: the server works.
      const isAnswered = codeOf(error) === 'ENOTFOUND' || codeOf(error) === 'ENODATA';
      return toOutcome(finding, isAnswered ? clock.monotonicMs() - startedMs : null, values([], isAnswered));
    } finally {
      release();
    }
  },
};

/** Of `10.0.0.53:53`, `[2001:db8::53]:53`, or an address alone. */
const addressOf = (server: string): string => (isIP(server) === 0 ? server.replace(/:\d+$/, '').replace(/^\[|\]$/g, '') : server);

const requestSeries = seriesText('probe_dns_duration_seconds', [['phase', 'request']]);

/** The records as text, in the presentation form of zone files with single blanks and without the closing dot. */
const ask = async (resolver: Resolver, { name, type }: Spec): Promise<readonly string[]> => {
  switch (type) {
    case 'A':
      return resolver.resolve4(name);
    case 'AAAA':
      return resolver.resolve6(name);
    case 'CNAME':
      return resolver.resolveCname(name);
    case 'NS':
      return resolver.resolveNs(name);
    case 'PTR':
      return isIP(name) === 0 ? resolver.resolvePtr(name) : resolver.reverse(name);
    case 'TXT':
      return (await resolver.resolveTxt(name)).map((parts) => parts.join(''));
    case 'MX':
      return (await resolver.resolveMx(name)).map(({ priority, exchange }) => `${priority} ${exchange}`);
    case 'SRV':
      return (await resolver.resolveSrv(name)).map((srv) => `${srv.priority} ${srv.weight} ${srv.port} ${srv.name}`);
    case 'SOA': {
      const soa = await resolver.resolveSoa(name);
      return [`${soa.nsname} ${soa.hostmaster} ${soa.serial} ${soa.refresh} ${soa.retry} ${soa.expire} ${soa.minttl}`];
    }
    default:
      return type satisfies never;
  }
};

const judgeAnswers = (spec: Spec, answers: readonly string[], patterns: PatternRunner): Finding | null => {
  const found = new Set(answers.map((answer) => comparable(spec.type, answer)));
  const expected = new Set(spec.expect.map((answer) => comparable(spec.type, answer)));
  const said = `the answer was ${answers.map(quote).join(', ')}`;
  const missing = spec.expect.filter((answer) => !found.has(comparable(spec.type, answer)));
  if (missing.length > 0) return unexpected(`${missing.map(quote).join(', ')} missing; ${said}`);
  const surplus = answers.filter((answer) => !expected.has(comparable(spec.type, answer)));
  if (spec.expectOnly && surplus.length > 0) return unexpected(`${surplus.map(quote).join(', ')} not expected; ${said}`);
  const { expectPattern } = spec;
  if (expectPattern !== undefined && patterns.findAll(expectPattern, answers).every((match) => match === null)) {
    return unexpected(`nothing matches ${expectPattern}; ${said}`);
  }
  return null;
};

/** The server answered with an alias (CNAME) whose own name has no such record: to whoever asks that is no answer. */
const onlyAliases = ({ name, type }: Spec): Finding => ({
  outcome: 'down',
  reason: 'DNS_NO_DATA',
  detail: toDetail(`the answer holds no ${type} record for ${name}, at most an alias that leads to none`),
});

const unexpected = (text: string): Finding => ({ outcome: 'down', reason: 'DNS_UNEXPECTED_ANSWER', detail: toDetail(text) });

/** Names are equal whatever their case and closing dot (RFC 4343), addresses however they are written; texts only if they are equal. */
const comparable = (type: Spec['type'], answer: string): string => {
  if (type === 'TXT') return answer;
  const family = isIP(answer);
  if (family !== 0) return new SocketAddress({ address: answer, family: family === 6 ? 'ipv6' : 'ipv4' }).address;
  return answer
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .replace(/\.(?= |$)/g, '');
};
