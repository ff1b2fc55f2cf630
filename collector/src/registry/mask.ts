const secretPattern = /password|secret|token|authorization|credential|apikey/i;
/** Keys that only say where a secret is. */
const pointerPattern = /file$/i;

/** Whether a value under this key is a secret itself. */
export const isSecretKey = (key: string): boolean => secretPattern.test(key) && !pointerPattern.test(key);

/** A copy to show: what stands under a secret's key becomes `***`. */
export const maskSecrets = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(maskSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, isSecretKey(key) && entry !== null ? '***' : maskSecrets(entry)]),
  );
};
