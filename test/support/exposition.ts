/** One metric family of a text exposition of Prometheus. */
export interface ExposedFamily {
  readonly type: string;
  readonly help: string;
  /** Values by labels, which are sorted and joined: `cpu="0",mode="idle"`. */
  readonly series: ReadonlyMap<string, number>;
}

/**
 * Reads a text exposition as far as gauges, counters and untyped metrics go.
 * @param without labels to leave out, such as the `instance` that one side has not
 * @throws Error for a line that is none
 */
export const readExposition = (text: string, without: readonly string[] = []): ReadonlyMap<string, ExposedFamily> => {
  const families = new Map<string, { type: string; help: string; series: Map<string, number> }>();
  const familyOf = (name: string) => {
    const known = families.get(name) ?? { type: 'untyped', help: '', series: new Map<string, number>() };
    families.set(name, known);
    return known;
  };
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, kind, of = '', rest = ''] = /^# (TYPE|HELP) (\S+) ?(.*)$/.exec(line) ?? [];
    if (kind === 'TYPE') familyOf(of).type = rest;
    else if (kind === 'HELP') familyOf(of).help = rest;
    else if (!line.startsWith('#')) {
      const [, name = '', labels = '', value = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
      if (name === '') throw new Error(`not a line of an exposition: ${line}`);
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].filter(([, label = '']) => !without.includes(label));
      familyOf(name).series.set(
        pairs
          .map(([pair]) => pair)
          .toSorted()
          .join(','),
        Number(value.replace('Inf', 'Infinity')),
      );
    }
  }
  return families;
};
