import { expect, test } from 'vitest';
import { codeOf, reasonForCode } from '../../../agent/src/probes/network-error.ts';
import { findingOf } from '../../../agent/src/probes/outcome.ts';

const rows: readonly (readonly [code: string, reason: string | null, why: string])[] = [
  ['ECONNREFUSED', 'CONNECTION_REFUSED', 'nothing listens'],
  ['ECONNRESET', 'CONNECTION_RESET', 'cut by the other side'],
  ['EPIPE', 'CONNECTION_RESET', 'written to after the cut'],
  ['ETIMEDOUT', 'TIMEOUT', 'the kernel gave up first'],
  ['ETIMEOUT', 'TIMEOUT', 'the name server is silent'],
  ['EHOSTUNREACH', 'HOST_UNREACHABLE', 'no route to the host'],
  ['EHOSTDOWN', 'HOST_UNREACHABLE', 'the neighbour does not answer'],
  ['ENETUNREACH', 'NETWORK_UNREACHABLE', 'no route to the network'],
  ['ENOTFOUND', 'DNS_NOT_FOUND', 'no such name'],
  ['ENODATA', 'DNS_NO_DATA', 'no such record'],
  ['EAI_AGAIN', 'DNS_FAILED', 'the resolver could not ask'],
  ['ESERVFAIL', 'DNS_FAILED', 'the name server failed'],
  ['EREFUSED', 'DNS_FAILED', 'the name server refused'],
  ['HPE_INVALID_CONSTANT', 'HTTP_PROTOCOL', 'not HTTP'],
  ['Z_DATA_ERROR', 'HTTP_PROTOCOL', 'not gzip'],
  ['ERR__ERROR_FORMAT_PADDING_1', 'HTTP_PROTOCOL', 'not brotli'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS_HANDSHAKE_FAILED', 'not TLS'],
  ['EPROTO', 'TLS_HANDSHAKE_FAILED', 'TLS alert'],
  ['EACCES', 'NOT_PERMITTED', 'a local firewall'],
  ['EMFILE', null, 'the agent has no more files: says nothing about the target'],
  ['ENOENT', null, 'a missing file: says nothing about the target'],
  ['', null, 'no code at all'],
];
for (const [code, reason, why] of rows) {
  test(`${code || '(empty)'} is ${reason ?? 'no word about the target'}: ${why}`, () => {
    expect(reasonForCode(code)).toBe(reason);
  });
}

const coded = (code: string) => Object.assign(new Error('failed'), { code });
test('several addresses tried speak by the first error', () => {
  expect(codeOf(new AggregateError([coded('EHOSTUNREACH'), coded('ECONNREFUSED')]))).toBe('EHOSTUNREACH');
  expect(codeOf('a text')).toBeNull();
});
test('after the signal every error is the deadline; before it a foreign one is thrown on', () => {
  expect(findingOf(coded('ECONNRESET'), AbortSignal.abort(), 'reading')).toMatchObject({ reason: 'TIMEOUT' });
  expect(() => findingOf(coded('EMFILE'), new AbortController().signal, 'connecting')).toThrow('failed');
  expect(() => findingOf(new TypeError('a bug'), new AbortController().signal, 'connecting')).toThrow('a bug');
});
