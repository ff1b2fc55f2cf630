import { isNameBefore, type Label, seriesText } from '@jiwei/shared/series.ts';
import type { VectorElement } from './expr.ts';

/** An expression that parses but cannot be evaluated on the series as they are: `message` says which ones do not fit. */
export class EvaluationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EvaluationError';
  }
}

/** Value of a label, `__name__` included; '' when it is not there. */
export const labelOf = (element: VectorElement, label: string): string => {
  if (label === '__name__') return element.name ?? '';
  for (const [name, value] of element.labels) if (name === label) return value;
  return '';
};

/** Text form of an element's name and labels, which is its identity. */
export const elementText = (element: VectorElement): string => seriesText(element.name ?? '', element.labels) || '{}';

/** The labels with `changes` set (empty values removed), sorted. */
export const withLabels = (labels: readonly Label[], changes: ReadonlyMap<string, string>): readonly Label[] => {
  if (changes.size === 0) return labels;
  const kept = labels.filter(([name]) => !changes.has(name));
  const added = [...changes].filter(([, value]) => value !== '');
  return [...kept, ...added].sort(([left], [right]) => (isNameBefore(left, right) ? -1 : 1));
};

/** @throws EvaluationError when two elements have the same name and labels, as happens when an operation dropped what told them apart */
export const withoutDuplicates = (vector: VectorElement[]): VectorElement[] => {
  const seen = new Set<string>();
  for (const element of vector) {
    const text = elementText(element);
    if (seen.has(text)) throw new EvaluationError(`the result has two elements with the same labels: ${text}`);
    seen.add(text);
  }
  return vector;
};
