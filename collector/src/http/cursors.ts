import { AppError } from '@jiwei/shared/errors.ts';
import type { FastifyInstance } from 'fastify';
import { pathOf } from './problem.ts';

/** A cursor as it is given out: the list's path before what the list itself made. */
const seal = (path: string, cursor: string): string => Buffer.from(`${path}\n${cursor}`).toString('base64url');

/** @throws REQUEST_INVALID for a cursor that was not given out, or by another list */
const unseal = (path: string, sealed: string): string => {
  const text = Buffer.from(sealed, 'base64url').toString();
  const [list = '', cursor] = text.split('\n', 2);
  if (cursor === undefined || seal(list, cursor) !== sealed)
    throw new AppError('REQUEST_INVALID', 'cursor is not one that was given out; begin again without it');
  if (list !== path)
    throw new AppError('REQUEST_INVALID', `cursor is of ${list}, and leads nowhere in ${path}; begin again without it`);
  return cursor;
};

const isWithCursor = (query: unknown): query is { cursor: string } =>
  typeof query === 'object' && query !== null && 'cursor' in query && typeof query.cursor === 'string';

const isPage = (body: unknown): body is { readonly next: string } =>
  typeof body === 'object' && body !== null && 'next' in body && typeof body.next === 'string';

/** Every page's `next` names its list, and no other list takes it: it would begin somewhere, and look right. */
export const bindCursors = (api: FastifyInstance): void => {
  api.addHook('preHandler', async (request) => {
    if (isWithCursor(request.query)) request.query.cursor = unseal(pathOf(request), request.query.cursor);
  });
  api.addHook('preSerialization', async (request, _reply, body: unknown) =>
    isPage(body) ? { ...body, next: seal(pathOf(request), body.next) } : body,
  );
};
