import { type DbusConnection, DbusError, openDbus } from './dbus/connection.ts';
import type { Call, Message } from './dbus/message.ts';
import { systemCodeOf } from './missing.ts';

/** A unit as systemd lists it; the words are systemd's. */
export interface Unit {
  readonly name: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  /** Where it is found on D-Bus. */
  readonly path: string;
}

const manager = {
  destination: 'org.freedesktop.systemd1',
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
} as const;

/** Sockets systemd can be asked through: its own, for root alone, and the bus. @param runFolder /run */
export const systemdSockets = (runFolder: string): readonly string[] => [
  `${runFolder}/systemd/private`,
  `${runFolder}/dbus/system_bus_socket`,
];

/**
 * All units systemd has in memory, by one call over its socket and without a process.
 * @param socketPath one of `systemdSockets`
 * @throws the system's error when nobody listens there or we may not ask; the signal's when it fires
 */
export const listUnits = (socketPath: string, signal: AbortSignal): Promise<readonly Unit[]> =>
  withSystemd(socketPath, signal, async (connection) => unitsOf(await connection.call({ ...manager, member: 'ListUnits' })));

/**
 * All units, and the Type= of the services among them.
 * @param types is filled: by unit name, empty when the unit has none. Types hardly ever change, so those known are not asked again
 */
export const listUnitsWithTypes = (
  socketPath: string,
  signal: AbortSignal,
  types: Map<string, string>,
): Promise<readonly Unit[]> =>
  withSystemd(socketPath, signal, async (connection) => {
    const units = unitsOf(await connection.call({ ...manager, member: 'ListUnits' }));
    const unknown = units.filter(({ name, load }) => name.endsWith('.service') && load === 'loaded' && !types.has(name));
    await Promise.all(unknown.map(async (unit) => types.set(unit.name, await serviceType(connection, unit))));
    return units;
  });

/**
 * The state of one unit, also when systemd does not have it in memory.
 * @param sockets tried in turn
 * @returns null where no systemd answers; load `not-found` when systemd does not know the unit
 */
export const createUnitState =
  (sockets: readonly string[]) =>
  async (name: string, signal: AbortSignal): Promise<Unit | null> => {
    const found = await askSystemd(sockets, (socket) =>
      withSystemd(socket, signal, (connection) => unitByName(connection, name)),
    );
    return found.kind === 'answered' ? found.value : null;
  };

/** An answer, or the knowledge that nobody is there (or lets us in) to give one. */
export type Asked<Value> = { readonly kind: 'answered'; readonly value: Value } | { readonly kind: 'absent' };

/** Asks the sockets in turn, until one is there and lets us in. */
export const askSystemd = async <Value>(
  sockets: readonly string[],
  ask: (socketPath: string) => Promise<Value>,
): Promise<Asked<Value>> => {
  for (const socket of sockets) {
    try {
      return { kind: 'answered', value: await ask(socket) };
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }
  return { kind: 'absent' };
};

const absentCodes = new Set(['ENOENT', 'ECONNREFUSED', 'EACCES', 'EPERM', 'ENOTSUP', 'ENOTDIR']);
/** A bus on which systemd is not to be found: another init system. */
const absentNames = new Set(['org.freedesktop.DBus.Error.ServiceUnknown', 'org.freedesktop.DBus.Error.NameHasNoOwner']);

const isAbsent = (error: unknown): boolean =>
  error instanceof DbusError ? absentNames.has(error.dbusName) : absentCodes.has(systemCodeOf(error));

const withSystemd = async <Value>(
  socketPath: string,
  signal: AbortSignal,
  work: (connection: DbusConnection) => Promise<Value>,
): Promise<Value> => {
  const isBus = !socketPath.endsWith('/private');
  const connection = await openDbus(socketPath, { isBus, userId: process.getuid?.() ?? 0, signal });
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
};

const unitByName = async (connection: DbusConnection, name: string): Promise<Unit> => {
  const missing: Unit = { name, load: 'not-found', active: 'inactive', sub: 'dead', path: '' };
  try {
    const call: Call = { ...manager, member: 'ListUnitsByNames', list: [name] };
    return unitsOf(await connection.call(call))[0] ?? missing;
  } catch (error) {
    // systemd before 230 (CentOS 7) has only the whole list, without units that are not in memory.
    if (!(error instanceof DbusError) || !error.dbusName.endsWith('.UnknownMethod')) throw error;
    const units = unitsOf(await connection.call({ ...manager, member: 'ListUnits' }));
    return units.find((unit) => unit.name === name) ?? missing;
  }
};

/** Signature a(ssssssouso): name, description, load, active, sub, followed, path, and the queued job's id, type and path. */
const unitsOf = ({ body }: Message): Unit[] => {
  const units: Unit[] = [];
  body.array(8, () => {
    body.align(8);
    const name = body.text();
    body.text();
    const [load, active, sub] = [body.text(), body.text(), body.text()];
    body.text();
    const path = body.text();
    body.uint32();
    body.text();
    body.text();
    units.push({ name, load, active, sub, path });
  });
  return units;
};

/** A unit may go while we ask; then it has no type, as in node_exporter. */
const serviceType = async (connection: DbusConnection, unit: Unit): Promise<string> => {
  try {
    const reply = await connection.call({
      destination: manager.destination,
      path: unit.path,
      interface: 'org.freedesktop.DBus.Properties',
      member: 'Get',
      texts: ['org.freedesktop.systemd1.Service', 'Type'],
    });
    return String(reply.body.variant());
  } catch (error) {
    if (error instanceof DbusError) return '';
    throw error;
  }
};
