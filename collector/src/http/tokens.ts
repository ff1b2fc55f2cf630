import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { CheckId } from '@jiwei/shared/ids.ts';
import type { Store } from '../store/port.ts';

/** Names of the settings in the store. */
const adminTokenSetting = 'http.adminTokenHash';
const pushSecretSetting = 'http.pushSecret';

/** A new secret of 256 bits, as base64url. */
export const createToken = (): string => randomBytes(32).toString('base64url');

/** SHA-256 of a token as hex. A random token of 256 bits needs no salt and no slow hash. */
export const tokenHashOf = (token: string): string => createHash('sha256').update(token, 'utf8').digest('hex');

/** Compares two texts in time that depends on nothing but their lengths; both are hashed first, so the lengths are equal. */
export const isSameSecret = (left: string, right: string): boolean =>
  timingSafeEqual(createHash('sha256').update(left, 'utf8').digest(), createHash('sha256').update(right, 'utf8').digest());

/**
 * The admin token's hash, made at the first start.
 * @returns `created` is the token itself at the first start, to be shown once; null later
 */
export const ensureAdminToken = async (store: Store): Promise<{ readonly hash: string; readonly created: string | null }> => {
  const known = await store.setting(adminTokenSetting);
  if (known !== null) return { hash: known, created: null };
  const created = createToken();
  const hash = tokenHashOf(created);
  await store.saveSetting(adminTokenSetting, hash);
  return { hash, created };
};

/** Makes a new admin token; the one before is worth nothing from the next start on. */
export const replaceAdminToken = async (store: Store): Promise<string> => {
  const token = createToken();
  await store.saveSetting(adminTokenSetting, tokenHashOf(token));
  return token;
};

/** The secret the push tokens are derived from, made at the first start. */
export const ensurePushSecret = async (store: Store): Promise<string> => {
  const known = await store.setting(pushSecretSetting);
  if (known !== null) return known;
  const secret = createToken();
  await store.saveSetting(pushSecretSetting, secret);
  return secret;
};

/** The token of one heartbeat check: 192 bits of HMAC-SHA-256 over the check's id, so that knowing one tells nothing of another. */
export const pushTokenOf = (secret: string, checkId: CheckId | string): string =>
  createHmac('sha256', secret).update(`push\n${checkId}`, 'utf8').digest().subarray(0, 24).toString('base64url');
