/**
 * The IPv4 addresses that an IPv6 address may stand for, so that whatever is said of those holds for it too: mapped (RFC 4291) and compatible ones,
 * translated ones (RFC 2765), NAT64 by its well-known prefix (RFC 6052) and by those of the block for local use (RFC 8215, whose prefixes have any length,
 * so that there are several readings), 6to4 (RFC 3056), Teredo (RFC 4380, server and client) and ISATAP (RFC 5214).
 * @returns none for what is no IPv6 address, and none of 0.0.0.0/8, where nobody is
 */
export const embeddedIpv4 = (address: string): readonly string[] => {
  const bytes = bytesOf(address);
  if (bytes === null) return [];
  const found = embeddings.flatMap(({ is, at }) => (is(bytes) ? at.map((places) => ipv4Of(bytes, places)) : []));
  return [
    ...found,
    ...(isTeredo(bytes)
      ? [
          ipv4Of(
            bytes.map((byte) => 255 - byte),
            last,
          ),
        ]
      : []),
  ].filter((ipv4) => !ipv4.startsWith('0.'));
};

type Places = readonly [number, number, number, number];

/** Where the four bytes stand. */
const last: Places = [12, 13, 14, 15];

const begins =
  (...head: readonly number[]) =>
  (bytes: readonly number[]): boolean =>
    head.every((byte, place) => bytes[place] === byte);

const zeros = (count: number): readonly number[] => Array.from({ length: count }, () => 0);
const isTeredo = begins(0x20, 0x01, 0, 0);

const embeddings: readonly { readonly is: (bytes: readonly number[]) => boolean; readonly at: readonly Places[] }[] = [
  { is: begins(...zeros(12)), at: [last] },
  { is: begins(...zeros(10), 0xff, 0xff), at: [last] },
  { is: begins(...zeros(8), 0xff, 0xff, 0, 0), at: [last] },
  { is: begins(0, 0x64, 0xff, 0x9b, ...zeros(8)), at: [last] },
  // Prefixes of 48, 56, 64 and 96 bits; the byte at 8 is no part of an address.
  { is: begins(0, 0x64, 0xff, 0x9b, 0, 1), at: [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], last] },
  { is: begins(0x20, 0x02), at: [[2, 3, 4, 5]] },
  { is: isTeredo, at: [[4, 5, 6, 7]] },
  { is: (bytes) => ((bytes[8] ?? 0) & 0xfd) === 0 && begins(0, 0x5e, 0xfe)(bytes.slice(9)), at: [last] },
];

const ipv4Of = (bytes: readonly number[], places: Places): string => places.map((place) => bytes[place]).join('.');

/** The 16 bytes; null for what is no IPv6 address. The URL parser writes every form of one in its shortest. */
const bytesOf = (address: string): readonly number[] | null => {
  const [bare = ''] = address.split('%', 1);
  if (!bare.includes(':') || !URL.canParse(`http://[${bare}]/`)) return null;
  const [head = '', tail] = new URL(`http://[${bare}]/`).hostname.slice(1, -1).split('::', 2);
  const groupsOf = (text: string): readonly number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const before = groupsOf(head);
  const after = groupsOf(tail ?? '');
  return [...before, ...zeros(8 - before.length - after.length), ...after].flatMap((group) => [group >> 8, group & 255]);
};
