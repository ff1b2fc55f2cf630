import { minuteMs } from '@jiwei/shared/time.ts';
import { describe, type Reader, type Sink } from '../reader.ts';
import { askSystemd, listUnitsWithTypes, systemdSockets, type Unit } from '../systemd.ts';

const unitState = describe('node_systemd_unit_state', 'gauge', 'Systemd unit', ['name', 'state', 'type']);
const units = describe('node_systemd_units', 'gauge', 'Summary of systemd unit states', ['state']);
const states = ['activating', 'active', 'deactivating', 'failed', 'inactive'] as const;

/** Kinds of units that say nothing of services, as node_exporter leaves them out by default. */
const excluded = /\.(automount|device|mount|scope|slice|target)$/;
/** Service types remembered; hosts that start instances without end must not grow it for ever. */
const typesMax = 10_000;

/** State of every loaded unit, once a minute: one series per state, 1 for the present one. */
export const systemdReader: Reader = {
  name: 'systemd',
  metrics: [unitState, units],
  everyMs: minuteMs,
  open: ({ roots }) => {
    const types = new Map<string, string>();
    return async (sink, signal) => {
      if (types.size > typesMax) types.clear();
      const found = await askSystemd(systemdSockets(roots.run), (socket) => listUnitsWithTypes(socket, signal, types));
      if (found.kind === 'answered') putUnits(sink, found.value, types);
      return found.kind === 'answered';
    };
  },
};

const putUnits = (sink: Sink, all: readonly Unit[], types: ReadonlyMap<string, string>): void => {
  for (const state of states) sink.put(units, all.filter(({ active }) => active === state).length, state);
  for (const { name, load, active } of all) {
    if (load !== 'loaded' || excluded.test(name)) continue;
    for (const state of states) sink.put(unitState, state === active ? 1 : 0, name, state, types.get(name) ?? '');
  }
};
