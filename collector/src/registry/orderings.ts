import type { EngineTiming } from '../engine/config.ts';
import type { Collector } from './collect.ts';
import type { CheckDefaults } from './declaration.ts';
import { durationText } from './duration.ts';
import type { CheckItem } from './items.ts';
import type { Path } from './source.ts';

/** Spans of a promise and its warning that would come in the wrong order. @param given keys that were written; the others have their defaults */
export const checkTiming = (collector: Collector, timing: EngineTiming, given: (key: string) => boolean): void => {
  const refuse = (key: string, message: string) => collector.errors.push(collector.source.errorAt(['timing', key], message));
  const at = (wanted: string, other: string): string => (given(wanted) ? wanted : other);
  const { respondMs, respondWarnMs, onsiteMs, questionMs, questionIntervalMs } = timing;
  if (respondWarnMs >= respondMs) {
    const message = `leaves no time: the warning after ${durationText(respondWarnMs)} (respondWarn) needs to come before the response is due, after ${durationText(respondMs)} (respond)`;
    refuse(at('respondWarn', 'respond'), message);
  }
  if (onsiteMs < respondMs) {
    const message = `is too early: being on site after ${durationText(onsiteMs)} (onsite) cannot be due before the response is, after ${durationText(respondMs)} (respond)`;
    refuse(at('onsite', 'respond'), message);
  }
  if (questionMs >= questionIntervalMs) {
    const message = `leaves no room: a question of ${durationText(questionMs)} (question) needs to be shorter than the interval of ${durationText(questionIntervalMs)} (questionInterval)`;
    refuse(at('question', 'questionInterval'), message);
  }
};

/** A run must end before the next, and a confirming run must come before it. @param intervalMs null: calendar times */
export const checkRunOrder = (
  collector: Collector,
  path: Path,
  { timeoutMs, confirm, intervalMs }: Omit<CheckDefaults, 'intervalMs'> & { readonly intervalMs: number | null },
  given: Pick<CheckItem, 'timeout' | 'confirm'>,
): void => {
  if (intervalMs === null) return;
  const refuse = (keys: Path, message: string) => collector.errors.push(collector.source.errorAt([...path, ...keys], message));
  const within = `the interval of ${durationText(intervalMs)}`;
  if (timeoutMs >= intervalMs) {
    const message = `leaves no room: the timeout of ${durationText(timeoutMs)} needs to be shorter than ${within}`;
    refuse([given.timeout === undefined ? 'interval' : 'timeout'], message);
  }
  if (confirm.retryMs > intervalMs) {
    const message = `comes too late: the confirming question after ${durationText(confirm.retryMs)} (confirm.retry) needs to come within ${within}`;
    refuse(given.confirm?.retry === undefined ? ['interval'] : ['confirm', 'retry'], message);
  }
};
