/** 32-bit FNV-1a over UTF-16 units with a final avalanche (MurmurHash3's), so that ids which differ in one character spread. */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};

/**
 * The `count` candidates with the highest weight for the key, ascending by id. When a candidate comes or goes only the keys it wins or
 * had won move, about one in `candidates` of them.
 * Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998): highest random weight.
 */
export const chooseByRendezvous = <Id extends string>(key: string, candidates: readonly Id[], count: number): Id[] =>
  candidates
    .map((id) => ({ id, weight: hashOf(`${key}\u0000${id}`) }))
    .sort((left, right) => right.weight - left.weight || (left.id < right.id ? -1 : 1))
    .slice(0, count)
    .map(({ id }) => id)
    .sort();
