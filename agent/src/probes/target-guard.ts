import { BlockList } from 'node:net';
import { type ProbeTargets, readCidr } from '@jiwei/shared/cidr.ts';
import { embeddedIpv4 } from './embedded-ipv4.ts';
import { ProbeFault } from './fault.ts';
import { metadataBlocks } from './metadata-address.ts';

/** Where probes may go. Asked for each address that is about to be connected to, so that neither names nor redirects lead elsewhere. */
export interface TargetGuard {
  /** @throws ProbeFault NOT_PERMITTED */
  check(address: string): void;
  /** Lists of the configuration in force; null when it has none. */
  setLists(lists: ProbeTargets | null): void;
}

const listOf = (blocks: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const text of blocks) {
    const block = readCidr(text);
    if (block !== null) list.addSubnet(block.address, block.prefixBits, block.family);
  }
  return list;
};

/** IPv6 scopes are no part of an address; an IPv4 address counts however it is wrapped into an IPv6 one. */
const formsOf = (address: string): readonly string[] => {
  const [bare = ''] = address.split('%', 1);
  return [bare, ...embeddedIpv4(bare)];
};

const holds = (list: BlockList, forms: readonly string[]): boolean =>
  forms.some((form) => list.check(form, form.includes(':') ? 'ipv6' : 'ipv4'));

/** A guard without lists: anywhere but link-local and metadata addresses. */
export const createTargetGuard = (): TargetGuard => {
  const usual = listOf(metadataBlocks);
  let allowed: BlockList | null = null;
  let denied = listOf([]);
  const refuse = (address: string, why: string): never => {
    throw new ProbeFault('NOT_PERMITTED', `${address} ${why}`);
  };
  return {
    check: (address) => {
      const forms = formsOf(address);
      if (holds(denied, forms)) refuse(address, 'is in probeTargets.deny of the declaration');
      // All forms: a permitted network must not be the wrapping of one that is not.
      if (allowed !== null) {
        const list = allowed;
        if (!forms.every((form) => holds(list, [form]))) refuse(address, 'is not in probeTargets.allow of the declaration');
      } else if (holds(usual, forms)) {
        refuse(address, 'is a cloud metadata service or a link-local address, which probes do not ask; see probeTargets.allow');
      }
    },
    setLists: (lists) => {
      allowed = lists === null || lists.allow.length === 0 ? null : listOf(lists.allow);
      denied = listOf(lists?.deny ?? []);
    },
  };
};
