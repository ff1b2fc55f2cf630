/** An exact share: whole numbers, so that whoever checks it can compute it again. `den` 0 means that nothing is known. */
export interface Ratio {
  readonly num: bigint;
  readonly den: bigint;
}

const decimals = 4;
const scale = 10n ** BigInt(decimals + 2);

/**
 * A share as a percentage with four decimals, cut off and never rounded up: 100 only when nothing is missing.
 * @returns null when nothing is known (not 0 and not 100)
 */
export const percentText = ({ num, den }: Ratio): string | null => {
  if (den === 0n) return null;
  const digits = ((num * scale) / den).toString().padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
};

/** Compares exactly: negative when the left share is smaller. Neither `den` may be 0. */
export const compareRatios = (left: Ratio, right: Ratio): number => {
  const difference = left.num * right.den - right.num * left.den;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
};

const greatestDivisor = (left: bigint, right: bigint): bigint => (right === 0n ? left : greatestDivisor(right, left % right));

/** Mean of shares by whole weights, exact. Shares with `den` 0 are left out; `den` 0 when none is left. */
export const weightedMean = (shares: readonly { readonly ratio: Ratio; readonly weight: number }[]): Ratio => {
  let sum: Ratio = { num: 0n, den: 1n };
  let weights = 0n;
  for (const { ratio, weight } of shares) {
    if (ratio.den === 0n) continue;
    weights += BigInt(weight);
    const num = sum.num * ratio.den + BigInt(weight) * ratio.num * sum.den;
    const den = sum.den * ratio.den;
    const divisor = greatestDivisor(num, den);
    sum = { num: num / divisor, den: den / divisor };
  }
  return { num: sum.num, den: sum.den * weights };
};
