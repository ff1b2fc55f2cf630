import { isIP } from 'node:net';
import { z } from 'zod';

/** An address, or a block of addresses such as `10.1.0.0/16`. */
export interface Cidr {
  readonly address: string;
  readonly prefixBits: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** @returns null for what is neither an address nor a block of them */
export const readCidr = (text: string): Cidr | null => {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  const bitsMax = version === 4 ? 32 : 128;
  if (version === 0 || address.includes('%') || more.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return null;
  const prefixBits = bits === undefined ? bitsMax : Number(bits);
  return prefixBits > bitsMax ? null : { address, prefixBits, family: version === 4 ? 'ipv4' : 'ipv6' };
};

const cidrSchema = z
  .string()
  .refine((text) => readCidr(text) !== null, { error: 'needs an address or a block such as 10.1.0.0/16' });
/** Blocks of one list: more are no longer understood by people. */
const cidrsMax = 256;

/**
 * Where probes may go. `deny` is never asked. With `allow` not empty nothing else is asked; what is in it may also be a link-local or metadata
 * address, which are denied otherwise.
 */
export const probeTargetsSchema = z.strictObject({
  allow: z.array(cidrSchema).max(cidrsMax).default([]),
  deny: z.array(cidrSchema).max(cidrsMax).default([]),
});
export type ProbeTargets = z.output<typeof probeTargetsSchema>;
