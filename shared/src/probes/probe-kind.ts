import type { z } from 'zod';
import type { MetricDoc } from '../series.ts';

/**
 * What both sides must know of a kind of probe: how its spec is written, and which series it measures. How it is run is the agent's
 * (agent/src/probes/<kind>.ts). A new kind is one file here, one there, and one line in each registry.
 */
export interface ProbeKindDefinition<Kind extends string, Schema extends z.ZodType> {
  readonly kind: Kind;
  /** One sentence for documents and the console. */
  readonly summary: string;
  /** Strict schema of the spec: unknown keys are refused. Every option's description gives unit, range and advice. */
  readonly spec: Schema;
  /** Series of `CheckResult.values`; names are blackbox_exporter's where it has them. */
  readonly metrics: readonly MetricDoc[];
  /** What the spec asks, as people read it: `https://example.org/`, `10.1.2.3:22`. */
  target(spec: z.output<Schema>): string;
}

/** Keeps the literal kind and schema types while checking the shape. */
export const defineProbeKind = <Kind extends string, Schema extends z.ZodType>(
  definition: ProbeKindDefinition<Kind, Schema>,
): ProbeKindDefinition<Kind, Schema> => definition;
