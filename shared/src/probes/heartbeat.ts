import { z } from 'zod';
import { defineProbeKind } from './probe-kind.ts';

/** Asked by nobody: the target itself calls the collector with a token of the check; silence is the failure (a dead man's switch). */
export const heartbeatKind = defineProbeKind({
  kind: 'heartbeat',
  summary:
    "Waits for the target's own call to `/push/<check>`; down when it does not come in time. The first is owed two intervals and the grace after the declaration.",
  spec: z.strictObject({
    graceMs: z
      .int()
      .min(0)
      .max(86_400_000)
      .default(30_000)
      .describe('Time in ms past the interval before a missing call is down.'),
  }),
  metrics: [],
  target: () => 'push',
});
