/** So many changes are kept beside the map they change; then the whole is copied. A share of it, so that copying stays a small part of the work. */
const shareMax = 1 / 64;
const countMin = 64;

/** A map with some values replaced; the map itself stays as it was, and is not copied for a few of them. */
class ChangedMap<K, V> implements ReadonlyMap<K, V> {
  readonly #base: ReadonlyMap<K, V>;
  readonly #changed: ReadonlyMap<K, V>;

  constructor(base: ReadonlyMap<K, V>, changed: ReadonlyMap<K, V>) {
    this.#base = base;
    this.#changed = changed;
  }

  /** As the interface names it. */
  get ['size'](): number {
    return this.#base.size;
  }

  get(key: K): V | undefined {
    return this.#changed.get(key) ?? this.#base.get(key);
  }

  has(key: K): boolean {
    return this.#base.has(key);
  }

  forEach(look: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) look(value, key, this);
  }

  *entries(): MapIterator<[K, V]> {
    for (const [key, value] of this.#base) yield [key, this.#changed.get(key) ?? value];
  }

  keys(): MapIterator<K> {
    return this.#base.keys();
  }

  *values(): MapIterator<V> {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  with(entries: Iterable<readonly [K, V]>): ReadonlyMap<K, V> {
    const changed = new Map([...this.#changed, ...entries]);
    return changed.size <= countMin + this.size * shareMax
      ? new ChangedMap(this.#base, changed)
      : new Map(new ChangedMap(this.#base, changed));
  }
}

/**
 * The map with these values in place of what it has for their keys, in its order. The work is that of the changes, not of the map: of 100,000
 * checks a copy costs 20 to 60 ms, and a lost agent moves a hundred.
 * @param entries of keys that are there
 */
export const withChanged = <K, V extends object>(
  before: ReadonlyMap<K, V>,
  entries: Iterable<readonly [K, V]>,
): ReadonlyMap<K, V> => (before instanceof ChangedMap ? before : new ChangedMap<K, V>(before, new Map())).with(entries);
