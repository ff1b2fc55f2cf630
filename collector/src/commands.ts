import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { setDefaultCACertificates } from 'node:tls';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { z } from 'zod';
import { readToken } from './first-start.ts';
import { notifierSchemas } from './notify/registry.ts';
import type { CalledCollector, Command } from './options.ts';
import { readText, readTextNow, textOrThrow } from './registry/file-text.ts';
import { readDeclaration, type WholeDeclaration } from './runtime/declaring.ts';
import { makeBackup } from './store/sqlite/backup.ts';
import { findDamage } from './store/sqlite/damage.ts';
import { corruptStore } from './store/sqlite/fault.ts';
import { restoreBackup } from './store/sqlite/restore.ts';
import { databasePath } from './store/sqlite.ts';

/** A call to a running collector may take this long: applying waits for a commit. */
const callMsMax = 30_000;

/**
 * `collector check FILE`: checks a declaration without a collector.
 * @returns one line that says what it holds
 * @throws AppError CONFIG_INVALID listing every fault, CONFIG_UNREADABLE
 */
export const checkFile = async (file: string): Promise<string> => contentsOf(file, textOrThrow(await readText(file)));

const contentsOf = (file: string, text: string): string => {
  const { declaration } = readWhole(file, text);
  const { units, assets, checks, rules } = declaration;
  return `${file} is valid: ${units.length} units, ${assets.length} assets, ${checks.length} checks, ${rules.length} rules`;
};

const readWhole = (file: string, text: string): WholeDeclaration =>
  readDeclaration(text, file, { notifierSchemas, readRuleFile: readTextNow });

/** `collector apply FILE`: @returns which version is in force now, and what will take its place */
export const applyFile = async (
  command: Extract<Command, { kind: 'apply' }>,
  environmentToken: string | null,
): Promise<string> => {
  const text = textOrThrow(await readText(command.file));
  // Checked here first: faults are then told with the file's own name, and rule files are found beside it.
  const whole = readWhole(command.file, text);
  const query = new URLSearchParams({ source: resolve(command.file), actor: userInfo().username });
  const answer = await call(command, environmentToken, 'PUT', `/api/v1/declaration?${query}`, 'text/yaml', whole.text);
  const { version, watchedFile } = z.object({ version: z.int(), watchedFile: z.string().nullable() }).parse(answer);
  const done = `${command.file} is in force as version ${version}`;
  if (watchedFile === null || resolve(watchedFile) === resolve(command.file)) return done;
  return `${done}\nThe collector watches ${watchedFile}: once that file changes, it takes the place of this. Make the change there too to keep it.`;
};

/** `collector join-token`: @returns the token alone, so that it can be piped into a file */
export const makeJoinToken = async (
  command: Extract<Command, { kind: 'join-token' }>,
  environmentToken: string | null,
): Promise<string> => {
  const body = JSON.stringify({
    zoneId: command.zone,
    labels: command.labels,
    uses: command.uses,
    lifetimeMs: command.lifetimeMs,
    needsApproval: command.needsApproval,
  });
  const answer = await call(command, environmentToken, 'POST', '/api/v1/join-tokens', 'application/json', body);
  return z.object({ token: z.string() }).parse(answer).token;
};

/** `collector backup FILE`: @returns one line that says what is in it */
export const backUp = async (
  { file, dataFolder }: { readonly file: string; readonly dataFolder: string },
  atMs: number,
  version: string,
): Promise<string> => {
  const manifest = await makeBackup(databasePath(dataFolder), resolve(file), { atMs, version });
  return `${file} holds the state of ${instantText(manifest.stateAtMs)} (${manifest.databaseBytes} bytes, sha256 ${manifest.sha256})`;
};

/** `collector restore FILE`: @returns what was done, and what to expect of it */
export const restore = async (
  { file, dataFolder }: { readonly file: string; readonly dataFolder: string },
  atMs: number,
): Promise<string> => {
  const { manifest, keptFolder } = await restoreBackup(resolve(file), databasePath(dataFolder), atMs);
  return [
    `${databasePath(dataFolder)} is now as it was at ${instantText(manifest.stateAtMs)}.`,
    keptFolder === null ? 'There was no database before.' : `The database that was there is kept in ${keptFolder}.`,
    'What agents were told since then that it is stored is gone from here and with them: it will show as unknown, not as up.',
    'Agents enrolled since then have to enrol again; revoke again what was revoked since then.',
  ].join('\n');
};

/** `collector verify`: @returns one line that says what was read @throws STORE_CORRUPT naming what is damaged */
export const verify = (dataFolder: string): string => {
  const path = databasePath(dataFolder);
  const { tables, rows, damages, misfits } = findDamage(path);
  const [first] = damages.toSorted((a, b) => Number(b.hidesRows) - Number(a.hidesRows));
  if (first === undefined)
    return `${path} is whole: ${rows} rows of ${tables} tables fit their checksums, and every index its table`;
  throw corruptStore(path, `${misfits} rows do not fit their checksums; ${damages.length} findings, the first: ${first.detail}`);
};

/** A database nothing was ever committed to has no instant. */
const instantText = (atMs: number): string => (atMs === 0 ? 'its making' : new Date(atMs).toISOString());

const problemSchema = z.object({
  code: z.string().optional(),
  detail: z.string().optional(),
  title: z.string().optional(),
  errors: z.array(z.object({ in: z.string().optional(), path: z.string().optional(), message: z.string() })).optional(),
});

/** Of more mistakes than these nobody reads the rest before the first ones are mended. */
const shownErrorsMax = 20;

/** What the collector's answer says of each mistake, a line for each. */
const errorLines = (
  errors: readonly { readonly in?: string | undefined; readonly path?: string | undefined; readonly message: string }[],
): string =>
  errors
    .slice(0, shownErrorsMax)
    .map(({ path, message, ...place }) => `\n  ${[place.in, path].filter(Boolean).join(' ')}: ${message}`)
    .concat(errors.length > shownErrorsMax ? [`\n  and ${errors.length - shownErrorsMax} more`] : [])
    .join('');

/** Calls a running collector. @returns its answer, parsed @throws AppError LINK_REFUSED, UNAUTHENTICATED, REQUEST_INVALID */
export const call = async (
  target: CalledCollector,
  environmentToken: string | null,
  method: string,
  path: string,
  contentType: string,
  body: string | null,
): Promise<unknown> => {
  const token = target.tokenFile === null ? environmentToken : await readToken(target.tokenFile);
  if (token === null)
    throw new AppError(
      'UNAUTHENTICATED',
      'the admin token is needed: --token-file FILE, or JIWEI_ADMIN_TOKEN in the environment',
    );
  if (target.caFile !== null) await trustOnly(target.caFile);
  let response: Response;
  try {
    response = await fetch(new URL(path, target.url), {
      method,
      body,
      headers: { ...(body === null ? {} : { 'content-type': contentType }), authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(callMsMax),
    });
  } catch (error) {
    // fetch says only "fetch failed"; why stands in its cause.
    const why = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    throw new AppError('LINK_REFUSED', `no answer from ${target.url}: ${why}; is the collector running there?`, { cause: error });
  }
  const answer = await jsonOf(response, target.url);
  if (response.ok) return answer;
  const problem = problemSchema.safeParse(answer).data;
  throw new AppError(
    'REQUEST_INVALID',
    `the collector refused (${response.status} ${problem?.code ?? ''}): ${problem?.detail ?? problem?.title ?? 'no reason given'}${errorLines(problem?.errors ?? [])}`,
  );
};

/** For the whole process, since fetch takes no authorities of its own; a command makes one call and ends. */
const trustOnly = async (caFile: string): Promise<void> => {
  try {
    setDefaultCACertificates([await readFile(caFile, 'utf8')]);
  } catch (error) {
    throw new AppError(
      'CONFIG_UNREADABLE',
      `--ca ${caFile} cannot be used: ${messageOf(error)}; a file of PEM certificates is needed`,
      {
        cause: error,
      },
    );
  }
};

const jsonOf = async (response: Response, url: string): Promise<unknown> => {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('LINK_REFUSED', `${url} answered ${response.status} and no JSON; is it the address of a collector?`, {
      cause: error,
    });
  }
};
