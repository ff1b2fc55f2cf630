/** A found value; a path can lead to null, so that "nothing there" needs a form of its own. */
export type JsonFinding = { readonly isFound: true; readonly value: unknown } | { readonly isFound: false };

/**
 * Follows a path such as `$.items[0]["a name"]` (checked by the schema) into a JSON value. Only own properties count.
 */
export const findJson = (root: unknown, path: string): JsonFinding => {
  let value = root;
  for (const [, name, index, quoted] of path.matchAll(/\.([A-Za-z_][\w-]*)|\[(\d+)\]|\["([^"]+)"\]/g)) {
    if (index !== undefined) {
      if (!Array.isArray(value) || Number(index) >= value.length) return { isFound: false };
      value = value[Number(index)];
      continue;
    }
    const key = name ?? quoted ?? '';
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
      return { isFound: false };
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return { isFound: true, value };
};
