/**
 * Addresses at which clouds answer whoever asks from the machine, often with credentials of the machine. A check that names one of them,
 * or a target that redirects to one, would carry those credentials into results, so probes do not go there.
 */
const metadataAddresses: readonly (readonly [address: string, whose: string])[] = [
  ['169.254.169.254', 'AWS, Azure, Google, Huawei Cloud, OpenStack and others: instance metadata'],
  ['fd00:ec2::254', 'AWS: instance metadata'],
  ['169.254.170.2', 'AWS ECS: task credentials'],
  ['169.254.170.23', 'AWS EKS: pod identity'],
  ['fd00:ec2::23', 'AWS EKS: pod identity'],
  ['100.100.100.200', 'Alibaba Cloud: instance metadata'],
  ['169.254.0.23', 'Tencent Cloud: instance metadata'],
  ['168.63.129.16', 'Azure: wire server'],
  ['192.0.0.192', 'Oracle Cloud (classic): instance metadata'],
  ['fd20:ce::254', 'Google: instance metadata'],
];

/** All of them, and every link-local address (RFC 3927, RFC 4291), behind which further ones may hide. */
export const metadataBlocks: readonly string[] = [
  ...metadataAddresses.map(([address]) => address),
  '169.254.0.0/16',
  'fe80::/10',
];

/**
 * The IPv4 address behind a NAT64 address (RFC 6052, 64:ff9b::/96) or an IPv4-mapped one, else null. The URL parser writes every form of an IPv6 address in its shortest.
 */
export const embeddedIpv4 = (address: string): string | null => {
  const [bare = ''] = address.split('%', 1);
  const text = URL.canParse(`http://[${bare}]/`) ? new URL(`http://[${bare}]/`).hostname : '';
  const match = /^\[(?:64:ff9b:|:ffff):(?:0:)?([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(text);
  if (match === null) return null;
  const [high, low] = [Number.parseInt(match[1] ?? '0', 16), Number.parseInt(match[2] ?? '0', 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
};
