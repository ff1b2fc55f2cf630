import { asId, type MaintenanceId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { StoredMaintenance } from '../store/port.ts';
import type { DeclaredMaintenance } from './declaration.ts';

/**
 * What changes in the record of windows when a declaration comes into force. Service fees follow the figures, so no later declaration gives a
 * window that has begun more than it had: it may end sooner, from now on, and everything else about it is a new window as of now.
 * @param known every recorded window, those planned through the API too
 * @param version the declaration's number and when it came into force
 * @returns rows to save: new ones, and those that end or change
 */
export const windowsAsDeclared = (
  known: readonly StoredMaintenance[],
  declared: readonly DeclaredMaintenance[],
  version: { readonly version: number; readonly appliedAtMs: EpochMs },
): readonly StoredMaintenance[] => {
  const wanted = new Map(declared.map((window) => [window.id, window]));
  const changed: StoredMaintenance[] = [];
  const endsMs = new Map<MaintenanceId, EpochMs>();
  for (const row of known) {
    if (row.declaredAs === undefined || row.cancelledAtMs !== null) continue;
    const window = wanted.get(row.declaredAs);
    const after = asWanted(row, window, version.appliedAtMs);
    if (after !== row) changed.push(after);
    if (window !== undefined && after.cancelledAtMs === null && isSameScope(after, window))
      endsMs.set(window.id, Math.max(after.toMs, endsMs.get(window.id) ?? after.toMs));
  }
  for (const window of declared) {
    if ((endsMs.get(window.id) ?? window.fromMs) >= window.toMs) continue;
    changed.push({
      ...window,
      id: asId<'maintenance'>(`${window.id}@${version.version}`),
      declaredAs: window.id,
      createdAtMs: version.appliedAtMs,
      cancelledAtMs: null,
    });
  }
  return changed;
};

/** One recorded window after the declaration: the row itself when it stays as it is. */
const asWanted = (row: StoredMaintenance, window: DeclaredMaintenance | undefined, atMs: EpochMs): StoredMaintenance => {
  if (row.toMs <= atMs) return row;
  if (window === undefined || !isSameScope(row, window)) return { ...row, cancelledAtMs: atMs };
  const hasBegun = row.fromMs < atMs;
  // An extension after its beginning stands beside it: what was approved goes on to its own end.
  if (window.toMs > row.toMs) return hasBegun ? row : { ...row, cancelledAtMs: atMs };
  const toMs = Math.max(window.toMs, atMs);
  const { reason, approvedBy, approvedAtMs } = hasBegun ? row : window;
  const isSame = toMs === row.toMs && reason === row.reason && approvedBy === row.approvedBy && approvedAtMs === row.approvedAtMs;
  return isSame ? row : { ...row, toMs, reason, approvedBy, approvedAtMs };
};

type Scope = Pick<DeclaredMaintenance, 'fromMs' | 'assetIds' | 'unitIds' | 'zoneIds'>;

const isSameScope = (left: Scope, right: Scope): boolean =>
  left.fromMs === right.fromMs &&
  isSameSet(left.assetIds, right.assetIds) &&
  isSameSet(left.unitIds, right.unitIds) &&
  isSameSet(left.zoneIds, right.zoneIds);

const isSameSet = (left: readonly string[], right: readonly string[]): boolean =>
  left.every((id) => right.includes(id)) && right.every((id) => left.includes(id));
