import { randomBytes } from 'node:crypto';
import type { Clock } from '@jiwei/shared/clock.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { z } from 'zod';
import type { Store } from '../store/port.ts';
import { fromJson } from '../store/sql/json.ts';
import { isSameSecret, pushTokenOf, tokenHashOf } from './tokens.ts';

/** Names of the settings in the store. */
const adminSetting = 'adminTokenHash';
const pushSetting = 'http.pushSecret';
const pushBeforeSetting = 'http.pushSecretBefore';

/** The collector's own secrets. Each can be renewed while it runs; what was renewed is in force when the promise resolves. */
export interface Secrets {
  isAdminToken(token: string): boolean;
  /** Whether the token opens the heartbeat, by the present secret or by the one before as long as that is kept. */
  isPushToken(token: string, checkId: string): boolean;
  pushTokenOf(checkId: string): string;
  /** @returns the new admin token, shown this once; the one before is unknown from now on */
  renewAdminToken(): Promise<string>;
  /**
   * Gives every heartbeat a new address.
   * @param keepMs the addresses before stay good for so long; those before them end now
   * @returns until when
   */
  renewPushSecret(keepMs: number): Promise<EpochMs>;
}

/** The secret before the present one. */
const beforeSchema = z.object({ secret: z.string(), validUntilMs: z.int() });
type Before = z.infer<typeof beforeSchema>;

/** An admin token that was made and not yet kept: until it is, it is good in this process alone, and the next start makes another. */
export interface NewAdminToken {
  readonly token: string;
  /** Stores its hash. To be called once somebody has seen it: of a token that nobody saw, the hash would lock everybody out for good. */
  keep(): Promise<void>;
}

const newAdminToken = (): { readonly token: string; readonly hash: string } => {
  const token = `jwadmin_${randomBytes(24).toString('base64url')}`;
  return { token, hash: tokenHashOf(token) };
};

/** A new admin token; only its hash is stored. */
export const makeAdminToken = async (store: Store): Promise<{ readonly token: string; readonly hash: string }> => {
  const made = newAdminToken();
  await store.saveSetting(adminSetting, made.hash);
  return made;
};

const makePushSecret = async (store: Store): Promise<string> => {
  const secret = randomBytes(32).toString('base64url');
  await store.saveSetting(pushSetting, secret);
  return secret;
};

const pushSecretBefore = async (store: Store): Promise<Before | null> => {
  const text = await store.setting(pushBeforeSetting);
  return text === null ? null : fromJson(text, beforeSchema, pushBeforeSetting);
};

/**
 * Reads the secrets, and makes those that are missing.
 * @returns with them, the admin token when none was ever kept
 */
export const openSecrets = async (
  store: Store,
  clock: Clock,
): Promise<{ readonly secrets: Secrets; readonly adminToken: NewAdminToken | null }> => {
  const knownHash = await store.setting(adminSetting);
  const made = knownHash === null ? newAdminToken() : null;
  let adminTokenHash = knownHash ?? made?.hash ?? '';
  let pushSecret = (await store.setting(pushSetting)) ?? (await makePushSecret(store));
  let before = await pushSecretBefore(store);
  const secrets: Secrets = {
    isAdminToken: (token) => isSameSecret(tokenHashOf(token), adminTokenHash),
    isPushToken: (token, checkId) => {
      if (isSameSecret(token, pushTokenOf(pushSecret, checkId))) return true;
      return before !== null && clock.nowMs() < before.validUntilMs && isSameSecret(token, pushTokenOf(before.secret, checkId));
    },
    pushTokenOf: (checkId) => pushTokenOf(pushSecret, checkId),
    renewAdminToken: async () => {
      const { token, hash } = await makeAdminToken(store);
      adminTokenHash = hash;
      return token;
    },
    renewPushSecret: async (keepMs) => {
      const kept = { secret: pushSecret, validUntilMs: clock.nowMs() + keepMs };
      // The old one first: killed in between, the collector still knows every address that anybody was given.
      await store.saveSetting(pushBeforeSetting, JSON.stringify(kept));
      before = kept;
      pushSecret = await makePushSecret(store);
      return kept.validUntilMs;
    },
  };
  if (made === null) return { secrets, adminToken: null };
  const keep = async (): Promise<void> => {
    // Whoever was shown it may have renewed it since.
    if (adminTokenHash === made.hash) await store.saveSetting(adminSetting, made.hash);
  };
  return { secrets, adminToken: { token: made.token, keep } };
};
