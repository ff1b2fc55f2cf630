import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { documentedRoutes } from '../support/api-document.ts';
import { createHttpFixture, type HttpFixture } from '../support/http-app.ts';

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly responses: Readonly<
    Record<string, { readonly description?: string; readonly content?: Readonly<Record<string, unknown>> }>
  >;
  readonly security?: readonly unknown[];
  readonly 'x-permission'?: string;
}

describe('OpenAPI document', () => {
  let http: HttpFixture;
  let document: {
    readonly openapi: string;
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
    readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
    readonly tags: readonly { readonly name: string }[];
  };
  let operations: readonly (readonly [string, string, Operation])[];
  beforeAll(async () => {
    http = await createHttpFixture();
    document = (await http.get('/api/v1/openapi.json')).json();
    operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [path, method, operation] as const),
    );
  });
  afterAll(() => http.close());

  test('is 3.1 and has every operation described', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(operations.length).toBeGreaterThan(30);
    const tags = new Set(document.tags.map((tag) => tag.name));
    for (const [path, method, operation] of operations) {
      const name = `${method} ${path}`;
      expect(operation.summary, name).toBeTruthy();
      expect(
        operation.tags?.every((tag) => tags.has(tag)),
        name,
      ).toBe(true);
      expect(operation.security, name).toBeDefined();
    }
  });

  test('every operation says what comes back, problems included', () => {
    for (const [path, method, operation] of operations) {
      const name = `${method} ${path}`;
      const statuses = Object.keys(operation.responses);
      expect(
        statuses.some((status) => status.startsWith('2')),
        name,
      ).toBe(true);
      for (const status of ['400', '401', '403', '429', '500', '503']) expect(statuses, name).toContain(status);
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(response.description, `${name} ${status}`).toBeTruthy();
        if (!status.startsWith('2')) expect(Object.keys(response.content ?? {}), name).toEqual(['application/problem+json']);
      }
    }
  });

  test('every part of a path is a required parameter', () => {
    for (const [path, method, operation] of operations) {
      const named = Array.from(path.matchAll(/\{(\w+)\}/g), (match) => match[1]);
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(
        declared.map((parameter) => parameter.name),
        `${method} ${path}`,
      ).toEqual(named);
      expect(declared.every((parameter) => parameter.required)).toBe(true);
    }
  });

  test('every reference leads somewhere, and no schema is left over', () => {
    const referred = new Set(
      Array.from(JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g), (match) => match[1] ?? ''),
    );
    expect([...referred].sort()).toEqual(Object.keys(document.components.schemas).sort());
  });

  test('docs/api.md names every path with its permission, and none that is gone', () => {
    const [text = ''] = readFileSync(`${import.meta.dirname}/../../docs/api.md`, 'utf8').split('Beside the API');
    const documented = documentedRoutes(text).map(({ name, permission }) => `${name}: ${permission}`);
    const real = operations
      .filter(([, method]) => method !== 'head')
      .map(([path, method, operation]) => `${method.toUpperCase()} ${path}: ${operation['x-permission']}`);
    expect(documented.toSorted()).toEqual(real.toSorted());
  });
});
