import { orAborted } from '@jiwei/shared/or-aborted.ts';
import { seriesText } from '@jiwei/shared/series.ts';
import { type Finding, findingOf, toOutcome } from './outcome.ts';
import type { ProbeRunner, Specs } from './probe.ts';
import type { UnitState } from './tools.ts';

/** Active states as node_exporter exposes them, one series each. */
const exposedStates = ['activating', 'active', 'deactivating', 'failed', 'inactive'] as const;

/** Asks systemd of the agent's own host for the state of a unit. */
export const unitRunner: ProbeRunner<'unit'> = {
  kind: 'unit',
  run: async (spec, { clock, signal, tools }) => {
    const startedMs = clock.monotonicMs();
    try {
      const state = await orAborted(tools.unitState(spec.unit, signal), signal);
      if (state === null) {
        const detail = 'no systemd answers on this host (its D-Bus socket is missing or closed to the agent)';
        return toOutcome({ outcome: 'down', reason: 'NOT_PERMITTED', detail }, null, {});
      }
      return toOutcome(judgeState(spec, state), clock.monotonicMs() - startedMs, valuesOf(spec, state));
    } catch (error) {
      return toOutcome(findingOf(error, signal, `asking systemd for ${spec.unit}`), null, {});
    }
  },
};

const judgeState = (spec: Specs['unit'], { load, active, sub }: UnitState): Finding => {
  if (load === 'not-found') return { outcome: 'down', reason: 'UNIT_NOT_FOUND', detail: `systemd knows no unit ${spec.unit}` };
  const detail = `${spec.unit} is ${active} (${sub}), loaded: ${load}`;
  if (spec.states.some((state) => state === active)) return { outcome: 'up', reason: 'OK', detail };
  return { outcome: 'down', reason: active === 'failed' ? 'UNIT_FAILED' : 'UNIT_INACTIVE', detail };
};

const valuesOf = (spec: Specs['unit'], { load, active }: UnitState): Readonly<Record<string, number>> =>
  load === 'not-found'
    ? {}
    : Object.fromEntries(exposedStates.map((state) => [stateSeries(spec.unit, state), state === active ? 1 : 0]));

/** node_exporter puts the service's Type= into `type`; a probe does not ask for it, and the label is empty as it is for other units. */
const stateSeries = (unit: string, state: string): string =>
  seriesText('node_systemd_unit_state', [
    ['name', unit],
    ['state', state],
    ['type', ''],
  ]);
