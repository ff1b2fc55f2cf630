import type { IncomingMessage } from 'node:http';
import { type CertificateVerdict, certificateValues, judgeCertificate, judgeExpiry, readAuthorities } from './certificate.ts';
import { type DialTimes, dial } from './dial.ts';
import { ProbeFault } from './fault.ts';
import { acceptedEncodings, type Body, noBody, readBody } from './http/body.ts';
import { isAccepted, judgeAnswer } from './http/judge.ts';
import { type HttpRequest, redirectOf, shownUrl } from './http/redirect.ts';
import { sendRequest } from './http/send.ts';
import { addDial, createTrace, type HttpTrace, noteHead, traceValues } from './http/trace.ts';
import { findingOf, judgeTime, toOutcome } from './outcome.ts';
import { type ProbeRunner, type RunContext, type Specs, toDetail } from './probe.ts';
import { shakeHands } from './tls-handshake.ts';

type Spec = Specs['http'];

/** Asks for a page, following redirects, and judges status, headers, body, certificate and time. */
export const httpRunner: ProbeRunner<'http'> = {
  kind: 'http',
  run: async (spec, context) => {
    const { clock, signal, tools } = context;
    const startedMs = clock.monotonicMs();
    const trace = createTrace();
    const values = (isPatternFault: boolean) => ({
      ...traceValues(trace, isPatternFault),
      ...(trace.verdict === null ? {} : certificateValues(trace.verdict)),
    });
    try {
      const last = await follow(spec, trace, context);
      const latencyMs = clock.monotonicMs() - startedMs;
      const fault = judgeAnswer(spec, { status: last.status, headers: last.response.headers, body: last.body }, tools.patterns);
      if (fault !== null) {
        const { isPatternFault, ...finding } = fault;
        return toOutcome(finding, latencyMs, values(isPatternFault));
      }
      const expiring =
        trace.verdict === null || spec.certificate === 'ignore'
          ? null
          : judgeExpiry(trace.verdict, spec.certificateDaysDegraded, clock.nowMs());
      return toOutcome(expiring ?? judgeTime(latencyMs, spec.slowMs), latencyMs, values(false));
    } catch (error) {
      return toOutcome(findingOf(error, signal, trace.activity), null, values(false));
    }
  },
};

/** The answer that is judged: the first that is no redirect, or that the spec accepts as it is. */
interface LastAnswer {
  readonly status: number;
  readonly response: IncomingMessage;
  readonly body: Body;
}

const follow = async (spec: Spec, trace: HttpTrace, context: RunContext): Promise<LastAnswer> => {
  const authorities = await readAuthorities(spec.caFile, context);
  let request = firstRequest(spec);
  for (;;) {
    const { status, response } = await ask(request, { spec, trace, context, authorities });
    const isFinal = spec.redirectsMax === 0 || isAccepted(spec.statuses, status);
    let next: HttpRequest | null;
    try {
      next = isFinal ? null : redirectOf(request, status, response.headers.location);
      if (next === null) return { status, response, body: await readAnswer(spec, status, response, trace, context) };
      if (trace.redirectsCount >= spec.redirectsMax) {
        throw new ProbeFault(
          'HTTP_TOO_MANY_REDIRECTS',
          `more than ${spec.redirectsMax} redirects, the next to ${shownUrl(next.url)}`,
        );
      }
    } finally {
      // Whatever came of it, this connection has served.
      response.socket.destroy();
    }
    trace.redirectsCount += 1;
    request = next;
  }
};

const firstRequest = (spec: Spec): HttpRequest => ({
  url: new URL(spec.url),
  method: spec.method,
  headers: { 'user-agent': 'jiwei-agent', accept: '*/*', 'accept-encoding': acceptedEncodings, ...lowerCased(spec.headers) },
  body: spec.body,
});

const lowerCased = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

interface Journey {
  readonly spec: Spec;
  readonly trace: HttpTrace;
  readonly context: RunContext;
  readonly authorities: readonly string[] | null;
}

/** One request on one connection of its own, up to the head of the answer. */
const ask = async (
  request: HttpRequest,
  { spec, trace, context, authorities }: Journey,
): Promise<{ readonly status: number; readonly response: IncomingMessage }> => {
  const { clock, signal } = context;
  const { url } = request;
  const isTls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  trace.activity = `connecting to ${url.host}`;
  trace.isTls = isTls;
  trace.verdict = null;
  const times: DialTimes = { resolveMs: null, connectMs: null };
  let socket = await dial({ host, port }, context, times).finally(() => addDial(trace, times));
  try {
    if (isTls) {
      trace.activity = `shaking hands over TLS with ${url.host}`;
      const startedMs = clock.monotonicMs();
      const secure = await shakeHands(socket, { serverName: host, authorities }, signal);
      socket = secure;
      trace.phasesMs.tls += clock.monotonicMs() - startedMs;
      trace.verdict = judgeCertificate(secure);
      refuseUntrusted(spec, trace.verdict);
    }
    trace.activity = `waiting for the answer of ${shownUrl(url)}`;
    const startedMs = clock.monotonicMs();
    const response = await sendRequest(request, socket);
    trace.phasesMs.processing += clock.monotonicMs() - startedMs;
    noteHead(trace, response);
    return { status: response.statusCode ?? 0, response };
  } catch (error) {
    socket.destroy();
    throw error;
  }
};

/** Thrown before the request is sent: what it carries must not reach somebody who cannot prove who he is. */
const refuseUntrusted = (spec: Spec, { fault }: CertificateVerdict): void => {
  if (fault !== null && spec.certificate === 'judge') throw new ProbeFault(fault.reason, toDetail(fault.detail));
};

/** The body as far as it matters: none when the spec reads none, or when the status has decided already. */
const readAnswer = async (
  spec: Spec,
  status: number,
  response: IncomingMessage,
  trace: HttpTrace,
  { clock }: RunContext,
): Promise<Body> => {
  if (spec.bodyBytesMax === 0 || status === 101 || !isAccepted(spec.statuses, status)) return noBody;
  trace.activity = 'reading the body';
  const startedMs = clock.monotonicMs();
  const body = await readBody(response, spec.bodyBytesMax).finally(() => {
    trace.phasesMs.transfer += clock.monotonicMs() - startedMs;
  });
  trace.bodyBytes = body.bytes;
  return body;
};
