import { createHash } from 'node:crypto';
import { messageOf } from '@jiwei/shared/errors.ts';
import type { InventoryBody } from '@jiwei/shared/protocol/control.ts';
import type { Systeminformation } from 'systeminformation';

/** What the host is, and a digest that changes with it. */
export interface Inventory {
  readonly body: InventoryBody;
  /** SHA-256 of the body as hexadecimal text: equal means that nothing changed and nothing need be sent. */
  readonly digest: string;
  /** Sections that could not be found out, and why; they are missing in the body. */
  readonly errors: readonly string[];
}

/** The questions to systeminformation; tests pass recorded answers. */
export interface InventorySource {
  readonly system: () => Promise<Systeminformation.SystemData>;
  readonly bios: () => Promise<Systeminformation.BiosData>;
  readonly baseboard: () => Promise<Systeminformation.BaseboardData>;
  readonly cpu: () => Promise<Systeminformation.CpuData>;
  readonly memLayout: () => Promise<readonly Systeminformation.MemLayoutData[]>;
  readonly osInfo: () => Promise<Systeminformation.OsData>;
  readonly diskLayout: () => Promise<readonly Systeminformation.DiskLayoutData[]>;
  readonly networkInterfaces: () => Promise<
    Systeminformation.NetworkInterfacesData | readonly Systeminformation.NetworkInterfacesData[]
  >;
}

/** This machine. Loaded when it is asked, once a day or less: the library would only take memory in between. */
export const inventorySource = async (): Promise<InventorySource> => {
  const { baseboard, bios, cpu, diskLayout, memLayout, networkInterfaces, osInfo, system } = await import('systeminformation');
  return { baseboard, bios, cpu, diskLayout, memLayout, networkInterfaces, osInfo, system };
};

/**
 * Asks for everything, one question after the other, as each starts several processes: at start and then daily, not in the loop.
 * Only the fields named here go out: no serial numbers, no licence keys, no user names.
 * @param signal ends the questions; the sections so far are returned
 * @param versions of the agent's own parts, such as agent and node
 */
export const collectInventory = async (options: {
  readonly source: InventorySource;
  readonly versions: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}): Promise<Inventory> => {
  const { signal, source, versions } = options;
  const sections: InventoryBody['sections'] = { versions: [scalarsOf(versions, Object.keys(versions))] };
  const errors: string[] = [];
  for (const { section, ask, fields } of questionsOf(source)) {
    if (signal.aborted) break;
    try {
      const rows = await ask();
      sections[section] = rows.slice(0, rowsMax).map((row) => scalarsOf(row, fields));
    } catch (error) {
      errors.push(`${section}: ${messageOf(error)}`);
    }
  }
  const body: InventoryBody = { sections };
  return { body, digest: createHash('sha256').update(JSON.stringify(body)).digest('hex'), errors };
};

/** Bounds of inventoryBodySchema. */
const rowsMax = 256;
const textCharactersMax = 500;

type Scalar = string | number | boolean | null;

const questionsOf = (source: InventorySource) => [
  {
    section: 'system',
    ask: async (): Promise<readonly object[]> => [await source.system()],
    fields: ['manufacturer', 'model', 'version', 'virtual', 'virtualHost'],
  },
  { section: 'bios', ask: async () => [await source.bios()], fields: ['vendor', 'version', 'releaseDate', 'revision'] },
  { section: 'baseboard', ask: async () => [await source.baseboard()], fields: ['manufacturer', 'model', 'version', 'memSlots'] },
  {
    section: 'cpu',
    ask: async () => [await source.cpu()],
    fields: ['manufacturer', 'brand', 'family', 'model', 'speedMax', 'cores', 'physicalCores', 'processors', 'socket'],
  },
  {
    section: 'memory',
    ask: () => source.memLayout(),
    fields: ['size', 'bank', 'type', 'ecc', 'clockSpeed', 'formFactor', 'manufacturer'],
  },
  {
    section: 'os',
    ask: async () => [await source.osInfo()],
    fields: ['platform', 'distro', 'release', 'codename', 'kernel', 'arch', 'hostname', 'build', 'servicepack', 'uefi'],
  },
  {
    section: 'disks',
    ask: () => source.diskLayout(),
    fields: ['device', 'type', 'name', 'vendor', 'size', 'interfaceType', 'firmwareRevision'],
  },
  {
    section: 'networkInterfaces',
    ask: async () => [await source.networkInterfaces()].flat(),
    fields: ['iface', 'ip4', 'ip6', 'mac', 'internal', 'virtual', 'type', 'duplex', 'mtu', 'speed', 'dhcp'],
  },
];

/** The named fields that are scalars; empty texts and what is no finite number become null: not known. */
const scalarsOf = (row: object, fields: readonly string[]): Record<string, Scalar> => {
  const values = new Map<string, unknown>(Object.entries(row));
  return Object.fromEntries(fields.map((field) => [field, scalarOf(values.get(field))]));
};

const scalarOf = (value: unknown): Scalar => {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  return typeof value === 'string' && value !== '' ? value.slice(0, textCharactersMax) : null;
};
