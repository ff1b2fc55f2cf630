import type { IncomingHttpHeaders } from 'node:http';
import type { Finding } from '../outcome.ts';
import type { PatternRunner } from '../pattern.ts';
import { quote, type Specs, toDetail } from '../probe.ts';
import type { Body } from './body.ts';
import { findJson } from './json-path.ts';

type Spec = Specs['http'];

/** The last answer of a run. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Body;
}

/** A finding, and whether a pattern of the spec made it. */
export interface HttpFinding extends Finding {
  readonly isPatternFault: boolean;
}

/** Judges an answer in the order of what matters: status, headers, forbidden text, expected text, JSON, size. Null when all is right. */
export const judgeAnswer = (spec: Spec, answer: HttpAnswer, patterns: PatternRunner): HttpFinding | null => {
  if (!isAccepted(spec.statuses, answer.status)) return down('HTTP_STATUS', `the status is ${answer.status}`);
  const headerFault = judgeHeaders(spec, answer.headers, patterns);
  if (headerFault !== null) return headerFault;
  const { body } = answer;
  const { bytes, isCut } = body;
  const forbidden = spec.forbidBody === undefined ? null : patterns.find(spec.forbidBody, body.text);
  if (forbidden !== null) {
    return down('KEYWORD_FORBIDDEN', `the body contains ${quote(body.text.slice(forbidden.from, forbidden.to))}`, true);
  }
  // In a body that was not read to its end the rest could hold what is missing, so that only "too large" is certain.
  if (!isCut && spec.expectBody !== undefined && patterns.find(spec.expectBody, body.text) === null) {
    return down(
      'KEYWORD_MISSING',
      `nothing in the ${bytes} bytes of the body matches ${spec.expectBody}: ${quote(body.text)}`,
      true,
    );
  }
  const jsonFault = isCut || spec.json.length === 0 ? null : judgeJson(spec.json, body.text, patterns);
  if (jsonFault !== null) return jsonFault;
  if (!isCut) return null;
  const detail = `the body is larger than ${spec.bodyBytesMax} bytes; the rest was not read`;
  return { outcome: 'degraded', reason: 'HTTP_BODY_TOO_LARGE', detail, isPatternFault: false };
};

/** Whether a status is in the set: `200`, `2xx`, `200-299`. */
export const isAccepted = (statuses: Spec['statuses'], status: number): boolean =>
  statuses.some((accepted) => {
    if (typeof accepted === 'number') return accepted === status;
    const [from = '', to] = accepted.split('-');
    if (from.endsWith('xx')) return Math.floor(status / 100) === Number(from[0]);
    return to === undefined ? Number(from) === status : Number(from) <= status && status <= Number(to);
  });

const judgeHeaders = (spec: Spec, headers: IncomingHttpHeaders, patterns: PatternRunner): HttpFinding | null => {
  for (const [name, pattern] of Object.entries(spec.expectHeaders)) {
    const raw = headers[name.toLowerCase()];
    if (raw === undefined) return down('HTTP_HEADER_MISMATCH', `the header ${name} is missing`);
    const lines = typeof raw === 'string' ? [raw] : raw;
    if (patterns.findAll(pattern, lines).every((match) => match === null)) {
      return down('HTTP_HEADER_MISMATCH', `the header ${name} is ${lines.map(quote).join(', ')}, expected ${pattern}`, true);
    }
  }
  return null;
};

const judgeJson = (rules: Spec['json'], text: string, patterns: PatternRunner): HttpFinding | null => {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return down('JSON_MISMATCH', `the body is not JSON: ${quote(text)}`);
  }
  for (const { path, equals, matches } of rules) {
    const found = findJson(root, path);
    if (!found.isFound) return down('JSON_MISMATCH', `${path} does not exist`);
    const shown = typeof found.value === 'string' ? found.value : JSON.stringify(found.value);
    if (equals !== undefined && found.value !== equals) {
      return down('JSON_MISMATCH', `${path} is ${quote(shown)}, expected ${JSON.stringify(equals)}`);
    }
    if (matches !== undefined && patterns.find(matches, shown) === null) {
      return down('JSON_MISMATCH', `${path} is ${quote(shown)}, expected to match ${matches}`, true);
    }
  }
  return null;
};

const down = (reason: HttpFinding['reason'], text: string, isPatternFault = false): HttpFinding => ({
  outcome: 'down',
  reason,
  detail: toDetail(text),
  isPatternFault,
});
