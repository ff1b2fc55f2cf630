import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { notifierSchemas } from '../../collector/src/notify/registry.ts';
import { lastNotifierOf } from '../../collector/src/runtime/withdrawn-routes.ts';
import type { Store } from '../../collector/src/store/port.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';

const hook = (path: string): string => `{ id: hook, kind: webhook, url: 'https://example.org/${path}' }`;
const withRoute = (path: string): string => `notifiers: [${hook(path)}]\nroutes: [{ id: duty, notifier: hook }]\n`;

describe('the notifier of a withdrawn route', () => {
  let store: Store;
  beforeEach(async () => {
    store = await openSqliteStore({ path: ':memory:' });
  });
  afterEach(() => store.close());

  const save = async (...texts: readonly string[]): Promise<void> => {
    for (const text of texts) await store.saveDeclaration({ appliedAtMs: 1, appliedBy: 'test', source: 'test', text });
  };
  const urlOf = async (routeId: string): Promise<unknown> =>
    (await lastNotifierOf(store, { notifierSchemas }, asId<'route'>(routeId)))?.options;

  test('is that of the last version that declares the route', async () => {
    await save(withRoute('a'), withRoute('b'), '# duty is gone\nzones: []\n', '{}');
    expect(await urlOf('duty')).toMatchObject({ url: 'https://example.org/b' });
  });

  test('is looked for past a version that is refused by now', async () => {
    await save(withRoute('a'), `${withRoute('b')}unknown: 1\n`, '{}');
    expect(await urlOf('duty')).toMatchObject({ url: 'https://example.org/a' });
  });

  test('is nobody when no version declares the route, or none of the last ones', async () => {
    expect(await urlOf('duty')).toBeUndefined();
    await save(withRoute('a'));
    expect(await urlOf('dut')).toBeUndefined();
    await save(...Array.from({ length: limits.declarationsLookedBackMax - 1 }, () => '{}'));
    expect(await urlOf('duty')).toMatchObject({ url: 'https://example.org/a' });
    await save('{}');
    expect(await urlOf('duty')).toBeUndefined();
  });
});
