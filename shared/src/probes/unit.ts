import { z } from 'zod';
import { defineProbeKind } from './probe-kind.ts';

export const unitKind = defineProbeKind({
  kind: 'unit',
  summary: "Asks systemd of the agent's own host for the state of a unit.",
  spec: z.strictObject({
    // systemd.unit(5): the characters a unit name may have; it must not look like an option.
    unit: z
      .string()
      .max(255)
      .regex(
        /^[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]*\.(service|socket|timer|mount|target|path|slice|scope|swap|automount|device)$/,
        {
          error: 'needs a unit name with its type, such as nginx.service',
        },
      )
      .describe('Unit name with its type.'),
    states: z
      .array(z.enum(['active', 'reloading', 'inactive', 'activating', 'deactivating']))
      .min(1)
      .default(['active', 'reloading'])
      .describe('Active states that count as up.'),
  }),
  metrics: [{ name: 'node_systemd_unit_state', type: 'gauge', help: 'Systemd unit', labels: ['name', 'state', 'type'] }],
  target: (spec) => spec.unit,
});
