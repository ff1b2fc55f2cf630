import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { type AgentId, asId, type BootId, declaredIdPattern } from '@jiwei/shared/ids.ts';
import { type AgentConfig, agentConfigSchema, gapBodySchema } from '@jiwei/shared/protocol/control.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { type Disk, isDiskFull } from '../spool/disk.ts';
import { gapBody, type Loss } from '../spool/gap.ts';

const names = {
  key: 'agent.key',
  nextKey: 'agent.key.next',
  authority: 'collector-ca.pem',
  id: 'agent.id',
  boot: 'boot',
  config: 'config.json',
  loss: 'lost.json',
} as const;

/** Files with keys, which are for their owner alone. */
export const keyFiles: readonly string[] = [names.key, names.nextKey];

/** @returns null when there is no such file */
const readText = (files: Disk, name: string): string | null => {
  if (!files.list().includes(name)) return null;
  return Buffer.from(files.read(name, 0, files.sizeBytes(name))).toString('utf8');
};

const writeText = (files: Disk, name: string, text: string): void => files.replace(name, Buffer.from(text, 'utf8'));

/**
 * The agent's Ed25519 key, made at its first start. Whoever has the file is the agent.
 * @throws CONFIG_INVALID when the file holds something else: making a new key would silently make a new agent
 */
export const loadKey = (files: Disk): KeyObject => {
  return readKey(files, names.key, 'restore it, or remove it to enrol as a new agent') ?? makeKey(files, names.key);
};

/**
 * The key the agent is changing to; null when it is not. While there is one, each proof offers it, and the first welcome after it puts it in
 * the old one's place: killed at any point, the agent has at least the key that the collector knows.
 * @throws CONFIG_INVALID when the file holds something else
 */
export const loadNextKey = (files: Disk): KeyObject | null =>
  readKey(files, names.nextKey, 'remove it to keep the present key, if the collector still knows that one');

/** Makes the key to change to, unless there is one; durable when it returns. */
export const makeNextKey = (files: Disk): KeyObject => loadNextKey(files) ?? makeKey(files, names.nextKey);

/** Puts the next key in the place of the present one. */
export const takeNextKey = (files: Disk): void => {
  const pem = readText(files, names.nextKey);
  if (pem === null) return;
  writeText(files, names.key, pem);
  files.remove(names.nextKey);
};

const makeKey = (files: Disk, name: string): KeyObject => {
  const { privateKey } = generateKeyPairSync('ed25519');
  writeText(files, name, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  return privateKey;
};

/** @returns null when there is no such file */
const readKey = (files: Disk, name: string, advice: string): KeyObject | null => {
  const pem = readText(files, name);
  if (pem === null) return null;
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
    throw new Error(`it is of type ${key.asymmetricKeyType}`);
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `${name} in the state folder is not an Ed25519 key: ${messageOf(error)}; ${advice}`, {
      cause: error,
    });
  }
};

/** The number of this run, stored before it is used: no frame of two runs can ever have the same position. */
export const nextBootId = (files: Disk, nowMs: EpochMs): BootId => {
  const last = Number(readText(files, names.boot)?.trim() ?? 0);
  // A number at the end of the exact integers has none after it; it is no boot of ours.
  const bootId = Math.max(Math.floor(nowMs), Number.isSafeInteger(last + 1) ? last + 1 : 0);
  storeBootId(files, bootId);
  return bootId;
};

/**
 * Makes the next boot be numbered above this. On a full disk it is written over the number before, which needs no room: a host with a full
 * disk is one to look at. Cut off in between, digits of both stand there, and make a number that is not below the one before.
 */
export const storeBootId = (files: Disk, bootId: BootId): void => {
  const text = `${bootId}\n`;
  try {
    writeText(files, names.boot, text);
  } catch (error) {
    if (!isDiskFull(error) || readText(files, names.boot)?.length !== text.length) throw error;
    files.overwrite(names.boot, 0, Buffer.from(text, 'utf8'));
  }
};

/** PEM of the authority of the collector's certificate, as it was at the first TLS connection; null before it. */
export const loadAuthority = (files: Disk): string | null => readText(files, names.authority);

/** Keeps it; durable when it returns. */
export const storeAuthority = (files: Disk, pem: string): void => writeText(files, names.authority, pem);

/** @returns null before the first enrolment */
export const loadAgentId = (files: Disk): AgentId | null => {
  const text = readText(files, names.id)?.trim() ?? '';
  return declaredIdPattern.test(text) ? asId<'agent'>(text) : null;
};

/** Keeps the name the collector gave; durable when it returns. */
export const storeAgentId = (files: Disk, agentId: AgentId): void => writeText(files, names.id, `${agentId}\n`);

/** The last configuration that was in force, or null; one that this build cannot read any more is as good as none. */
export const loadConfig = (files: Disk): { readonly config: AgentConfig | null; readonly problem: string | null } => {
  const text = readText(files, names.config);
  if (text === null) return { config: null, problem: null };
  try {
    return { config: agentConfigSchema.parse(JSON.parse(text)), problem: null };
  } catch (error) {
    return { config: null, problem: messageOf(error) };
  }
};

/** Keeps the configuration in force; durable when it returns. */
export const storeConfig = (files: Disk, config: AgentConfig): void => writeText(files, names.config, JSON.stringify(config));

/** Frames an earlier boot knew to be lost and could not tell the collector; null when there are none. */
export const loadLoss = (files: Disk): Loss | null => {
  const text = readText(files, names.loss);
  if (text === null) return null;
  try {
    const { fromMs, toMs, frames, bytes } = gapBodySchema.parse(JSON.parse(text));
    return { fromMs, toMs, frames, bytes };
  } catch {
    // Written whole or not at all; what was changed by other hands cannot be told.
    return null;
  }
};

/** Keeps a loss until it is told; null when it was. */
export const storeLoss = (files: Disk, loss: Loss | null): void =>
  loss === null ? files.remove(names.loss) : files.replace(names.loss, gapBody(loss, 'spool-damaged'));
