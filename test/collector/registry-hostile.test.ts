import { limits } from '@jiwei/shared/limits.ts';
import { expect, test } from 'vitest';
import { parseDeclaration } from '../../collector/src/registry/parse.ts';
import { openSource } from '../../collector/src/registry/source.ts';

const times = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('');

/** Texts that took minutes, or more memory than there is, before they were bounded; and what is to come of each. */
const cases: readonly { readonly why: string; readonly text: string; readonly errors: 'none' | 'one' | 'some' }[] = [
  { why: 'a map of 60,000 keys', text: times(60_000, (index) => `k${index}: 1\n`), errors: 'none' },
  {
    why: 'as many anchors, and an alias of each',
    text: times(20_000, (index) => `- &a${index} 1\n- *a${index}\n`),
    errors: 'one',
  },
  {
    why: 'nine lists, each of nine times the one before',
    text: times(9, (index) => `l${index}: &l${index} [${times(9, () => (index === 0 ? 'x, ' : `*l${index - 1}, `))}]\n`),
    errors: 'one',
  },
  { why: 'half a million closing braces', text: '}\n'.repeat(500_000), errors: 'some' },
  { why: 'half a million broken escapes', text: `"${'\\x'.repeat(500_000)}"`, errors: 'some' },
  { why: 'ten thousand lists within each other', text: `${'['.repeat(10_000)}${']'.repeat(10_000)}`, errors: 'some' },
  { why: 'ten thousand documents', text: '---\na\n'.repeat(10_000), errors: 'one' },
  { why: 'a key that stands twice', text: 'a: 1\nb: {c: 1}\na: 3\n', errors: 'one' },
];
for (const { why, text, errors } of cases) {
  test(`a declaration of ${why} is read in bounded work`, () => {
    const { errors: found } = openSource(text, 'hostile.yaml');
    if (errors === 'none') expect(found).toEqual([]);
    else if (errors === 'one') expect(found).toHaveLength(1);
    else expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(2 * limits.declarationErrorsMax + 2);
  });
}

test('a key that stands twice is named where it stands the second time', () => {
  const [error] = openSource('a: 1\nb: 2\na: 3\n', 'hostile.yaml').errors;
  expect(error).toMatchObject({
    line: 3,
    column: 1,
    message: expect.stringContaining('stands a second time in one map, first in line '),
  });
});

test('a declaration of the largest size is read, one byte more is not', () => {
  const largest = `a: 1\n#${'x'.repeat(limits.declarationBytesMax - 6)}`;
  expect(openSource(largest, 'large.yaml').errors).toEqual([]);
  // Bytes count, not characters: three of them take as much room as this one.
  const tooLarge = `${largest.slice(0, -2)}字`;
  expect(openSource(tooLarge, 'large.yaml').errors).toMatchObject([
    { message: `has ${limits.declarationBytesMax + 1} bytes; at most ${limits.declarationBytesMax} are read` },
  ]);
});

test('checks beyond what an agent may have are refused where they stand', () => {
  const declaration = (named: number, onHost: number): string =>
    `zones: [{ id: z, name: Z, crew: C }]
units: [{ id: u, name: U, zone: z }]
assets: [{ id: s, name: S, kind: server, unit: u }]
agents: [{ id: p, asset: s }, { id: q, zone: z }]
checks:
${times(named, (index) => `  - { id: n${index}, asset: s, kind: icmp, host: 10.0.0.1, from: { agents: [q, p, p] } }\n`)}${times(onHost, (index) => `  - { id: h${index}, asset: s, kind: process, name: x }\n`)}`;
  const parse = (text: string) => parseDeclaration(text, { fileName: 'many.yaml', notifierSchemas: new Map() });
  expect(parse(declaration(limits.checksPerAgentMax - 1, 1))).not.toHaveProperty('errors');
  expect(parse(declaration(limits.checksPerAgentMax - 1, 3))).toMatchObject({
    errors: [
      {
        path: `checks[${limits.checksPerAgentMax}].from`,
        message: 'gives agent "p" more than 5000 checks; needs other agents',
      },
    ],
  });
});
