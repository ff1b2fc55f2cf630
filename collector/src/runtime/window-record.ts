import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import type { FastifyBaseLogger } from 'fastify';
import type { Declaration } from '../registry/declaration.ts';
import { windowsAsDeclared } from '../registry/declared-windows.ts';
import type { DeclarationVersion, Store } from '../store/port.ts';
import { type DeclarationReader, readDeclaration } from './declaring.ts';

/** Setting that holds the last version whose windows are in the record. */
const recordedVersion = 'windowsOfVersion';

/**
 * Brings the record of declared windows up to the last version, one version after the other: after a crash between a version and its windows,
 * and in a database from before there was a record, they count from when they were declared, not from now.
 * @param inForce a version that was read already
 */
export const recordWindows = async (
  store: Store,
  log: FastifyBaseLogger,
  reader: DeclarationReader,
  inForce: { readonly version: number; readonly declaration: Declaration } | null = null,
): Promise<void> => {
  let number = Number((await store.setting(recordedVersion)) ?? 0) + 1;
  for (; ; number += 1) {
    const version = await store.declaration(number);
    if (version === null) return;
    const declaration = version.version === inForce?.version ? inForce.declaration : readAgain(version, log, reader);
    if (declaration !== null) await recordVersion(store, log, version, declaration);
    await store.saveSetting(recordedVersion, String(number));
  }
};

const recordVersion = async (
  store: Store,
  log: FastifyBaseLogger,
  version: DeclarationVersion,
  { maintenance }: Declaration,
): Promise<void> => {
  const changed = windowsAsDeclared(await store.maintenance(), maintenance, version);
  await store.saveMaintenance(changed);
  const late = changed.filter((row) => row.createdAtMs === version.appliedAtMs && row.createdAtMs > row.fromMs);
  if (late.length > 0) {
    const some = late.slice(0, 10).map((row) => row.id);
    log.warn({ count: late.length, some }, 'maintenance declared after its beginning: it holds notices back and mends no figure');
  }
};

/** An old version that this program refuses changes no window. */
const readAgain = ({ version, text, source }: DeclarationVersion, log: FastifyBaseLogger, reader: DeclarationReader) => {
  try {
    return readDeclaration(text, source, reader).declaration;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    log.warn({ version, error: messageOf(error) }, 'an old declaration cannot be read; its maintenance is not in the record');
    return null;
  }
};
