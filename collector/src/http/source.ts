import { isIPv6 } from 'node:net';

/** `::ffff:10.0.0.1` is IPv4 10.0.0.1 seen through an IPv6 socket. */
export const plainAddress = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address);

/** Whom an address stands for where something is shared out: itself, or in IPv6 its /64, all of which one subscriber line owns. */
export const sourceOf = (address: string): string => {
  const plain = plainAddress(address);
  if (!isIPv6(plain)) return plain;
  const [head = '', tail = ''] = plain.split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const groups = plain.includes('::')
    ? [...left, ...Array(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
    : left;
  return groups.slice(0, 4).join(':');
};
