import { BlockList } from 'node:net';
import { ProbeFault } from './fault.ts';

/**
 * Addresses at which clouds answer whoever asks from the machine, often with credentials of the machine. A check that names one of them,
 * or a target that redirects to one, would carry those credentials into results, so HTTP probes do not go there.
 */
const metadataAddresses: readonly (readonly [address: string, family: 'ipv4' | 'ipv6', whose: string])[] = [
  ['169.254.169.254', 'ipv4', 'AWS, Azure, Google, Huawei Cloud, OpenStack and others: instance metadata'],
  ['fd00:ec2::254', 'ipv6', 'AWS: instance metadata'],
  ['169.254.170.2', 'ipv4', 'AWS ECS: task credentials'],
  ['169.254.170.23', 'ipv4', 'AWS EKS: pod identity'],
  ['fd00:ec2::23', 'ipv6', 'AWS EKS: pod identity'],
  ['100.100.100.200', 'ipv4', 'Alibaba Cloud: instance metadata'],
  ['169.254.0.23', 'ipv4', 'Tencent Cloud: instance metadata'],
  ['168.63.129.16', 'ipv4', 'Azure: wire server'],
  ['192.0.0.192', 'ipv4', 'Oracle Cloud (classic): instance metadata'],
  ['fd20:ce::254', 'ipv6', 'Google: instance metadata'],
];

const prepareList = (): BlockList => {
  const list = new BlockList();
  for (const [address, family] of metadataAddresses) list.addAddress(address, family);
  return list;
};

/**
 * Makes a guard, for any number of runs: it throws ProbeFault NOT_PERMITTED for a metadata address in any way of writing it, IPv4-mapped and
 * NAT64 (RFC 6052, 64:ff9b::/96) IPv6 included.
 */
export const createMetadataGuard = (): ((address: string) => void) => {
  const list = prepareList();
  return (address) => {
    const isIpv6 = address.includes(':');
    // BlockList itself sees through ::ffff:a.b.c.d; the translation prefix needs the last 32 bits looked at.
    const embedded = isIpv6 ? embeddedIpv4(address) : null;
    if (list.check(address, isIpv6 ? 'ipv6' : 'ipv4') || (embedded !== null && list.check(embedded, 'ipv4'))) {
      throw new ProbeFault(
        'NOT_PERMITTED',
        `${address} is a cloud metadata service, which HTTP probes do not ask; allow it in the agent's configuration if you must`,
      );
    }
  };
};

/** The IPv4 address behind a NAT64 address, else null. The URL parser writes every form of an IPv6 address in its shortest. */
const embeddedIpv4 = (address: string): string | null => {
  const [bare = ''] = address.split('%', 1);
  const text = URL.canParse(`http://[${bare}]/`) ? new URL(`http://[${bare}]/`).hostname : '';
  const match = /^\[64:ff9b::([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(text);
  if (match === null) return null;
  const [high, low] = [Number.parseInt(match[1] ?? '0', 16), Number.parseInt(match[2] ?? '0', 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
};
