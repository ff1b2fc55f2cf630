// What both directions of the columns share. See PROTOCOL.md, "Columns".

/**
 * How a value comes from its mantissa, an integer: times 1024, as it is, or divided by a power of ten (IEEE division, so every language
 * gets the same float64). Ascending: what a class can hold the following ones mostly can too, with larger mantissas.
 */
export const classDivisors = [1 / 1024, 1, 100, 1_000, 1_000_000, 1_000_000_000] as const;
export const scaledClassMax = classDivisors.length - 1;
/** No mantissa at all but the 64 bits of the value. 6 is not used. */
export const rawClass = 7;
/** The class before the first column. */
export const firstClass = 1;
export const mantissaMax = Number.MAX_SAFE_INTEGER;
/** So many one bits in place of a quotient announce a number written plainly. */
export const escapeOnes = 16;
/** A length that says: negative, and the number follows. */
export const negativeMark = 63;
/** Where a float64 is taken apart. Shared by all calls, because making one costs as much as twenty values; nothing stays in it. */
export const floatBits = new DataView(new ArrayBuffer(8));
