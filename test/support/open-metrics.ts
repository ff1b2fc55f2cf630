/** Endings a sample's name may add to its family's, by the family's type. https://prometheus.io/docs/specs/om/open_metrics_spec/ */
const endingsOf: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  summary: ['', '_count', '_sum', '_created'],
  unknown: [''],
};

/** Name in a line of HELP or TYPE: plain, or quoted outside the old charset. */
const headPattern = /^# (?<kind>TYPE|HELP|UNIT) (?<name>"(?:[^"\\]|\\.)*"|\S+) (?<rest>.*)$/;
const samplePattern = /^(?:\{(?<quoted>"(?:[^"\\]|\\.)*")[,}]|(?<plain>[a-zA-Z_:][\w:]*)[ {])/;

interface Family {
  readonly name: string;
  type: string;
  /** Kinds of lines above its samples that were there. */
  readonly heads: Set<string>;
}

/**
 * What OpenMetrics forbids and a lax reader takes: a family twice, a sample of no or of another family, samples of a family that are not
 * together, names that fall together once their endings are taken off, a missing end.
 * @returns the complaints, none for a sound answer
 */
export const openMetricsComplaints = (text: string): readonly string[] => {
  const complaints: string[] = [];
  const families = new Map<string, string>();
  let current: Family = { name: '', type: '', heads: new Set() };
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.pop() !== '# EOF') complaints.push('does not end with # EOF and a line end');
  for (const line of lines) {
    const head = headPattern.exec(line)?.groups;
    if (head !== undefined) {
      const { kind = '', name = '', rest = '' } = head;
      if (current.name !== name) {
        if (families.has(name)) complaints.push(`${name} begins a second time`);
        current = { name, type: 'unknown', heads: new Set() };
        families.set(name, 'unknown');
      }
      if (current.heads.has(kind)) complaints.push(`${name} has a second ${kind}`);
      current.heads.add(kind);
      if (kind !== 'TYPE') continue;
      if (endingsOf[rest] === undefined) complaints.push(`${name} has the type ${rest}`);
      current.type = rest;
      families.set(name, rest);
      continue;
    }
    const { quoted, plain } = samplePattern.exec(line)?.groups ?? {};
    const name = quoted ?? plain;
    if (name === undefined) {
      complaints.push(`not a line of OpenMetrics: ${line}`);
    } else if (current === null || !belongs(name, current))
      complaints.push(`${name} stands under ${current?.name ?? 'no family'}`);
  }
  for (const [name, type] of families) {
    for (const ending of endingsOf[type] ?? []) {
      if (ending !== '' && families.has(withEnding(name, ending)))
        complaints.push(`${withEnding(name, ending)} is a family and a sample of ${name}`);
    }
  }
  return complaints;
};

const withEnding = (name: string, ending: string): string =>
  name.endsWith('"') ? `${name.slice(0, -1)}${ending}"` : `${name}${ending}`;

const belongs = (sample: string, family: Family): boolean =>
  (endingsOf[family.type] ?? []).some((ending) => sample === withEnding(family.name, ending));
