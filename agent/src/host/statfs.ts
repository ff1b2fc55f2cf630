import { statfs } from 'node:fs/promises';

/** Space of a mounted file system, as statfs(2) tells it; blocks are `bsize` bytes. */
export interface Space {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

/** Outcome of asking for a mount's space; `waiting` and `skipped` mean that no answer came, not that the mount is gone. */
export type SpaceAnswer =
  | { readonly kind: 'space'; readonly space: Space }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** An earlier or this call has not come back. */
  | { readonly kind: 'waiting' }
  /** Too many other mounts hang. */
  | { readonly kind: 'skipped' };

/** Asks for the space of a mount; comes back at the latest when the signal fires. */
export type SpaceOf = (mountPoint: string, signal: AbortSignal) => Promise<SpaceAnswer>;

/** Calls under way at once: each takes one of the four threads that Node has for files and names, and a dead NFS server keeps it. */
const callsMax = 2;

/**
 * Never more than one call per mount and two in all are under way, however long they hang.
 * @param ask statfs(2), or a stand-in
 */
export const createSpaceOf = (ask: (path: string) => Promise<Space> = (path) => statfs(path)): SpaceOf => {
  const pending = new Map<string, Promise<SpaceAnswer>>();
  /** Those of them whose caller has given up waiting. */
  const hung = new Set<string>();
  const start = (mountPoint: string): Promise<SpaceAnswer> => {
    const answer = ask(mountPoint).then(
      (space): SpaceAnswer => ({ kind: 'space', space }),
      (error: unknown): SpaceAnswer => ({ kind: 'failed', error }),
    );
    const call = answer.finally(() => {
      pending.delete(mountPoint);
      hung.delete(mountPoint);
    });
    pending.set(mountPoint, call);
    return call;
  };
  return async (mountPoint, signal) => {
    if (pending.has(mountPoint)) return { kind: 'waiting' };
    const aborted = waitingAtAbort(signal);
    while (pending.size >= callsMax) {
      // A call that still runs will give its place back soon; one that hangs may never.
      if (signal.aborted || hung.size >= callsMax) return { kind: 'skipped' };
      await Promise.race([...pending.values(), aborted]);
    }
    const answer = await Promise.race([start(mountPoint), aborted]);
    if (answer.kind === 'waiting') hung.add(mountPoint);
    return answer;
  };
};

const waitingAtAbort = (signal: AbortSignal): Promise<SpaceAnswer> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve({ kind: 'waiting' });
    else signal.addEventListener('abort', () => resolve({ kind: 'waiting' }), { once: true });
  });
