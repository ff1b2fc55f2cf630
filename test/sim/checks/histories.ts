import { availabilityParts } from '../../../collector/src/engine/availability.ts';
import type { RecordedSpan, Store } from '../../../collector/src/store/port.ts';
import { type ModelHistories, modelHistories } from '../model/history.ts';
import type { ModelSpan } from '../model/spans.ts';
import { type Observer, Violation } from '../observer.ts';
import type { Plan } from '../plan.ts';
import { worldBeginsAtMs } from '../world/machine.ts';

/** The stored history of every lane, check and asset is what the model makes of the results in the store: unknown exactly where none are. */
export const checkHistories = async (plan: Plan, observer: Observer, store: Store): Promise<void> => {
  const model = modelHistories(plan, observer, observer.stampMs);
  const recorded = await store.spansSince(0);
  const stored = Map.groupBy(recorded, ({ subject }) => `${subject.kind} ${subject.id}`);
  for (const [kind, histories] of Object.entries({ lane: model.lanes, check: model.checks, asset: model.assets })) {
    for (const [id, expected] of histories) compare(`${kind} ${id}`, expected, stored.get(`${kind} ${id}`) ?? []);
  }
  for (const key of stored.keys()) {
    const isModelled = key.startsWith('lane ') || (key.startsWith('check ') && !key.startsWith('check agent:'));
    const [kind = '', id = ''] = key.split(' ');
    if (isModelled && !(kind === 'lane' ? model.lanes : model.checks).has(id)) throw new Violation(`nobody knows ${key}`);
  }
  for (const [id, spans] of model.assets) checkParts(plan, id, spans, stored.get(`asset ${id}`) ?? [], observer.stampMs);
};

const compare = (name: string, expected: readonly ModelSpan[], found: readonly RecordedSpan[]): void => {
  const want = expected.map(({ fromMs, status, attributedTo }) => line(fromMs, status, attributedTo));
  const have = found.map(({ fromMs, status, attributedTo }) => line(fromMs, status, attributedTo));
  const first = want.findIndex((text, place) => text !== have[place]);
  const at = first === -1 && have.length > want.length ? want.length : first;
  if (at === -1) return;
  throw new Violation(
    `history of ${name} differs at span ${at}: it should be ${want[at] ?? 'over'}, it is ${have[at] ?? 'over'}\n` +
      `  should: ${want.slice(Math.max(0, at - 2), at + 3).join(' | ')}\n  is:     ${have.slice(Math.max(0, at - 2), at + 3).join(' | ')}`,
  );
};

const line = (fromMs: number, status: string, attributedTo: string | null): string =>
  `${fromMs - worldBeginsAtMs} ${status}${attributedTo === null ? '' : ` of ${attributedTo}`}`;

/** The parts of any range sum to it, and each is the sum of the model's spans. */
const checkParts = (
  plan: Plan,
  asset: string,
  model: readonly ModelSpan[],
  stored: readonly RecordedSpan[],
  nowMs: number,
): void => {
  const windows = plan.windows
    .filter((window) => window.assets.includes(asset))
    .map(({ fromMs, toMs }) => ({ fromMs: worldBeginsAtMs + fromMs, toMs: worldBeginsAtMs + toMs }));
  const range = { fromMs: worldBeginsAtMs + Math.floor(plan.durationMs / 7), toMs: nowMs - 1 };
  if (range.toMs <= range.fromMs) return;
  const parts = availabilityParts(stored, windows, range, nowMs);
  const sum = Object.values(parts).reduce((total, ms) => total + ms, 0);
  if (sum !== range.toMs - range.fromMs) throw new Violation(`parts of ${asset} sum to ${sum}, not ${range.toMs - range.fromMs}`);
  // One ms after the other would take too long: between two instants at which anything changes all ms are alike.
  const edges = [
    ...new Set([range.fromMs, range.toMs, ...model.map(({ fromMs }) => fromMs), ...windows.flatMap((w) => [w.fromMs, w.toMs])]),
  ]
    .filter((edge) => edge >= range.fromMs && edge <= range.toMs)
    .sort((a, b) => a - b);
  const sums: Record<string, number> = { up: 0, degraded: 0, down: 0, unknown: 0, maintenance: 0, unrecorded: 0 };
  edges.slice(0, -1).forEach((edge, place) => {
    const lengthMs = (edges[place + 1] ?? edge) - edge;
    const status = model.findLast((span) => span.fromMs <= edge)?.status;
    const isWindow = windows.some((window) => window.fromMs <= edge && edge < window.toMs);
    const kind = status === undefined ? 'unrecorded' : isWindow ? 'maintenance' : status;
    sums[kind] = (sums[kind] ?? 0) + lengthMs;
  });
  for (const [kind, ms] of Object.entries(sums)) {
    const found = parts[`${kind}Ms` as keyof typeof parts];
    if (found !== ms) throw new Violation(`${asset}: ${kind} is ${found} ms, the model says ${ms}`);
  }
};

/** The model's view at the stamp, for checks of decisions. */
export const modelNow = (plan: Plan, observer: Observer): ModelHistories => modelHistories(plan, observer, observer.stampMs);
