import { readFile } from 'node:fs/promises';
import type { Clock } from '@jiwei/shared/clock.ts';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import type { Access } from './http/access.ts';
import { type NewAdminToken, openSecrets } from './http/secrets.ts';
import { tokenHashOf } from './http/tokens.ts';
import type { ServeOptions } from './options.ts';
import type { Store } from './store/port.ts';

/**
 * Who may do what. As long as none was kept an admin token is made; only its hash is ever stored, so it can be shown this once and never again.
 * @throws AppError CONFIG_UNREADABLE when a token file cannot be read
 */
export const openAccess = async (
  store: Store,
  clock: Clock,
  options: ServeOptions,
): Promise<{ access: Access; adminToken: NewAdminToken | null }> => {
  const { secrets, adminToken } = await openSecrets(store, clock);
  const metricsTokenHash = options.metricsTokenFile === null ? null : tokenHashOf(await readToken(options.metricsTokenFile));
  return { access: { secrets, metricsTokenHash, metricsAddresses: options.metricsAddresses }, adminToken };
};

/** @returns the file's text without surrounding white space; an empty file is refused */
export const readToken = async (file: string): Promise<string> => {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new AppError('CONFIG_UNREADABLE', `token file ${file}: ${messageOf(error)}`, { cause: error });
  }
  if (text === '') throw new AppError('CONFIG_INVALID', `token file ${file} is empty; put the token into it`);
  return text;
};
