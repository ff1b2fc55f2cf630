import { noRoundTrips, noteRoundTrip } from '@jiwei/collector/ingest/round-trips.ts';
import { expect, test } from 'vitest';

const cases: readonly { why: string; roundTripsMs: readonly number[]; slowAfter: readonly boolean[] }[] = [
  { why: 'a single late answer says nothing', roundTripsMs: [60_000, 1, 60_000], slowAfter: [false, false, false] },
  { why: 'two late ones in a row do', roundTripsMs: [800, 800, 900], slowAfter: [false, true, true] },
  { why: 'a way by satellite is healthy', roundTripsMs: [799, 799, 799], slowAfter: [false, false, false] },
  {
    why: 'five quick ones are not enough, six are',
    roundTripsMs: [800, 800, 1, 1, 1, 1, 1, 800, 1, 1, 1, 1, 1, 1],
    slowAfter: [false, true, true, true, true, true, true, true, true, true, true, true, true, false],
  },
];
for (const { why, roundTripsMs, slowAfter } of cases) {
  test(`the way to an agent: ${why}`, () => {
    let trips = noRoundTrips;
    const slow = roundTripsMs.map((ms) => {
      trips = noteRoundTrip(trips, ms);
      return trips.isSlow;
    });
    expect(slow).toEqual(slowAfter);
  });
}
