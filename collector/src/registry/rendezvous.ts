/** 32-bit FNV-1a over UTF-16 units, continued from `hash`. */
const hashFrom = (hash: number, text: string): number => {
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
};

/** MurmurHash3's final avalanche, so that ids which differ in one character spread. */
const avalanche = (hash: number): number => {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};

const ofKeyOf = (key: string): number => hashFrom(hashFrom(0x811c9dc5, key), '\u0000');

/** Of two candidates for a key, whether the first is to be preferred. */
const isBetter = (weight: number, id: string, thanWeight: number, thanId: string): boolean =>
  weight > thanWeight || (weight === thanWeight && id < thanId);

/**
 * The `count` candidates with the highest weight for the key, ascending by id. When a candidate comes or goes only the keys it wins or
 * had won move, about one in `candidates` of them.
 * Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998): highest random weight.
 */
export const chooseByRendezvous = <Id extends string>(key: string, candidates: readonly Id[], count: number): Id[] => {
  const ofKey = ofKeyOf(key);
  /** The best so far, best first. */
  const best: { readonly id: Id; readonly weight: number }[] = [];
  for (const id of candidates) {
    const weight = avalanche(hashFrom(ofKey, id));
    const worse = best.findIndex((one) => isBetter(weight, id, one.weight, one.id));
    if (worse >= 0) best.splice(worse, 0, { id, weight });
    else if (best.length < count) best.push({ id, weight });
    if (best.length > count) best.pop();
  }
  return best.map(({ id }) => id).sort();
};

/** Whether a candidate that comes to those `chosen` was chosen of would be chosen itself: what nearly no key says of it is found out quickly. */
export const winsByRendezvous = (key: string, candidate: string, chosen: readonly string[], count: number): boolean => {
  if (chosen.length < count) return true;
  const ofKey = ofKeyOf(key);
  const weight = avalanche(hashFrom(ofKey, candidate));
  return chosen.some((id) => isBetter(weight, candidate, avalanche(hashFrom(ofKey, id)), id));
};
