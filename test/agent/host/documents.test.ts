import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { createAgentWorkReader } from '../../../agent/src/host/agent-work.ts';
import { createOtherSystemReaders, systemSource } from '../../../agent/src/host/other-systems.ts';
import { readersFor } from '../../../agent/src/host/registry.ts';
import { selfMetrics } from '../../../agent/src/host/self-metrics.ts';
import { missingOrExtra } from '../../tidy/documents.ts';

const linux = [...readersFor('linux'), createAgentWorkReader(() => null)];

test('docs/host-metrics.md lists every family as it is, and no other', async () => {
  const text = await readFile(new URL('../../../docs/host-metrics.md', import.meta.url), 'utf8');
  const inDocument = text.split('\n').filter((line) => line.startsWith('| `'));
  const inCode = [...linux, { name: '–', metrics: selfMetrics }].flatMap(({ name: reader, metrics }) =>
    metrics.map(({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.join(', ')} | ${reader} | ${help} |`),
  );
  expect(missingOrExtra(inCode, inDocument)).toEqual({ missing: [], extra: [] });
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
