import { expect, test } from 'vitest';
import { addressData, mxData, nameData, nameServer, responseCodes, soaData, srvData, textData } from './support/name-server.ts';
import { run } from './support/run.ts';

const name = 'www.example.org';

const types: readonly { type: string; records: readonly Buffer[]; expect: readonly string[]; name?: string }[] = [
  { type: 'A', records: [addressData('10.0.0.1'), addressData('10.0.0.2')], expect: ['10.0.0.2', '10.0.0.1'] },
  { type: 'AAAA', records: [addressData('2001:0db8:0:0:0:0:0:1')], expect: ['2001:DB8:0::1'] },
  { type: 'CNAME', records: [nameData('web.example.org')], expect: ['Web.Example.org.'] },
  { type: 'NS', records: [nameData('ns1.example.org')], expect: ['ns1.example.org'] },
  { type: 'MX', records: [mxData(10, 'mail.example.org')], expect: ['10 mail.example.org.'] },
  { type: 'TXT', records: [textData('v=spf1 ', '-all')], expect: ['v=spf1 -all'] },
  { type: 'SRV', records: [srvData(1, 2, 389, 'ldap.example.org')], expect: ['1 2 389 ldap.example.org'] },
  {
    type: 'SOA',
    records: [soaData('ns.example.org', 'admin.example.org', 7, 1, 2, 3, 4)],
    expect: ['ns.example.org admin.example.org 7 1 2 3 4'],
  },
  { type: 'PTR', records: [nameData('host.example.org')], expect: ['host.example.org'], name: '10.0.0.1' },
  { type: 'PTR', records: [nameData('host.example.org')], expect: ['host.example.org'], name: '1.0.0.10.in-addr.arpa' },
];
for (const row of types) {
  test(`a ${row.type} record of ${row.name ?? name} is asked for and compared`, async () => {
    const asked: string[] = [];
    const server = await nameServer((question) => {
      asked.push(`${question.name} ${question.type}`);
      return { records: row.records };
    });
    const spec = { name: row.name ?? name, type: row.type, server, expect: row.expect, expectOnly: true };
    const outcome = await run('dns', spec);
    expect(outcome).toMatchObject({ outcome: 'up', reason: 'OK' });
    expect(outcome.values).toMatchObject({ probe_dns_answer_rrs: row.records.length, probe_dns_query_succeeded: 1 });
    expect(outcome.values?.['probe_dns_duration_seconds{phase="request"}']).toBeGreaterThan(0);
    expect(asked).toEqual([`${row.type === 'PTR' ? '1.0.0.10.in-addr.arpa' : name} ${row.type}`]);
  });
}

const judged: readonly { why: string; spec: Record<string, unknown>; expected: Record<string, unknown> }[] = [
  { why: 'any answer is up where nothing is expected', spec: {}, expected: { outcome: 'up' } },
  {
    why: 'an expected answer that is missing is down',
    spec: { expect: ['10.0.0.9'] },
    expected: { reason: 'DNS_UNEXPECTED_ANSWER' },
  },
  { why: 'further answers are up', spec: { expect: ['10.0.0.1'] }, expected: { outcome: 'up' } },
  {
    why: 'further answers are down with expectOnly',
    spec: { expect: ['10.0.0.1'], expectOnly: true },
    expected: { reason: 'DNS_UNEXPECTED_ANSWER' },
  },
  { why: 'a pattern that one answer matches is up', spec: { expectPattern: '\\.2$' }, expected: { outcome: 'up' } },
  { why: 'a pattern that none matches is down', spec: { expectPattern: '\\.3$' }, expected: { reason: 'DNS_UNEXPECTED_ANSWER' } },
];
for (const { why, spec, expected } of judged) {
  test(`dns: ${why}`, async () => {
    const server = await nameServer(() => ({ records: [addressData('10.0.0.1'), addressData('10.0.0.2')] }));
    expect(await run('dns', { name, server, ...spec })).toMatchObject(expected);
  });
}

const failures: readonly { why: string; code: number; reason: string; isAnswered: number }[] = [
  { why: 'a name that does not exist', code: responseCodes.noSuchName, reason: 'DNS_NOT_FOUND', isAnswered: 1 },
  { why: 'a name without such a record', code: responseCodes.ok, reason: 'DNS_NO_DATA', isAnswered: 1 },
  { why: 'a server that fails', code: responseCodes.serverFailure, reason: 'DNS_FAILED', isAnswered: 0 },
  { why: 'a server that refuses', code: responseCodes.refused, reason: 'DNS_FAILED', isAnswered: 0 },
];
for (const { why, code, reason, isAnswered } of failures) {
  test(`dns: ${why} is ${reason}`, async () => {
    const server = await nameServer(() => ({ code }));
    const outcome = await run('dns', { name, server });
    expect(outcome).toMatchObject({ outcome: 'down', reason, values: { probe_dns_query_succeeded: isAnswered } });
    expect(outcome.latencyMs === null).toBe(isAnswered === 0);
  });
}

for (const type of ['A', 'AAAA', 'MX', 'NS', 'PTR', 'SRV', 'TXT']) {
  test(`dns: an alias that leads to no ${type} record is DNS_NO_DATA`, async () => {
    const server = await nameServer(() => ({ alias: 'gone.example.org' }));
    expect(await run('dns', { name, server, type })).toMatchObject({
      ...{ outcome: 'down', reason: 'DNS_NO_DATA', detail: expect.stringContaining(type) },
      values: { probe_dns_answer_rrs: 0, probe_dns_query_succeeded: 1 },
    });
  });
}

test('dns: an alias with the record it leads to is up', async () => {
  const server = await nameServer(() => ({ alias: 'web.example.org', records: [addressData('10.0.0.1')] }));
  expect(await run('dns', { name, server, expect: ['10.0.0.1'] })).toMatchObject({ outcome: 'up' });
});

test('a server that lost the first question is asked again', async () => {
  let askedCount = 0;
  const server = await nameServer(() => {
    askedCount += 1;
    return askedCount === 1 ? null : { records: [addressData('10.0.0.1')] };
  });
  expect(await run('dns', { name, server }, { timeoutMs: 2_000 })).toMatchObject({ outcome: 'up' });
  expect(askedCount).toBe(2);
});

test('a silent server is TIMEOUT at the deadline', async () => {
  const server = await nameServer(() => null);
  expect(await run('dns', { name, server }, { timeoutMs: 300 })).toMatchObject({ outcome: 'down', reason: 'TIMEOUT' });
});

test('an answer slower than slowMs is degraded', async () => {
  const server = await nameServer(() => ({ records: [addressData('10.0.0.1')] }));
  let monotonicMs = 0;
  const clock = { nowMs: () => 0, monotonicMs: () => (monotonicMs += 50), after: () => () => undefined };
  expect(await run('dns', { name, server, slowMs: 20 }, { clock })).toMatchObject({ outcome: 'degraded', reason: 'SLOW' });
});
