import { AppError, type ErrorCode, errorTable } from '@jiwei/shared/errors.ts';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DeclarationRefused } from '../runtime/declaring.ts';

/** One thing that is wrong with a request or a declaration. */
export const problemItemSchema = z
  .object({
    in: z.enum(['params', 'query', 'body']).exactOptional().describe('Part of the request.'),
    path: z.string().describe('Where in it, as `key.key[index]`; empty for the whole.'),
    message: z.string().describe('The value found and what is needed.'),
    file: z.string().exactOptional().describe('Declarations: name of the file.'),
    line: z.int().exactOptional().describe('Declarations: line in the file, from 1.'),
    column: z.int().exactOptional().describe('Declarations: column in the line, from 1.'),
  })
  .meta({ id: 'ProblemItem' });
export type ProblemItem = z.output<typeof problemItemSchema>;

/** RFC 9457 problem details, the body of every answer from 400 up. `code` is from the error table (docs/errors.md). */
export const problemSchema = z
  .object({
    type: z.string().describe('`urn:jiwei:problem:<CODE>`'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What was tried, which value, what is needed.'),
    instance: z.string().describe('Path of the request.'),
    code: z.string(),
    help: z.string().describe('What to do next.'),
    requestId: z.string().describe('Also in the x-request-id header and in the log.'),
    errors: z.array(problemItemSchema).exactOptional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.output<typeof problemSchema>;

export const problemType = 'application/problem+json; charset=utf-8';

/** What is known of a failure before the request it belongs to is added. */
export interface Failure {
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly ProblemItem[];
}

const titleOf = (code: ErrorCode): string => {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** @param path without the query, which may hold a token */
export const problemOf = (failure: Failure, path: string, requestId: string): Problem => ({
  type: `urn:jiwei:problem:${failure.code}`,
  title: titleOf(failure.code),
  status: failure.status,
  detail: failure.detail,
  instance: path,
  code: failure.code,
  help: errorTable[failure.code].help,
  requestId,
  ...(failure.errors === undefined ? {} : { errors: [...failure.errors] }),
});

/** `/zones/0/id` of a list of keys as `zones[0].id`. */
export const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  );

const issuesOf = (part: NonNullable<ProblemItem['in']>, schema: unknown, value: unknown): ProblemItem[] => {
  if (!(schema instanceof z.ZodType)) return [];
  const issues = schema.safeParse(value).error?.issues ?? [];
  return issues.map((issue) => ({ in: part, path: pathText(issue.path), message: issue.message }));
};

/** All that is wrong with a request: fastify stops at the first part that fails, people want the whole list. */
const requestIssues = (request: FastifyRequest): ProblemItem[] => {
  const schema = request.routeOptions.schema;
  return [
    ...issuesOf('params', schema?.params, request.params),
    ...issuesOf('query', schema?.querystring, request.query),
    ...issuesOf('body', schema?.body, request.body),
  ];
};

const failureOf = (error: FastifyError | AppError, request: FastifyRequest): Failure => {
  if (error instanceof DeclarationRefused) {
    const detail = `the declaration has ${error.errors.length} errors and was refused whole; what was in force still is`;
    return { code: error.code, status: errorTable[error.code].httpStatus, detail, errors: error.errors };
  }
  if (error instanceof AppError) return { code: error.code, status: errorTable[error.code].httpStatus, detail: error.message };
  if (error.validation !== undefined) {
    const errors = requestIssues(request);
    const detail = `the request has ${errors.length} invalid ${errors.length === 1 ? 'value' : 'values'}; see errors`;
    return { code: 'REQUEST_INVALID', status: 400, detail, errors };
  }
  const status = error.statusCode ?? 500;
  if (status === 413) return { code: 'TOO_LARGE', status, detail: error.message };
  if (status >= 400 && status < 500) return { code: 'REQUEST_INVALID', status, detail: error.message };
  // What went wrong inside is for the log alone: it may name paths, statements or values that are nobody's business.
  return {
    code: 'INTERNAL',
    status: 500,
    detail: 'the collector failed to answer; the cause is in its log under this request id',
  };
};

/** Path of a request without its query, which may hold a token. */
export const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '/';

/** Sends the failure as problem details. The body is a finished string, so that no response schema is applied to it. */
export const sendProblem = (request: FastifyRequest, reply: FastifyReply, failure: Failure): FastifyReply =>
  reply
    .code(failure.status)
    .type(problemType)
    .send(JSON.stringify(problemOf(failure, pathOf(request), request.id)));

/** The fastify error handler: everything thrown while a request is answered ends here. */
export const handleError = (error: FastifyError | AppError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const failure = failureOf(error, request);
  if (failure.status >= 500) request.log.error({ err: error, code: failure.code }, 'request failed');
  return sendProblem(request, reply, failure);
};

/** The answer to a path or method that does not exist. */
export const handleNotFound = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  sendProblem(request, reply, {
    code: 'NOT_FOUND',
    status: 404,
    detail: `${request.method} ${pathOf(request)} does not exist; the paths are listed in /api/v1/openapi.json`,
  });
