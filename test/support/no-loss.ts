import { expect } from 'vitest';
import type { District } from './district.ts';

/** No frame was skipped, or only so many: the collector counts those that never came although later ones did. */
export const expectNoneMissing = async (district: District, missing = 0): Promise<void> => {
  // With the token, as a collector that listens for other hosts wants one.
  const headers = { authorization: `Bearer ${district.adminToken}` };
  const metrics = await (await fetch(`${district.url}/metrics`, { headers })).text();
  expect(metrics).toContain(`jiwei_frames_missing_total ${missing}\n`);
};

/** A single answer that is lost makes twice the interval; a busy machine is late by less than this. */
const ofInterval = 1.9;

/** The stored answers to a check that was asked all the time lie no further apart than its interval allows. */
export const expectSteady = async (
  district: District,
  checkId: string,
  range: { readonly intervalMs: number; readonly fromMs: number; readonly toMs: number },
): Promise<void> => {
  const path = `/api/v1/checks/${checkId}/results?limit=1000&fromMs=${range.fromMs}&toMs=${range.toMs}`;
  const { items } = await district.get<{ items: { observedAtMs: number }[] }>(path);
  const times = items.map((one) => one.observedAtMs).toSorted((a, b) => a - b);
  expect(times.length, `answers to ${checkId}`).toBeGreaterThan(1);
  const apart = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
  expect(
    apart.filter((ms) => ms > range.intervalMs * ofInterval),
    `ms between answers to ${checkId} that are too far apart, of ${times.length}`,
  ).toEqual([]);
};
