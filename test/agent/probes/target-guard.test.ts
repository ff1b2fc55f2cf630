import { createTargetGuard } from '@jiwei/agent/probes/target-guard.ts';
import { probeTargetsSchema } from '@jiwei/shared/cidr.ts';
import { isHost } from '@jiwei/shared/probes/host.ts';
import { expect, test } from 'vitest';
import { run } from './support/run.ts';

const isAllowed = (address: string, lists: { allow?: string[]; deny?: string[] } | null): boolean => {
  const guard = createTargetGuard();
  guard.setLists(lists === null ? null : probeTargetsSchema.parse(lists));
  try {
    guard.check(address);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ reason: 'NOT_PERMITTED' });
    return false;
  }
};

const cases: readonly { why: string; address: string; lists: { allow?: string[]; deny?: string[] } | null; allowed: boolean }[] =
  [
    { why: 'an ordinary address', address: '10.0.0.1', lists: null, allowed: true },
    { why: 'the host itself', address: '127.0.0.1', lists: null, allowed: true },
    { why: 'instance metadata', address: '169.254.169.254', lists: null, allowed: false },
    { why: 'the same, mapped into IPv6', address: '::ffff:169.254.169.254', lists: null, allowed: false },
    { why: 'the same, mapped and in hexadecimal', address: '::ffff:a9fe:a9fe', lists: null, allowed: false },
    { why: 'the same, translated by NAT64', address: '64:ff9b::a9fe:a9fe', lists: null, allowed: false },
    { why: 'any link-local address', address: '169.254.7.7', lists: null, allowed: false },
    { why: 'a link-local IPv6 address with its scope', address: 'fe80::1%eth0', lists: null, allowed: false },
    { why: 'the last one before link-local', address: '169.253.255.255', lists: null, allowed: true },
    { why: 'the first one after link-local', address: '169.255.0.0', lists: null, allowed: true },
    { why: 'metadata that is allowed by name', address: '169.254.169.254', lists: { allow: ['169.254.169.254'] }, allowed: true },
    { why: 'an address in deny', address: '10.1.2.3', lists: { deny: ['10.1.0.0/16'] }, allowed: false },
    { why: 'an address in deny, mapped into IPv6', address: '::ffff:10.1.2.3', lists: { deny: ['10.1.0.0/16'] }, allowed: false },
    { why: 'one beside it', address: '10.2.0.0', lists: { deny: ['10.1.0.0/16'] }, allowed: true },
    {
      why: 'metadata although something else is denied',
      address: '169.254.169.254',
      lists: { deny: ['10.1.0.0/16'] },
      allowed: false,
    },
    { why: 'an address in allow', address: '10.1.2.3', lists: { allow: ['10.1.0.0/16'] }, allowed: true },
    { why: 'one outside allow', address: '10.2.0.0', lists: { allow: ['10.1.0.0/16'] }, allowed: false },
    { why: 'deny over allow', address: '10.1.2.3', lists: { allow: ['10.0.0.0/8'], deny: ['10.1.2.3'] }, allowed: false },
    {
      why: 'NAT64 of a forbidden address in an allowed network',
      address: '64:ff9b::a02:0',
      lists: { allow: ['64:ff9b::/96', '10.1.0.0/16'] },
      allowed: false,
    },
  ];
for (const { why, address, lists, allowed } of cases) {
  test(`${why} is ${allowed ? 'asked' : 'not asked'}: ${address}`, () => expect(isAllowed(address, lists)).toBe(allowed));
}

test('lists are put in force and taken back', () => {
  const guard = createTargetGuard();
  guard.setLists({ allow: [], deny: ['10.0.0.1'] });
  expect(() => guard.check('10.0.0.1')).toThrow();
  guard.setLists(null);
  guard.check('10.0.0.1');
});

test.each(['10.0.0.0/33', '10.0.0', 'example.com', '10.0.0.0/-1', '::1/129', '10.0.0.0/8/8', '', 'fe80::1%eth0'])(
  '%s is no block',
  (text) => {
    expect(probeTargetsSchema.safeParse({ deny: [text] }).success).toBe(false);
  },
);

test.each(['-V', '--help', '-c1', 'a b', 'a\nb', 'a\0b', 'a;b', '$(id)', '`id`', 'a|b', '..', ' a', 'a\t'])(
  'no helper program is ever given %j: it is no host',
  (text) => expect(isHost(text)).toBe(false),
);

/** A name that means one thing to whoever checks it and another to whoever connects must be looked up once. */
test.each([
  ['tcp', { host: 'innocent.example', port: 80 }],
  ['tls', { host: 'innocent.example', port: 443 }],
  ['icmp', { host: 'innocent.example' }],
  ['http', { url: 'http://innocent.example/' }],
] as const)('%s goes by the address that the name has, and looks it up once', async (kind, spec) => {
  let lookups = 0;
  const lookup = async () => {
    lookups += 1;
    return [{ address: lookups === 1 ? '169.254.169.254' : '127.0.0.1', family: 4 }];
  };
  expect(await run(kind, spec, { tools: { lookup } })).toMatchObject({ outcome: 'down', reason: 'NOT_PERMITTED' });
  expect(lookups).toBe(1);
});

test('dns asks no name server that must not be asked', async () => {
  for (const server of ['169.254.169.254', '169.254.169.254:53', '[fe80::1]:53'])
    expect(await run('dns', { name: 'example.com', server })).toMatchObject({ outcome: 'down', reason: 'NOT_PERMITTED' });
});
