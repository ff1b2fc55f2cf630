import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { probeKindNames, probeKinds } from '../../../shared/src/probes/registry.ts';
import { metricNamePattern } from '../../../shared/src/series.ts';
import { renderProbes } from './support/document.ts';

test('docs/probes.md says what the schemas say (vitest -u writes it anew)', async () => {
  await expect(renderProbes()).toMatchFileSnapshot(fileURLToPath(new URL('../../../docs/probes.md', import.meta.url)));
});

test('every option has a description that ends as a sentence, every series a help', () => {
  for (const kind of probeKindNames) {
    const schema = z.toJSONSchema(probeKinds[kind].spec, { io: 'input' });
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      expect(typeof property === 'object' && property.description, `${kind}.${name}`).toMatch(/\.$/);
    }
    for (const { name, help } of probeKinds[kind].metrics) {
      expect(name).toMatch(metricNamePattern);
      expect(help.length, `${kind} ${name}`).toBeGreaterThan(5);
    }
  }
});

test('every kind refuses unknown options', () => {
  for (const kind of probeKindNames) {
    const result = probeKinds[kind].spec.safeParse({ unknownOption: 1 });
    expect(
      result.error?.issues.map(({ code }) => code),
      kind,
    ).toContain('unrecognized_keys');
  }
});
