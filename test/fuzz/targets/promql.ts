import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@jiwei/shared/errors.ts';
import { PromqlError } from '../../../collector/src/engine/promql/error.ts';
import { evaluate } from '../../../collector/src/engine/promql/evaluate.ts';
import { metricNamesOf } from '../../../collector/src/engine/promql/metric-names.ts';
import { parseExpr } from '../../../collector/src/engine/promql/parse.ts';
import { EvaluationError } from '../../../collector/src/engine/promql/vector.ts';
import { createSampleIndex, storeSamples, vectorSourceOf } from '../../../collector/src/engine/rules/sample-index.ts';
import { fillTemplate, parseTemplate } from '../../../collector/src/engine/rules/template.ts';
import type { FuzzTarget } from '../target.ts';

interface Recorded {
  readonly series: readonly {
    readonly name: string;
    readonly labels: readonly (readonly [string, string])[];
    readonly value: string;
  }[];
  readonly answers: readonly { readonly expr: string }[];
}
const recorded: Recorded = JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/promql-answers.json'), 'utf8'));
const index = createSampleIndex(new Set(recorded.series.map(({ name }) => name)));
storeSamples(
  index,
  recorded.series.map(({ name, labels, value }) => ({
    name,
    labels,
    value: Number(value.replace('Inf', 'Infinity')),
    observedAtMs: 0,
  })),
);
const source = vectorSourceOf(index);

/** A rule's expression, from its text to its answer, and the templates beside it. */
export const target: FuzzTarget = {
  name: 'promql',
  corpus: [
    ...recorded.answers.map(({ expr }) => expr),
    'a{x=~"(?i)(web|db)-\\\\d{1,3}",y!~".*名.*"} > bool 1.5e3',
    '{{ $labels.instance }} is {{ $value }} {{',
  ].map((text) => Buffer.from(text)),
  words: [
    ...[
      ' and on(x) ',
      ' or ',
      ' unless ',
      ' group_left(x) ',
      ' group_right ',
      ' ignoring(x) ',
      ' == bool ',
      ' != ',
      ' ^ ',
      ' % ',
      '(',
      ')',
    ],
    ...[
      '{x="',
      '{x=~"',
      '(a|b)*',
      '[^\\\\d]',
      '{1,1000}',
      '(?s)',
      '"}',
      'NaN',
      'Inf',
      '0x1F',
      '1e400',
      '-',
      '# ',
      '{{ $labels.',
      '{{ $value }}',
    ],
  ],
  inputBytesMax: 6_000,
  refusals: ['CONFIG_INVALID'],
  workMax: 2_000,
  boundedInputs: 3_000,
  run: (bytes) => {
    const text = Buffer.from(bytes).toString('utf8');
    try {
      fillTemplate(parseTemplate(text), [['x', '名']], 1.5);
    } catch (error) {
      if (!(error instanceof PromqlError) && !(error instanceof AppError))
        assert.ok(error instanceof Error && error.constructor !== TypeError && error.constructor !== RangeError, String(error));
    }
    try {
      const expr = parseExpr(text);
      metricNamesOf(expr);
      const result = evaluate(expr, source, 0);
      return typeof result === 'number' ? 1 : result.length;
    } catch (error) {
      // Both are said to people with their place; the declaration that holds them is refused with CONFIG_INVALID.
      if (error instanceof PromqlError || error instanceof EvaluationError) throw new AppError('CONFIG_INVALID', error.message);
      throw error;
    }
  },
};
