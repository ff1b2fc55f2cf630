import { limits } from '@jiwei/shared/limits.ts';
import { dayMs } from '@jiwei/shared/time.ts';
import { z } from 'zod';
import { problemSchema } from './problem.ts';

/** The last instant there is in JavaScript. */
const instantMsMax = 8_640_000_000_000_000;
/** An instant: epoch milliseconds UTC, the collector's clock unless the field says otherwise. */
export const instant = z.int().min(0).max(instantMsMax);
/** A span of time in whole ms. */
export const spanMs = z.int().min(0);
/** An id as it stands in a path or a filter; whether it exists is the handler's question. */
export const idText = z.string().min(1).max(200);
/** The name of who acts; kept in the timeline. */
export const actorText = z.string().trim().min(1).max(100).describe('Who does it, as it shall stand in the timeline.');

const integerOf = (value: unknown): unknown => (typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value);
const listOf = (value: unknown): unknown => (typeof value === 'string' ? value.split(',') : value);

/** A whole number in a query, where everything is text. Anything but digits is refused: `''`, `1e3`, ` 5`. */
export const queryInteger = (min: number, max: number, noun = 'a whole number') => {
  const error = ({ input }: { readonly input?: unknown }): string =>
    `${input === undefined ? 'is missing' : `is ${JSON.stringify(input)}`}; needs ${noun} from ${min} to ${max}, in digits alone`;
  return z.preprocess(integerOf, z.int({ error }).min(min, { error }).max(max, { error }));
};
/** An instant in a query. */
export const queryInstant = queryInteger(0, instantMsMax, 'an instant in epoch milliseconds');
/** Several values in a query: `?state=open,acknowledged` or `?state=open&state=acknowledged`. */
export const queryList = <Item extends z.ZodType>(item: Item, countMax: number) =>
  z.preprocess(listOf, z.array(item).min(1).max(countMax));

/** Paging of every list. The cursor is the `next` of the page before; it is opaque. */
export const pageQuery = {
  limit: queryInteger(1, limits.pageItemsMax).default(limits.pageItemsDefault).describe('Items per page.'),
  cursor: z.string().min(1).max(4_000).exactOptional().describe('`next` of the page before.'),
};

/** One page: `next` is null at the end. */
export const pageOf = <Item extends z.ZodType>(item: Item) => z.object({ items: z.array(item), next: z.string().nullable() });

/** Longest range one request may ask for: what is kept, and a day. */
export const rangeMsMax = limits.historyRetentionMs + dayMs;

/** [fromMs, toMs) in a query. */
export const rangeQuery = {
  fromMs: queryInstant.describe('Begin of the range, epoch ms, inclusive.'),
  toMs: queryInstant.describe('End of the range, epoch ms, exclusive.'),
};

/** For superRefine: refuses a range that is empty or turned around, and one that is longer than what is kept, and says which. */
export const refuseBadRange = (
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  context: z.core.$RefinementCtx,
): void => {
  const message =
    toMs <= fromMs
      ? `is ${toMs}; needs to be after fromMs, which is ${fromMs}`
      : toMs - fromMs > rangeMsMax
        ? `makes a range of ${toMs - fromMs} ms; needs at most ${rangeMsMax} ms (${rangeMsMax / dayMs} days, as long as history is kept)`
        : null;
  if (message !== null) context.addIssue({ code: 'custom', message, path: ['toMs'], input: toMs });
};

/** Statuses of problems a route may answer with, beside 500 and 503, which any may. */
type ProblemStatus = 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429;

const problemTexts: Readonly<Record<ProblemStatus | 500 | 503, string>> = {
  400: 'The request is invalid; every error is listed.',
  401: 'No token came, or one that is not known.',
  403: 'The token does not allow it.',
  404: 'It does not exist.',
  409: 'The present state does not allow it.',
  413: 'The body is larger than allowed.',
  415: 'The body has another content type than needed.',
  429: 'Too many failed attempts; Retry-After says when to come again.',
  500: 'The collector failed; the request id leads to the cause in its log.',
  503: 'The collector or its store is not able to answer at the moment.',
};

const problems = (statuses: readonly ProblemStatus[]) =>
  Object.fromEntries(
    ([...statuses, 500, 503] as const).map((status) => [
      status,
      { description: problemTexts[status], content: { 'application/problem+json': { schema: problemSchema } } },
    ]),
  );

/** Problems of a guarded route with parameters: what nearly every route may answer. */
export const usualProblems = [400, 401, 403, 429] as const;

/**
 * Answers of a route: its good one and the problems it may meet. Typed as the good one alone, because problems are sent by the error handler
 * and never returned by a handler.
 */
export const answers = <Ok extends z.ZodType>(ok: Ok, ...more: readonly ProblemStatus[]): { 200: Ok } => ({
  ...problems([...usualProblems, ...more]),
  200: ok,
});

/** The same for a route that makes something: 201. */
export const created = <Ok extends z.ZodType>(ok: Ok, ...more: readonly ProblemStatus[]): { 201: Ok } => ({
  ...problems([...usualProblems, ...more]),
  201: ok,
});

/** The same for a route that writes its body itself: the schema describes it, and no type or check is applied to what is sent. */
export const answersByHand = (ok: z.ZodType, ...more: readonly ProblemStatus[]): Readonly<Record<number, unknown>> =>
  answers(ok, ...more);
