import { limits } from '@jiwei/shared/limits.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import type { Delivery } from './delivery.ts';

/**
 * What one agent may make the collector do, as a token bucket: it fills up at a steady rate, a burst may empty it, and what was taken in
 * beyond that is a debt which has to be waited off. A unit is about a tenth of a millisecond of work. Below 0 units there is debt.
 */
export interface Allowance {
  readonly units: number;
  readonly atMonotonicMs: number;
}

/** Of an agent that was quiet for a while. */
export const fullAllowance = (monotonicMs: number): Allowance => ({ units: limits.linkUnitsBurst, atMonotonicMs: monotonicMs });

/** After something was taken in. */
export const spend = (allowance: Allowance, cost: number, monotonicMs: number): Allowance => ({
  units: unitsAt(allowance, monotonicMs) - cost,
  atMonotonicMs: monotonicMs,
});

const unitsAt = ({ units, atMonotonicMs }: Allowance, monotonicMs: number): number =>
  Math.min(limits.linkUnitsBurst, units + ((monotonicMs - atMonotonicMs) * limits.linkUnitsPerSecond) / secondMs);

/** How long nothing more is to be read, so that the debt is paid; 0 when there is none. */
export const debtMs = (allowance: Allowance, monotonicMs: number): number =>
  Math.max(0, Math.ceil((-unitsAt(allowance, monotonicMs) * secondMs) / limits.linkUnitsPerSecond));

/** Whether so much came at once that waiting is no longer enough. */
export const isFlood = (allowance: Allowance): boolean => allowance.units < -limits.linkDebtUnitsMax;

/** Reading a message costs this much, before what is in it. */
export const messageCost = (bytes: number): number => 1 + bytes / 16_384;

/** Opening a link: a signature is checked, the directory asked, and the engine told. */
export const connectCost = 50;

/** What the queue, the engine and the store have to do for what a frame brought. */
export const deliveryCost = (delivery: Delivery): number => {
  switch (delivery.kind) {
    case 'samples':
      return delivery.rows.reduce((count, row) => count + row.indexes.length, 0) / 1_000;
    case 'results':
      return delivery.results.length / 10;
    case 'dictionary':
      return delivery.series.length / 50;
    case 'gap':
    case 'inventory':
      return 1;
    default:
      return delivery satisfies never;
  }
};
