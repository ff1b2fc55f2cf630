import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import type { Access } from './http/access.ts';
import type { ServeOptions } from './options.ts';
import type { Store } from './store/port.ts';

const settingName = 'adminTokenHash';
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/**
 * Who may do what. At the very first start an admin token is made; only its hash is stored, so it can be shown this once and never again.
 * @throws AppError CONFIG_UNREADABLE when a token file cannot be read
 */
export const openAccess = async (store: Store, options: ServeOptions): Promise<{ access: Access; adminToken: string | null }> => {
  let adminTokenHash = await store.setting(settingName);
  let adminToken: string | null = null;
  if (adminTokenHash === null) {
    adminToken = `jwadmin_${randomBytes(24).toString('base64url')}`;
    adminTokenHash = hashOf(adminToken);
    await store.saveSetting(settingName, adminTokenHash);
  }
  const metricsTokenHash = options.metricsTokenFile === null ? null : hashOf(await readToken(options.metricsTokenFile));
  return { access: { adminTokenHash, metricsTokenHash, metricsAddresses: options.metricsAddresses }, adminToken };
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
