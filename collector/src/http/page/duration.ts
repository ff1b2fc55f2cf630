import { dayMs, hourMs, minuteMs, secondMs } from '@jiwei/shared/time.ts';
import type { Language } from '../../words/language.ts';

const units = [
  { ms: dayMs, 'zh-CN': '天', en: ['day', 'days'] },
  { ms: hourMs, 'zh-CN': '小时', en: ['hour', 'hours'] },
  { ms: minuteMs, 'zh-CN': '分', en: ['min', 'min'] },
  { ms: secondMs, 'zh-CN': '秒', en: ['s', 's'] },
] as const;

/**
 * A duration in words, its two largest units: `3 天 4 小时`, `5 min 12 s`. Cut to whole units, never rounded up.
 * @param durationMs negative counts as 0
 */
export const durationText = (durationMs: number, language: Language): string => {
  const wholeMs = Math.max(0, Math.floor(durationMs));
  const first = units.findIndex((unit) => wholeMs >= unit.ms);
  if (first === -1) return language === 'en' ? '0 s' : '0 秒';
  let restMs = wholeMs;
  const parts: string[] = [];
  for (const unit of units.slice(first, first + 2)) {
    const count = Math.floor(restMs / unit.ms);
    restMs -= count * unit.ms;
    const name = language === 'en' ? unit.en[count === 1 ? 0 : 1] : unit['zh-CN'];
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(' ');
};

/** A short span as people of the trade read it: `180 ms`, `2.5 s`. */
export const shortSpanText = (spanMs: number): string =>
  spanMs < 1_000 ? `${Math.round(spanMs)} ms` : `${(spanMs / 1_000).toFixed(1)} s`;

/** An instant in the district's own time zone, to the second: `2026-11-02 08:00:00`. */
export const instantText = (atMs: number): string =>
  new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone: 'Asia/Shanghai' }).format(atMs);
