import type { EpochMs } from '@jiwei/shared/time.ts';
import type { Language } from '../words/language.ts';

/** Whether the runtime knows the IANA time zone. */
export const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false; // the constructor's way of saying no
  }
};

/** `2025年11月07日 14:03:05`, or `2025-11-07 14:03:05 (Asia/Shanghai)` in English, where the reader may be elsewhere. */
export const instantText = (atMs: EpochMs, language: Language, timeZone: string): string => {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const parts = new Map(format.formatToParts(atMs).map((part) => [part.type, part.value]));
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  const time = `${part('hour')}:${part('minute')}:${part('second')}`;
  return language === 'en'
    ? `${part('year')}-${part('month')}-${part('day')} ${time} (${timeZone})`
    : `${part('year')}年${part('month')}月${part('day')}日 ${time}`;
};

/** The two largest parts of a duration: `1小时5分`, `2 d 3 h`, `42秒`. Below a second it is 0 seconds. */
export const durationText = (durationMs: number, language: Language): string => {
  const seconds = Math.max(0, Math.floor(durationMs / 1_000));
  const counts = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const units = language === 'en' ? [' d', ' h', ' min', ' s'] : ['天', '小时', '分', '秒'];
  const first = counts.findIndex((count) => count > 0);
  if (first === -1) return `0${units[3]}`;
  const shown = counts.slice(first, first + 2).map((count, index) => ({ count, unit: units[first + index] ?? '' }));
  return shown
    .filter(({ count }, index) => index === 0 || count > 0)
    .map(({ count, unit }) => `${count}${unit}`)
    .join(language === 'en' ? ' ' : '');
};
