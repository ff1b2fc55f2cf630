import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { createAgentWorkReader } from '../../../agent/src/host/agent-work.ts';
import { essentialFamilies } from '../../../agent/src/host/choice.ts';
import { createOtherSystemReaders, systemSource } from '../../../agent/src/host/other-systems.ts';
import { readersFor } from '../../../agent/src/host/registry.ts';
import { selfMetrics } from '../../../agent/src/host/self-metrics.ts';
import { hostCollectors } from '../../../shared/src/host-collectors.ts';
import { missingOrExtra } from '../../tidy/documents.ts';

const linux = [...readersFor('linux'), createAgentWorkReader(() => null)];

test('docs/host-metrics.md lists every family as it is, and no other', async () => {
  const text = await readFile(new URL('../../../docs/host-metrics.md', import.meta.url), 'utf8');
  const [, families = ''] = text.split('\n## Families\n');
  const inDocument = families.split('\n').filter((line) => line.startsWith('| `'));
  const inCode = [...linux, { name: '–', metrics: selfMetrics }].flatMap(({ name: reader, metrics }) =>
    metrics.map(({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.join(', ')} | ${reader} | ${help} |`),
  );
  expect(missingOrExtra(inCode, inDocument)).toEqual({ missing: [], extra: [] });
});

test('what a declaration may choose are the readers there are, but for what the agent tells of itself', () => {
  expect(linux.map(({ name }) => name).filter((name) => !name.startsWith('agent'))).toEqual([...hostCollectors].sort());
});

test('docs/host-metrics.md lists the essential families, all of which there are', async () => {
  const text = await readFile(new URL('../../../docs/host-metrics.md', import.meta.url), 'utf8');
  const rows = Object.entries(essentialFamilies).map(
    ([reader, families]) => `| ${reader} | ${[...families].map((name) => `\`${name}\``).join(', ')} |`,
  );
  expect(missingOrExtra(rows, text.split('\n'))).toMatchObject({ missing: [] });
  for (const [reader, families] of Object.entries(essentialFamilies)) {
    const metrics = linux.find(({ name }) => name === reader)?.metrics ?? [];
    const patterns = metrics.map(({ name }) => new RegExp(`^${name.replace('<field>', '\\w+')}$`));
    for (const family of families)
      expect(
        patterns.some((pattern) => pattern.test(family)),
        family,
      ).toBe(true);
  }
});

test('readers and families have names of their own, and labels are sorted', () => {
  const families = linux.flatMap(({ metrics }) => metrics);
  expect(new Set(families.map(({ name }) => name)).size).toBe(families.length);
  expect(new Set(linux.map(({ name }) => name)).size).toBe(linux.length);
  for (const { labels } of families) expect([...labels].sort()).toEqual(labels);
});

test('other systems tell only families that Linux tells, alike in every respect', () => {
  const known = new Map(linux.flatMap(({ metrics }) => metrics.map((doc) => [doc.name, doc])));
  const memory = known.get('node_memory_<field>_bytes');
  for (const { metrics } of createOtherSystemReaders(systemSource('win32', () => 0))) {
    for (const doc of metrics) {
      const same = known.get(doc.name) ?? { ...memory, name: doc.name, help: `Memory information field ${doc.name.slice(12)}.` };
      expect(doc).toEqual(same);
    }
  }
});
