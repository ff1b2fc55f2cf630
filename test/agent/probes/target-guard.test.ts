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

/** Every way to write an IPv4 address into an IPv6 one. @param hex of the IPv4 address, in two groups */
const wrappings = (high: string, low: string): readonly { why: string; address: string }[] => {
  const turned = (group: string): string => (0xffff - Number.parseInt(group, 16)).toString(16);
  const [a, b] = [high.padStart(4, '0'), low.padStart(4, '0')];
  return [
    { why: 'compatible', address: `::${high}:${low}` },
    { why: 'mapped', address: `::ffff:${high}:${low}` },
    { why: 'mapped, written out', address: `0:0:0:0:0:FFFF:${high}:${low}` },
    { why: 'translated', address: `::ffff:0:${high}:${low}` },
    { why: 'NAT64', address: `64:ff9b::${high}:${low}` },
    { why: 'NAT64 of local use, 96 bits', address: `64:ff9b:1::${high}:${low}` },
    { why: 'NAT64 of local use, 96 bits of a part', address: `64:ff9b:1:7:8:9:${high}:${low}` },
    {
      why: 'NAT64 of local use, 64 bits',
      address: `64:ff9b:1:5:${a.slice(0, 2)}:${a.slice(2)}${b.slice(0, 2)}:${b.slice(2)}00:0`,
    },
    { why: 'NAT64 of local use, 56 bits', address: `64:ff9b:1:5${a.slice(0, 2)}:${a.slice(2)}:${b}:0:0` },
    { why: 'NAT64 of local use, 48 bits', address: `64:ff9b:1:${high}:${b.slice(0, 2)}:${b.slice(2)}00:0:0` },
    { why: '6to4', address: `2002:${high}:${low}::` },
    { why: '6to4 of a host in it', address: `2002:${high}:${low}:1:2:3:4:5` },
    { why: 'Teredo, the server', address: `2001:0:${high}:${low}:8000:1:2:3` },
    { why: 'Teredo, the client', address: `2001:0:102:304:8000:1:${turned(high)}:${turned(low)}` },
    { why: 'ISATAP', address: `fd00::5efe:${high}:${low}` },
    { why: 'ISATAP, of a global address', address: `2001:db8::200:5efe:${high}:${low}` },
  ];
};
for (const { why, address } of wrappings('a9fe', 'a9fe'))
  test(`instance metadata is not asked in any wrapping: ${why}, ${address}`, () => expect(isAllowed(address, null)).toBe(false));
for (const { why, address } of wrappings('a01', '203')) {
  test(`what is in deny is not asked in any wrapping: ${why}, ${address}`, () => {
    expect(isAllowed(address, { deny: ['10.1.0.0/16'] })).toBe(false);
    expect(isAllowed(address, { deny: ['10.2.0.0/16'] })).toBe(true);
    expect(isAllowed(address, null)).toBe(true);
    // What is allowed in its wrapping alone is not allowed; a mapped one is the IPv4 address itself.
    expect(isAllowed(address, { allow: [address] })).toBe(why.startsWith('mapped'));
    expect(isAllowed(address, { allow: ['::/0', '0.0.0.0/0'] })).toBe(true);
  });
}

test.each(['::1', '2001:db8::a9fe:a9fe', '2001:1::a9fe:a9fe', '64:ff9b:2::a9fe:a9fe', 'fd00::a9fe:a9fe', '2003:a9fe:a9fe::'])(
  '%s wraps nothing, whatever its last or first bits are',
  (address) => expect(isAllowed(address, { allow: [address] })).toBe(true),
);

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
