import { rawPublicKey } from '@jiwei/shared/protocol/handshake.ts';
import { expect, test } from 'vitest';
import { openKeys } from '../../agent/src/state/keys.ts';
import { createMemoryDisk } from './memory-disk.ts';

const publicOf = (keys: ReturnType<typeof openKeys>) => {
  const next = keys.next();
  return { present: rawPublicKey(keys.present()), next: next === null ? null : rawPublicKey(next) };
};

test('a key is made once and stays', () => {
  const disk = createMemoryDisk();
  const first = publicOf(openKeys(disk));
  expect(first.next).toBeNull();
  expect(publicOf(openKeys(disk))).toEqual(first);
});

test('a change that was begun goes on after a restart, with the same next key', () => {
  const disk = createMemoryDisk();
  const keys = openKeys(disk);
  keys.change();
  const begun = publicOf(keys);
  expect(begun.next).not.toBeNull();
  keys.change();
  expect(publicOf(keys)).toEqual(begun);
  expect(publicOf(openKeys(disk))).toEqual(begun);
});

test('killed before any write of a change, the agent still holds the key that the collector knows', () => {
  // The collector knows the old key until it takes the new one, and the new one from then on; the agent hears of it last.
  for (const writesLeft of [0, 1, 2]) {
    for (const step of ['change', 'changed'] as const) {
      const disk = createMemoryDisk();
      const keys = openKeys(disk);
      if (step === 'changed') keys.change();
      const before = publicOf(keys);
      const known = step === 'changed' ? before.next : before.present;
      let left = writesLeft;
      const killed = new Error('killed');
      const spend = (): void => {
        if (left === 0) throw killed;
        left -= 1;
      };
      const dying = openKeys({
        ...disk,
        replace: (name, bytes) => {
          spend();
          disk.replace(name, bytes);
        },
        remove: (name) => {
          spend();
          disk.remove(name);
        },
      });
      try {
        dying[step]();
      } catch (error) {
        expect(error).toBe(killed);
      }
      const after = publicOf(openKeys(disk));
      expect([after.present, after.next], `${step}, killed after ${writesLeft} writes`).toContain(known);
      // What it proves with is the present key, together with the next one: the collector must know one of the two.
      if (after.next === null) expect(after.present).toBe(step === 'changed' ? before.next : before.present);
    }
  }
});
