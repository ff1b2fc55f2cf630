import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { CheckId } from '@jiwei/shared/ids.ts';

/** SHA-256 of a token as hex. A random token of 256 bits needs no salt and no slow hash. */
export const tokenHashOf = (token: string): string => createHash('sha256').update(token, 'utf8').digest('hex');

/** Compares two texts in time that depends on nothing but their lengths; both are hashed first, so the lengths are equal. */
export const isSameSecret = (left: string, right: string): boolean =>
  timingSafeEqual(createHash('sha256').update(left, 'utf8').digest(), createHash('sha256').update(right, 'utf8').digest());

/** The token of one heartbeat check: 192 bits of HMAC-SHA-256 over the check's id, so that knowing one tells nothing of another. */
export const pushTokenOf = (secret: string, checkId: CheckId | string): string =>
  createHmac('sha256', secret).update(`push\n${checkId}`, 'utf8').digest().subarray(0, 24).toString('base64url');
