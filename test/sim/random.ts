/** A stream of chance that a seed decides wholly. */
export interface Random {
  /** From [0, 1). */
  next(): number;
  /** A whole number from [from, to]. */
  whole(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Another stream, its own for the name: what one part draws never shifts what another one draws. */
  fork(name: string): Random;
}

/** FNV-1a over the text, begun with the seed. */
const hashOf = (seed: number, text: string): number => {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
};

/**
 * sfc32, small and without known faults in its output.
 * Source: Chris Doty-Humphrey, PractRand (public domain).
 */
export const createRandom = (seed: number, name = ''): Random => {
  let a = hashOf(seed, `a${name}`);
  let b = hashOf(seed, `b${name}`);
  let c = hashOf(seed, `c${name}`);
  let counter = 1;
  const word = (): number => {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result;
    c |= 0;
    return result >>> 0;
  };
  for (let round = 0; round < 12; round += 1) word();
  const random: Random = {
    next: () => word() / 2 ** 32,
    whole: (from, to) => from + Math.floor(random.next() * (to - from + 1)),
    chance: (probability) => random.next() < probability,
    pick: (items) => {
      const item = items[random.whole(0, items.length - 1)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
    fork: (child) => createRandom(seed, `${name}/${child}`),
  };
  return random;
};
