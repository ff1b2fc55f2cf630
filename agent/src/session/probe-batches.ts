import type { AgentProbe, AgentProbeKind } from '@jiwei/shared/probes/registry.ts';
import { gatherMs } from '../probes/icmp/echo.ts';
import { batchTargetsMax } from '../probes/icmp/fping-tool.ts';
import type { Specs } from '../probes/probe.ts';
import { probeRunners } from '../probes/registry.ts';
import type { ProbeTools } from '../probes/tools.ts';
import type { Batches } from '../schedule/places.ts';

/** Which checks are asked together, as the runners of their kinds say. */
export const createProbeBatches = (tools: ProbeTools): Batches => ({
  isBatched: ({ probe }) => probeRunners[probe.kind].batchKey !== undefined,
  keyOf: ({ probe }) => keyOfKind(probe, tools),
  gatherMs,
  sizeMax: batchTargetsMax,
});

/** Kind and spec stay together through the type parameter, as in runProbe. */
const keyOfKind = <K extends AgentProbeKind>(
  probe: { readonly [P in K]: { readonly kind: P; readonly spec: Specs[P] } }[K] & AgentProbe,
  tools: ProbeTools,
): string | null => {
  const key = probeRunners[probe.kind].batchKey?.(probe.spec, tools) ?? null;
  return key === null ? null : `${probe.kind} ${key}`;
};
