import { type Status, statuses } from '@jiwei/shared/status.ts';
import { z } from 'zod';

export const statusSchema = z.enum(statuses);

/** How many have each status. */
export const statusCountsSchema = z
  .object({ down: z.int(), degraded: z.int(), up: z.int(), unknown: z.int() })
  .meta({ id: 'StatusCounts' });
export type StatusCounts = z.output<typeof statusCountsSchema>;

/** Counts each status. */
export const countStatuses = (found: Iterable<Status>): StatusCounts => {
  const counts = { down: 0, degraded: 0, up: 0, unknown: 0 };
  for (const status of found) counts[status] += 1;
  return counts;
};
