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
