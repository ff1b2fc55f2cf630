import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { AppError } from '@jiwei/shared/errors.ts';
import type { Findings, StoreDamage } from '../port.ts';
import { findDamage } from './damage.ts';
import { corruptStore } from './fault.ts';
import type { VerifyMessage } from './verify-process.ts';

const program = fileURLToPath(new URL('./verify-process.ts', import.meta.url));

/**
 * `findDamage` in a process of its own, at a low priority.
 * @throws STORE_UNAVAILABLE when it could not be done, STORE_CORRUPT when the database cannot even be opened
 */
export const verifyApart = async (path: string, signal: AbortSignal): Promise<Findings> => {
  const child = fork(program, [], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'], signal });
  yieldTo(child.pid);
  let said: VerifyMessage | null = null;
  child.on('message', (message) => {
    // It is our own program, of the same version.
    said = message as VerifyMessage;
  });
  const ended = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    // One that could not be started takes no message; that is the error.
    child.send(path, () => undefined);
    // And not 'exit', before which the last message need not have been read.
    child.once('close', (code, killedBy) => resolve(killedBy ?? `exit code ${code}`));
  });
  return findingsOf(said, `store: ${path} could not be read whole by the process that looks for damage (${ended})`);
};

const findingsOf = (said: VerifyMessage | null, failure: string): Findings => {
  if (said === null) throw new AppError('STORE_UNAVAILABLE', failure);
  if (said.kind === 'failed') throw new AppError('STORE_UNAVAILABLE', `${failure}: ${said.detail}`);
  return said.findings;
};

/** Whoever measures and commits goes first. */
const yieldTo = (processId: number | undefined): void => {
  if (processId === undefined) return;
  try {
    setPriority(processId, constants.priority.PRIORITY_LOW);
  } catch {
    // Not allowed here, or it has ended: then it is as all others.
    return;
  }
};

/** Lies beside a database in which rows may not be found, and says of what: small enough a start reads all anyway, and a large one is read for it. */
export const damagePath = (path: string): string => `${path}.damage`;

/** Leaves word for the next start. */
export const noteDamage = async (path: string, damages: readonly StoreDamage[]): Promise<void> => {
  const hidden = damages.filter(({ hidesRows }) => hidesRows);
  if (hidden.length > 0) await writeFile(damagePath(path), hidden.map(({ detail }) => `${detail}\n`).join(''), { mode: 0o600 });
};

/**
 * Where damage was found in an earlier run, all is read again, however long that takes, and the word taken away when it was mended since.
 * @throws STORE_CORRUPT when it was not
 */
export const checkNotedDamage = async (path: string): Promise<void> => {
  if (!existsSync(damagePath(path))) return;
  const [hidden] = findDamage(path).damages.filter(({ hidesRows }) => hidesRows);
  if (hidden !== undefined) throw corruptStore(path, hidden.detail);
  await rm(damagePath(path), { force: true });
};
