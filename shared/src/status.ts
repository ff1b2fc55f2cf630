/** Status of a check or asset over a span, worst first. */
export const statuses = ['down', 'degraded', 'up', 'unknown'] as const;
export type Status = (typeof statuses)[number];

/** Outcome of one probe run. A probe never answers `unknown`: not being asked is what makes a status unknown. */
export const outcomes = ['up', 'degraded', 'down'] as const;
export type Outcome = (typeof outcomes)[number];

/** Importance of an incident, worst first (P1..P4; words as in GB/T 20986). */
export const severities = ['catastrophic', 'critical', 'major', 'minor'] as const;
export type Severity = (typeof severities)[number];
