/** A small generator (mulberry32): the same seed gives the same numbers from [0, 1) on every machine. */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** The bytes with one bit turned somewhere, and where. */
export const flipOne = (bytes: Uint8Array, random: () => number): { readonly bytes: Buffer; readonly where: string } => {
  const flipped = Buffer.from(bytes);
  const offset = Math.floor(random() * bytes.length);
  const bit = Math.floor(random() * 8);
  flipped[offset] = (flipped[offset] ?? 0) ^ (1 << bit);
  return { bytes: flipped, where: `byte ${offset}, bit ${bit}` };
};

/** Seed and count of a run: other ones by JIWEI_SEED and JIWEI_FLIPS, to repeat a failure or to run for long. */
export const flipRun = (count: number): { readonly seed: number; readonly count: number } => ({
  seed: Number(process.env['JIWEI_SEED'] ?? Math.floor(Math.random() * 2 ** 31)),
  count: Number(process.env['JIWEI_FLIPS'] ?? count),
});
