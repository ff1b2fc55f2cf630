import { existsSync } from 'node:fs';
import { systemClock } from '@jiwei/shared/clock.ts';
import { AppError } from '@jiwei/shared/errors.ts';
import { z } from 'zod';
import { call } from './commands.ts';
import { makeAdminToken } from './http/secrets.ts';
import type { CalledCollector } from './options.ts';
import { databasePath, openSqliteStore } from './store/sqlite.ts';

type Target = CalledCollector & { readonly environmentToken: string | null };

/** `collector admin-token renew`: @returns the new token alone, so that it can be piped into a file */
export const renewAdminToken = async (target: Target): Promise<string> => {
  const path = '/api/v1/secrets/admin-token/renew';
  const answer = await call(target, target.environmentToken, 'POST', path, 'application/json', '{}');
  return z.object({ token: z.string() }).parse(answer).token;
};

/**
 * `collector admin-token reset`, for a token that was lost: whoever may write the data folder may have a new one.
 * @returns the new token alone
 * @throws AppError CONFIG_UNREADABLE where there is no database, LOCKED while a collector runs on it
 */
export const resetAdminToken = async (dataFolder: string): Promise<string> => {
  const path = databasePath(dataFolder);
  if (!existsSync(path))
    throw new AppError('CONFIG_UNREADABLE', `there is no database ${path}; name the collector's data folder with --data`);
  const store = await openSqliteStore({ path, clock: systemClock });
  try {
    return (await makeAdminToken(store)).token;
  } finally {
    await store.close();
  }
};

/** `collector heartbeat-addresses renew`: @returns what to do next, and until when */
export const renewHeartbeatAddresses = async (target: Target, keepMs: number): Promise<string> => {
  const path = '/api/v1/secrets/heartbeats/renew';
  const body = JSON.stringify({ keepMs });
  const answer = await call(target, target.environmentToken, 'POST', path, 'application/json', body);
  const { beforeValidUntilMs } = z.object({ beforeValidUntilMs: z.int() }).parse(answer);
  const until =
    keepMs === 0 ? 'are good for nothing from now on' : `stay good until ${new Date(beforeValidUntilMs).toISOString()}`;
  return `all heartbeats have new tokens (GET /api/v1/checks/ID/push); the ones before ${until}`;
};
