import { createSeriesBook } from '@jiwei/agent/host/series-book.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { expect, test } from 'vitest';

const mounts = { name: 'node_filesystem_size_bytes', type: 'gauge', help: 'Size.', labels: ['mountpoint'] } as const;

test('a series keeps its position, and one beyond the end of the book is counted', () => {
  const book = createSeriesBook(2);
  expect(['/', '/srv', '/', '/late', '/srv'].map((mount) => book.indexOf(mounts, [mount]))).toEqual([0, 1, 0, -1, 1]);
  expect([book.series.length, book.droppedCount]).toEqual([2, 1]);
});

test('what no frame can carry takes no position: every value at its bound does, one byte more does not', () => {
  const book = createSeriesBook(10);
  const value = (bytes: number): string => `${'x'.repeat(bytes - 3)}集`;
  const cases = [
    { doc: mounts, value: value(limits.labelValueBytesMax), isTaken: true },
    { doc: mounts, value: value(limits.labelValueBytesMax + 1), isTaken: false },
    { doc: { ...mounts, name: 'n'.repeat(limits.metricNameBytesMax) }, value: '/', isTaken: true },
    { doc: { ...mounts, name: 'n'.repeat(limits.metricNameBytesMax + 1) }, value: '/', isTaken: false },
    { doc: { ...mounts, name: 'a', help: 'h'.repeat(limits.helpBytesMax) }, value: '/', isTaken: true },
    { doc: { ...mounts, name: 'b', help: 'h'.repeat(limits.helpBytesMax + 1) }, value: '/', isTaken: false },
    { doc: { ...mounts, name: '温度' }, value: '/', isTaken: false },
  ];
  expect(cases.map(({ doc, value }) => book.indexOf(doc, [value]) >= 0)).toEqual(cases.map(({ isTaken }) => isTaken));
  expect(book.droppedCount).toBe(4);
});
