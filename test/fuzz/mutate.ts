import { type FuzzTarget, joinParts, partsOf } from './target.ts';

/** Numbers from a seed, the same on every machine: mulberry32 (T. Ettinger, public domain). */
export interface Dice {
  /** An integer from 0 to `count` - 1. */
  below(count: number): number;
  pick<T>(items: readonly T[]): T | undefined;
}

export const createDice = (seed: number): Dice => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (count: number): number => (count <= 1 ? 0 : next() % count);
  return { below, pick: (items) => items[below(items.length)] };
};

/** Where decoders go wrong: ends of ranges, and one beside them. */
const numbers = [
  ...['0', '-0', '1', '-1', '0.5', '1e308', '1e999', '-1e999', '255', '256', '65535', '65536', '2147483647', '2147483648'],
  ...['4294967295', '4294967296', '9007199254740991', '9007199254740992', '18446744073709551616', '1e-320', '0x10', 'NaN', '١'],
];
const strange = [
  ...[
    '\u0000',
    '\r\n',
    '\ufeff',
    '\ud83d\ude00',
    '名',
    '\u202e',
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    '%00',
    '../',
    '__proto__',
    'constructor',
  ],
  ...['null', 'true', '{}', '[]', '""', '*', '&a', '<<', ':', '-', '\t'],
];
const pieceBytesMax = 2_000;

type Mutation = (bytes: Buffer, dice: Dice, target: FuzzTarget, others: readonly Uint8Array[]) => Buffer;

const splice = (bytes: Buffer, from: number, removed: number, added: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, from), added, bytes.subarray(from + removed)]);

const range = (bytes: Buffer, dice: Dice): readonly [number, number] => {
  const from = dice.below(bytes.length);
  return [from, from + 1 + dice.below(Math.min(bytes.length - from, dice.below(4) === 0 ? 512 : 16))];
};

const changeByte: Mutation = (bytes, dice) => {
  const changed = Buffer.from(bytes);
  const at = dice.below(changed.length);
  if (changed.length > 0)
    changed[at] = dice.pick([dice.below(256), 0, 255, 127, 128, (changed[at] ?? 0) ^ (1 << dice.below(8))]) ?? 0;
  return changed;
};
const remove: Mutation = (bytes, dice) => {
  const [from, to] = range(bytes, dice);
  return splice(bytes, from, to - from, Buffer.alloc(0));
};
const repeat: Mutation = (bytes, dice) => {
  const [from, to] = range(bytes, dice);
  const times = dice.below(6) === 0 ? 1 + dice.below(200) : 1;
  return splice(bytes, to, 0, Buffer.concat(Array<Buffer>(times).fill(bytes.subarray(from, to))).subarray(0, pieceBytesMax));
};
const moveTo: Mutation = (bytes, dice) => {
  const [from, to] = range(bytes, dice);
  return splice(bytes, dice.below(bytes.length + 1), 0, bytes.subarray(from, to));
};
const insertWord: Mutation = (bytes, dice, target) => {
  const word = dice.below(3) > 0 && target.words.length > 0 ? dice.pick(target.words) : dice.pick([...strange, ...numbers]);
  return splice(bytes, dice.below(bytes.length + 1), dice.below(4), Buffer.from(word ?? '', 'utf8'));
};
const insertNoise: Mutation = (bytes, dice) => {
  const noise = Buffer.alloc(1 + dice.below(8));
  for (let at = 0; at < noise.length; at += 1) noise[at] = dice.below(256);
  return splice(bytes, dice.below(bytes.length + 1), 0, noise);
};
const cut: Mutation = (bytes, dice) => bytes.subarray(0, dice.below(bytes.length + 1));
const cross: Mutation = (bytes, dice, _target, others) => {
  const other = Buffer.from(dice.pick(others) ?? bytes);
  return Buffer.concat([bytes.subarray(0, dice.below(bytes.length + 1)), other.subarray(dice.below(other.length + 1))]);
};
/** A decimal number, or a piece between quotes, becomes another one. */
const changeToken: Mutation = (bytes, dice, target) => {
  const text = bytes.toString('latin1');
  const tokens = [...text.matchAll(/-?\d+(?:\.\d+)?|"[^"\\]{0,200}"|[A-Za-z_]{2,}/g)];
  const token = dice.pick(tokens);
  if (token === undefined) return insertNoise(bytes, dice, target, []);
  const by = dice.pick([dice.pick(numbers), dice.pick(target.words), dice.pick(tokens)?.[0], `"${dice.pick(strange)}"`]) ?? '';
  return splice(bytes, token.index, token[0].length, Buffer.from(by, 'utf8'));
};
/** Where the input is JSON, one value of it is replaced, removed or repeated: text mutations seldom leave it JSON. */
const changeJson: Mutation = (bytes, dice, target, others) => {
  let root: unknown;
  try {
    root = JSON.parse(bytes.toString('utf8'));
  } catch {
    return changeToken(bytes, dice, target, others);
  }
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
  const walk = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null || depth > 12 || places.length > 400) return;
    // Lists too are indexed by text here.
    const holder = value as Record<string, unknown>;
    for (const key of Object.keys(holder)) {
      places.push({ holder, key });
      walk(holder[key], depth + 1);
    }
  };
  walk(root, 0);
  const place = dice.pick(places);
  if (place === undefined) return changeToken(bytes, dice, target, others);
  const { holder, key } = place;
  const values = [
    null,
    -1,
    0,
    1.5,
    2 ** 53,
    -(2 ** 63),
    '',
    '名',
    'x'.repeat(600),
    {},
    [],
    true,
    dice.pick(target.words),
    Number(dice.pick(numbers)),
  ];
  const donor = dice.pick(places);
  const by = dice.below(3) === 0 && donor !== undefined ? donor.holder[donor.key] : dice.pick<unknown>(values);
  const action = dice.below(5);
  if (action === 0 && Array.isArray(holder)) holder.push(structuredClone(holder[Number(key)]));
  else if (action === 1) delete holder[key];
  else if (action === 2) holder[dice.pick([...target.words, '__proto__', 'constructor', '']) ?? ''] = structuredClone(by);
  else holder[key] = structuredClone(by);
  return Buffer.from(JSON.stringify(root) ?? '', 'utf8');
};

const mutations: readonly Mutation[] = [
  ...[changeByte, changeByte, remove, repeat, moveTo, insertWord, insertWord, insertNoise, cut, cross, changeToken, changeToken],
  ...[changeJson, changeJson, changeJson],
];

const mutateOnce = (bytes: Buffer, dice: Dice, target: FuzzTarget, corpus: readonly Uint8Array[]): Buffer =>
  (dice.pick(mutations) ?? changeByte)(bytes, dice, target, corpus);

/** One part of a sequence is changed, or parts change places, go, or come twice. */
const mutateSequence = (
  bytes: Buffer,
  dice: Dice,
  target: FuzzTarget,
  corpus: readonly Uint8Array[],
  separator: string,
): Buffer => {
  const parts = partsOf(bytes, separator);
  const at = dice.below(parts.length);
  const part = parts[at] ?? Buffer.alloc(0);
  const others = partsOf(dice.pick(corpus) ?? bytes, separator);
  const action = dice.below(8);
  if (action === 0) parts.splice(at, 1);
  else if (action === 1) parts.splice(dice.below(parts.length + 1), 0, part);
  else if (action === 2) parts.splice(at, 0, dice.pick(others) ?? part);
  else if (action === 3) parts.splice(at, 1 + dice.below(parts.length), ...others.slice(dice.below(others.length)));
  else parts[at] = mutateOnce(part, dice, target, others);
  return Buffer.from(joinParts(parts, separator));
};

/** A new input out of one of `corpus`; mended most of the time where the target can. */
export const mutate = (target: FuzzTarget, corpus: readonly Uint8Array[], dice: Dice): Uint8Array => {
  let bytes: Buffer = Buffer.from(dice.pick(corpus) ?? Buffer.alloc(0));
  const { separator } = target;
  for (let left = 1 + dice.below(dice.below(3) === 0 ? 8 : 2); left > 0; left -= 1) {
    const isWhole = separator === undefined || dice.below(8) === 0;
    const changed = isWhole ? mutateOnce(bytes, dice, target, corpus) : mutateSequence(bytes, dice, target, corpus, separator);
    bytes = changed.subarray(0, target.inputBytesMax);
  }
  return target.mend !== undefined && dice.below(8) > 0 ? target.mend(bytes) : bytes;
};
