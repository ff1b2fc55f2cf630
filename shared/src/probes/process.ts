import { z } from 'zod';
import { patternSchema } from './host.ts';
import { defineProbeKind } from './probe-kind.ts';

export const processKind = defineProbeKind({
  kind: 'process',
  summary: "Counts processes of the agent's own host.",
  spec: z
    .strictObject({
      name: z.string().min(1).max(255).optional().describe('Exact name of the executable (its last path component).'),
      commandLine: patternSchema.optional().describe('Pattern the command line must match.'),
      user: z.string().min(1).max(64).optional().describe('Name or number of the user the process must run as.'),
      countMin: z.int().min(0).max(100_000).default(1).describe('Fewest matching processes; fewer is down.'),
      countMax: z.int().min(0).max(100_000).optional().describe('Most matching processes; more is degraded.'),
    })
    .refine((spec) => spec.name !== undefined || spec.commandLine !== undefined, { error: 'needs name or commandLine' }),
  metrics: [{ name: 'jiwei_probe_processes', type: 'gauge', help: 'Matching processes', labels: [] }],
  target: (spec) => spec.name ?? spec.commandLine ?? '',
});
