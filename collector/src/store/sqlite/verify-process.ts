import { messageOf } from '@jiwei/shared/errors.ts';
import type { Findings } from '../port.ts';
import { findDamage } from './damage.ts';

/** What the process says before it ends. */
export type VerifyMessage =
  | { readonly kind: 'findings'; readonly findings: Findings }
  | { readonly kind: 'failed'; readonly detail: string };

/**
 * A process of its own that reads the database whose path it is told: it holds up nobody, can be ended at any time, which a call of SQLite in a
 * thread cannot, and has a priority of its own.
 */
const messageAbout = (path: string): VerifyMessage => {
  try {
    return { kind: 'findings', findings: findDamage(path) };
  } catch (error) {
    return { kind: 'failed', detail: messageOf(error) };
  }
};

process.once('message', (path) => process.send?.(messageAbout(String(path)), () => process.disconnect?.()));
