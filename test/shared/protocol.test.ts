import { readFileSync } from 'node:fs';
import { createCalendar } from '@jiwei/agent/schedule/calendar.ts';
import { describe, expect, test } from 'vitest';
import { checkResultSchema } from '../../shared/src/check.ts';
import { limits } from '../../shared/src/limits.ts';
import { probeKindNames } from '../../shared/src/probes/registry.ts';
import {
  agentCapabilities,
  agentMessageSchema,
  collectorCapabilities,
  collectorMessageSchema,
  gapBodySchema,
  linkPath,
  linkSubprotocol,
  protocolVersions,
} from '../../shared/src/protocol/control.ts';
import { frameKinds } from '../../shared/src/protocol/frame.ts';
import { refusalClasses, refusalCodes, refusals } from '../../shared/src/protocol/refusals.ts';

const document = readFileSync(new URL('../../shared/PROTOCOL.md', import.meta.url), 'utf8');

/** Cells of the tables between a heading and the next one, head and rule left out, without code marks. */
const tableAfter = (heading: string): string[][] => {
  const from = document.indexOf(`\n${heading}`);
  if (from < 0) throw new Error(`PROTOCOL.md has no heading "${heading}"`);
  const section = document.slice(from + 1).split(/\n#{2,4} /)[0] ?? '';
  const isRule = (line: string | undefined): boolean => line?.startsWith('|--') === true;
  return section
    .split('\n')
    .filter((line, index, lines) => line.startsWith('|') && !isRule(line) && !isRule(lines[index + 1]))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
};
/** Names of the fields of a zod object, sorted. */
const fieldsOf = (schema: { readonly shape?: object }): string[] => Object.keys(schema.shape ?? {}).sort();

describe('the document says what the code does, and no more', () => {
  test('refusals: code, close code, class and reason', () => {
    const inCode = refusalCodes.map((code) => [
      code,
      String(refusals[code].closeCode),
      refusals[code].class,
      refusals[code].text,
    ]);
    expect(tableAfter('## 8. Refusals')).toStrictEqual(inCode);
  });

  test('every class of refusal is explained', () => {
    for (const name of refusalClasses) expect(document).toContain(`\`${name}\`:`);
  });

  test('close codes are all different and of the range for applications', () => {
    const codes = refusalCodes.map((code) => refusals[code].closeCode);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.every((code) => code >= 4000 && code <= 4999)).toBe(true);
  });

  test('the kinds of probes an agent runs, each with a heading of its own in docs/probes.md', () => {
    const kinds = tableAfter('#### Probes').map(([kind]) => kind);
    expect(kinds).toStrictEqual(probeKindNames.filter((kind) => kind !== 'heartbeat'));
    const probes = readFileSync(new URL('../../docs/probes.md', import.meta.url), 'utf8');
    for (const kind of kinds) expect(probes).toContain(`\n## ${kind}\n`);
  });

  test('cron expressions name the times that the table says', () => {
    const next = createCalendar();
    const fromMs = Date.UTC(2026, 0, 1);
    const textOf = (atMs: number | null): string => (atMs === null ? 'none' : new Date(atMs).toISOString().replace('.000Z', 'Z'));
    const timesOf = (cron: string): string[] => {
      try {
        const first = next(cron, 'UTC', fromMs);
        return [textOf(first), first === null ? 'none' : textOf(next(cron, 'UTC', first))];
      } catch {
        return ['refused', ''];
      }
    };
    const rows = tableAfter('#### Times');
    expect(rows.length).toBeGreaterThan(15);
    for (const [cron = '', ...times] of rows) expect([cron, ...timesOf(cron)]).toStrictEqual([cron, ...times]);
  });

  test('kinds of frames and their bytes', () => {
    const documented = tableAfter('## 6. Frames').filter((cells) => cells.length === 4);
    expect(documented.map(([kind, byte]) => [kind, byte])).toStrictEqual(
      Object.entries(frameKinds).map(([kind, byte]) => [kind, String(byte)]),
    );
  });

  test('limits: each number is the one in force', () => {
    const inForce: Readonly<Record<string, number>> = limits;
    const documented = tableAfter('## 7. Limits');
    expect(documented.length).toBeGreaterThan(15);
    for (const [name = '', value] of documented) expect([name, value]).toStrictEqual([name, String(inForce[name])]);
  });

  test('capabilities, path, subprotocol and version', () => {
    const documented = tableAfter('### Versions and capabilities').map(([name]) => name);
    expect(documented.toSorted()).toStrictEqual([...new Set([...agentCapabilities, ...collectorCapabilities])].sort());
    expect(document).toContain(`\`${linkPath}\``);
    expect(document).toContain(`\`${linkSubprotocol}\``);
    expect(document.split('\n')[0]).toBe(`# The link between agent and collector, version ${protocolVersions[0]}`);
  });

  test('control messages: the same ones, in the same direction', () => {
    const documented = [...document.matchAll(/^### `(\w+)` \((.+)\)$/gm)].map(([, type, direction]) => `${type}: ${direction}`);
    const inCode = [
      ...agentMessageSchema.options.map((schema) => `${schema.shape.type.value}: agent → collector`),
      ...collectorMessageSchema.options.map((schema) => `${schema.shape.type.value}: collector → agent`),
    ];
    expect(documented.toSorted()).toStrictEqual(inCode.toSorted());
  });

  for (const schema of [...agentMessageSchema.options, ...collectorMessageSchema.options]) {
    const type = schema.shape.type.value;
    test(`fields of ${type}`, () => {
      const documented = tableAfter(`### \`${type}\` (`).map(([field]) => field ?? '');
      expect(['type', ...documented].sort()).toStrictEqual(fieldsOf(schema));
      for (const [field = '', kind = ''] of tableAfter(`### \`${type}\` (`)) {
        const shape: Readonly<Record<string, { readonly _zod: { readonly optin?: string | undefined } }>> = schema.shape;
        expect([field, kind.endsWith('?')]).toStrictEqual([field, shape[field]?._zod.optin === 'optional']);
      }
    });
  }

  test('fields of a result and of a gap', () => {
    expect(
      tableAfter('### 6.3 Results')
        .map(([field]) => field)
        .toSorted(),
    ).toStrictEqual(fieldsOf(checkResultSchema as { shape?: object }));
    expect(
      tableAfter('### 6.4 Gap')
        .map(([field]) => field)
        .toSorted(),
    ).toStrictEqual(fieldsOf(gapBodySchema));
  });
});
