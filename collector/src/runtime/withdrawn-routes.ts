import { AppError } from '@jiwei/shared/errors.ts';
import type { RouteId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { Declaration, DeclaredNotifier } from '../registry/declaration.ts';
import type { DeclarationVersion, Store } from '../store/port.ts';
import { type DeclarationReader, readDeclaration } from './declaring.ts';

/**
 * The notifier of a route as the last version that declares the route has it: by it those who heard an alarm are told its end, though the route
 * was withdrawn meanwhile. Read from the versions, which are kept anyway, so that neither a restart nor a crash loses it.
 * @returns null when none of the last `declarationsLookedBackMax` versions declares it
 * @throws STORE_UNAVAILABLE
 */
export const lastNotifierOf = async (
  store: Pick<Store, 'declaration'>,
  reader: DeclarationReader,
  routeId: RouteId,
): Promise<DeclaredNotifier | null> => {
  const newest = await versionOf(store);
  if (newest === null) return null;
  const oldest = Math.max(1, newest.version - limits.declarationsLookedBackMax + 1);
  for (let number = newest.version; number >= oldest; number -= 1) {
    const version = number === newest.version ? newest : await versionOf(store, number);
    // Most versions after the withdrawal do not name it, and need not be read to know.
    if (version === null || !version.text.includes(routeId)) continue;
    const declaration = readAgain(version, reader);
    const route = declaration?.routes.find(({ id }) => id === routeId);
    if (route !== undefined) return declaration?.notifiers.find(({ id }) => id === route.notifier) ?? null;
  }
  return null;
};

/** A version that is damaged helps no further; an older one may. */
const versionOf = async (store: Pick<Store, 'declaration'>, number?: number): Promise<DeclarationVersion | null> => {
  try {
    return await store.declaration(number);
  } catch (error) {
    if (error instanceof AppError && error.code === 'STORE_CORRUPT') return null;
    throw error;
  }
};

/** So does one that this program refuses. */
const readAgain = ({ text, source }: DeclarationVersion, reader: DeclarationReader): Declaration | null => {
  try {
    return readDeclaration(text, source, reader).declaration;
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
};
