/** The scenarios' zero: a full hour, so that rules are evaluated at round instants. */
export const zeroMs = 1_793_577_600_000;

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `20s`, `1.5m`, `500ms` in ms. @throws for anything else */
export const spanMsOf = (text: string): number => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const unitMs = unitsMs[match?.[2] ?? ''];
  if (match === null || unitMs === undefined) throw new Error(`not a span of time: ${text}`);
  return Number(match[1]) * unitMs;
};

/** An instant of a scenario, counted from its zero. */
export const instantOf = (text: string): number => zeroMs + spanMsOf(text);

/** `0s..60s/20s` is 0s, 20s, 40s and 60s; `0s,5s` is both; `7s` is itself. */
export const instantsOf = (text: string): number[] =>
  text.split(',').flatMap((part) => {
    const range = /^(.+)\.\.(.+)\/(.+)$/.exec(part);
    if (range === null) return [instantOf(part)];
    const [fromMs, toMs, stepMs] = [instantOf(range[1] ?? ''), instantOf(range[2] ?? ''), spanMsOf(range[3] ?? '')];
    return Array.from({ length: Math.floor((toMs - fromMs) / stepMs) + 1 }, (_, at) => fromMs + at * stepMs);
  });

/** An instant as people read it: seconds, and whole minutes or hours once it gets long. */
export const clockText = (atMs: number): string => {
  const spanMs = atMs - zeroMs;
  if (spanMs !== 0 && spanMs % 3_600_000 === 0) return `${spanMs / 3_600_000}h`;
  if (spanMs >= 600_000 && spanMs % 60_000 === 0) return `${spanMs / 60_000}m`;
  return `${spanMs / 1_000}s`;
};

/** Words of a line; `a="b c"` is one word. */
export const wordsOf = (line: string): string[] =>
  (line.match(/[^\s"]*"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
