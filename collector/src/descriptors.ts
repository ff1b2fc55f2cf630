import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { devNull } from 'node:os';
import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import type { FastifyBaseLogger } from 'fastify';
import { createCrowdLog } from './ingest/crowd-log.ts';

/** How many files and connections the process may have open; null where the system does not tell (it does on Linux). */
export const descriptorsMaxOf = (limitsFile = '/proc/self/limits'): number | null => {
  let text: string;
  try {
    text = readFileSync(limitsFile, 'utf8');
  } catch {
    // Not Linux, or no /proc in the container: then nothing is known, which is an answer.
    return null;
  }
  const [, soft] = /^Max open files\s+(\d+)\s/m.exec(text) ?? [];
  return soft === undefined ? null : Number(soft);
};

/** Whether an operation failed because the process, or the system, has no descriptor left: it says nothing of the file that was to be opened. */
export const isOutOfDescriptors = (error: unknown): boolean => {
  for (let one: unknown = error; one instanceof Error; one = one.cause)
    if ('code' in one && (one.code === 'EMFILE' || one.code === 'ENFILE')) return true;
  return false;
};

/** Between two tries to open a file, ms. */
const tryMs = 5_000;

/** Tries now and then to open a file, and says so when the process can open none any more. @returns ends it */
export const watchDescriptors = (clock: Clock, log: FastifyBaseLogger): (() => void) => {
  // Asked now: to read it takes a descriptor.
  const descriptorsMax = descriptorsMaxOf();
  const sayStarved = createCrowdLog(clock, (tries) =>
    log.error(
      { tries, descriptorsMax },
      'the process can open no more files and connections; raise LimitNOFILE of the service (ulimit -n). What is in force stays',
    ),
  );
  const tryToOpen = async (): Promise<void> => {
    try {
      await (await open(devNull)).close();
    } catch (error) {
      // Any other failure says nothing of descriptors.
      if (isOutOfDescriptors(error)) sayStarved();
    }
  };
  const tryLater = (): CancelTimer =>
    clock.after(
      tryMs,
      () =>
        void tryToOpen().then(() => {
          if (!isEnded) cancel = tryLater();
        }),
    );
  let isEnded = false;
  let cancel = tryLater();
  return () => {
    isEnded = true;
    cancel();
  };
};
