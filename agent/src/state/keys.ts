import type { KeyObject } from 'node:crypto';
import type { Disk } from '../spool/disk.ts';
import { loadKey, loadNextKey, makeNextKey, takeNextKey } from './stored.ts';

/** The agent's key, and the one it is changing to. */
export interface Keys {
  present(): KeyObject;
  /** Null while it is not being changed. */
  next(): KeyObject | null;
  /** Begins a change; one that is under way goes on. */
  change(): void;
  /** The collector knows the next key now, and the present one no longer. */
  changed(): void;
}

/** @throws CONFIG_INVALID when a key file holds something else */
export const openKeys = (files: Disk): Keys => {
  let present = loadKey(files);
  let next = loadNextKey(files);
  // Killed between the two steps of taking it: the change is done.
  if (next !== null && present.equals(next)) {
    takeNextKey(files);
    next = null;
  }
  return {
    present: () => present,
    next: () => next,
    change: () => {
      next = makeNextKey(files);
    },
    changed: () => {
      if (next === null) return;
      present = next;
      next = null;
      takeNextKey(files);
    },
  };
};
