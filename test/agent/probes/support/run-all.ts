import { runProbe } from '../../../../agent/src/probes/run-probe.ts';
import { createProbeTools } from '../../../../agent/src/probes/tools.ts';
import { systemClock } from '../../../../shared/src/clock.ts';
import { probeSchema } from '../../../../shared/src/probes/registry.ts';

// Run as a program: every probe of the first argument at once, with a deadline that is long beside the answers; then nothing is left to wait for.
const tools = createProbeTools({ clock: systemClock, unitState: async () => null });
const signal = new AbortController().signal;
const raw: unknown = JSON.parse(process.argv[2] ?? '[]');
const probes = probeSchema.array().parse(raw);
const outcomes = await Promise.all(
  probes.map((probe) => (probe.kind === 'heartbeat' ? null : runProbe(probe, 1_500, { signal, clock: systemClock, tools }))),
);
process.stdout.write(JSON.stringify(outcomes));
