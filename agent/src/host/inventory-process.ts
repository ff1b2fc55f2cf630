import { execFile } from 'node:child_process';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { type InventoryBody, inventoryBodySchema } from '@jiwei/shared/protocol/control.ts';
import type { Inventory } from './inventory.ts';

/** Far more than the bounds of the schema let through on a host of any size. */
const outputBytesMax = 16 * 1024 * 1024;

/**
 * Asks in a process of its own, which ends with the answer: the library that knows hardware, and all it loads, would stay in memory for
 * months for a question that is asked twice a day.
 * @param program the agent's own first file, which tells its inventory when asked with --inventory
 * @param signal ends the process
 * @throws INTERNAL when it ends without an answer; the signal's reason
 */
export const inventoryFromProcess = async (program: string, signal: AbortSignal): Promise<Pick<Inventory, 'body' | 'errors'>> => {
  const text = await outputOf([program, '--inventory'], signal);
  try {
    const { body, errors } = JSON.parse(text) as { body: unknown; errors: unknown };
    const checked: InventoryBody = inventoryBodySchema.parse(body);
    return { body: checked, errors: Array.isArray(errors) ? errors.map(String) : [] };
  } catch (error) {
    throw new AppError('INTERNAL', `the inventory is no JSON of the right form: ${messageOf(error)}`, { cause: error });
  }
};

const outputOf = (words: readonly string[], signal: AbortSignal): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { signal, maxBuffer: outputBytesMax, windowsHide: true };
    execFile(process.execPath, [...words], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      if (signal.aborted) return reject(signal.reason);
      const said = stderr.trim().slice(-500);
      reject(new AppError('INTERNAL', `${words.join(' ')} ended without an answer: ${said || error.message}`, { cause: error }));
    });
  });
