import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { CheckId } from '@jiwei/shared/ids.ts';
import type { Store } from '../store/port.ts';

/** Name of the setting in the store. */
const pushSecretSetting = 'http.pushSecret';

/** SHA-256 of a token as hex. A random token of 256 bits needs no salt and no slow hash. */
export const tokenHashOf = (token: string): string => createHash('sha256').update(token, 'utf8').digest('hex');

/** Compares two texts in time that depends on nothing but their lengths; both are hashed first, so the lengths are equal. */
export const isSameSecret = (left: string, right: string): boolean =>
  timingSafeEqual(createHash('sha256').update(left, 'utf8').digest(), createHash('sha256').update(right, 'utf8').digest());

/** The secret the push tokens are derived from, made at the first start. */
export const ensurePushSecret = async (store: Store): Promise<string> => {
  const known = await store.setting(pushSecretSetting);
  if (known !== null) return known;
  const secret = randomBytes(32).toString('base64url');
  await store.saveSetting(pushSecretSetting, secret);
  return secret;
};

/** The token of one heartbeat check: 192 bits of HMAC-SHA-256 over the check's id, so that knowing one tells nothing of another. */
export const pushTokenOf = (secret: string, checkId: CheckId | string): string =>
  createHmac('sha256', secret).update(`push\n${checkId}`, 'utf8').digest().subarray(0, 24).toString('base64url');
