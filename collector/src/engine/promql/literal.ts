const durationUnitSeconds: Readonly<Record<string, number>> = { y: 31_536_000, w: 604_800, d: 86_400, h: 3_600, m: 60, s: 1 };

/** Seconds of a Prometheus duration such as 1h30m (a number literal since Prometheus 3), or null. */
const durationSeconds = (text: string): number | null => {
  if (!/^(\d+(y|w|d|h|ms|m|s))+$/.test(text)) return null;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|y|w|d|h|m|s)/g)) {
    // Milliseconds are divided, not multiplied by 0.001: 300 * 0.001 is not 0.3.
    seconds += unit === 'ms' ? Number(count) / 1_000 : Number(count) * (durationUnitSeconds[unit ?? ''] ?? 0);
  }
  return seconds;
};

/**
 * Value of a number as PromQL writes it: decimal, 0x hexadecimal, leading-zero octal, `_` between digits, durations, Inf and NaN; an
 * optional sign in front. The grammar has checked the form.
 */
export const numberOf = (text: string): number => {
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text
    .replace(/^[+-]\s*/, '')
    .replaceAll('_', '')
    .toLowerCase();
  if (digits === 'inf') return sign * Number.POSITIVE_INFINITY;
  if (digits === 'nan') return Number.NaN;
  // Prometheus reads integers as Go does: a leading zero means octal.
  if (/^0[0-7]+$/.test(digits)) return sign * Number.parseInt(digits, 8);
  return sign * (durationSeconds(digits) ?? Number(digits));
};

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
};
const escapePattern = /\\(?:([abfnrtv\\"'])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([\s\S]?))/g;

/**
 * Text of a string literal: Go's escapes in single or double quotes, none in backquotes.
 * @returns null when the closing quote is missing or an escape is not one of Go's (bytes above 7F make no character of their own)
 * Source: https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals
 */
export const stringOf = (literal: string): string | null => {
  const quote = literal[0];
  if (literal.length < 2 || quote === undefined || literal.at(-1) !== quote) return null;
  const body = literal.slice(1, -1);
  if (quote === '`') return body;
  let isValid = true;
  const text = body.replace(escapePattern, (_, simple, byte, short, long, octal) => {
    if (simple !== undefined) {
      // Go lets only the string's own quote be escaped.
      if ((simple === '"' || simple === "'") && simple !== quote) isValid = false;
      return simpleEscapes[simple] ?? '';
    }
    const isByte = byte !== undefined || octal !== undefined;
    const code = octal === undefined ? Number.parseInt(byte ?? short ?? long ?? 'x', 16) : Number.parseInt(octal, 8);
    const isSurrogate = code >= 0xd800 && code <= 0xdfff;
    if (!(code <= (isByte ? 0x7f : 0x10ffff)) || isSurrogate) {
      isValid = false;
      return '';
    }
    return String.fromCodePoint(code);
  });
  return isValid ? text : null;
};
