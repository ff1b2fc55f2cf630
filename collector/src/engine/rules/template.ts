import type { Label } from '@jiwei/shared/series.ts';
import { PromqlError } from '../promql/error.ts';
import { goNumberText } from './go-number.ts';

type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value' }
  | { readonly kind: 'label'; readonly name: string };

/** A label value or annotation with its places to fill in. */
export type Template = readonly Segment[];

const supported = '{{ $labels.name }} and {{ $value }}';
const actionPattern = /\{\{([^}]*)\}\}/g;

const segmentOf = (text: string, action: string, from: number, to: number): Segment => {
  const body = action.trim();
  if (body === '$value' || body === '.Value') return { kind: 'value' };
  // A name as Go has it after a point: letters of any script, digits, underscores.
  const label = /^(?:\$labels|\.Labels)\.([\p{L}_][\p{L}\p{Nd}_]*)$/u.exec(body);
  if (label?.[1] !== undefined) return { kind: 'label', name: label[1] };
  throw new PromqlError(text, from, to, `is not supported in a template; supported are ${supported}`);
};

/**
 * Parses a template. Of Go's template language only the series labels and the value are taken; functions (printf, humanize …), conditions
 * and pipes are refused by name.
 * @throws PromqlError with the place
 */
export const parseTemplate = (text: string): Template => {
  const segments: Segment[] = [];
  let at = 0;
  for (const match of text.matchAll(actionPattern)) {
    if (match.index > at) segments.push({ kind: 'text', text: text.slice(at, match.index) });
    at = match.index + match[0].length;
    segments.push(segmentOf(text, match[1] ?? '', match.index, at));
  }
  const rest = text.slice(at);
  const open = rest.indexOf('{{');
  if (open >= 0) throw new PromqlError(text, at + open, text.length, 'is not closed with }}');
  if (rest !== '') segments.push({ kind: 'text', text: rest });
  return segments;
};

/** Fills a template in; a label the series does not have is ''. */
export const fillTemplate = (template: Template, labels: readonly Label[], value: number): string =>
  template
    .map((segment) => {
      switch (segment.kind) {
        case 'text':
          return segment.text;
        case 'value':
          return goNumberText(value);
        case 'label':
          return labels.find(([name]) => name === segment.name)?.[1] ?? '';
        default:
          return segment satisfies never;
      }
    })
    .join('');
