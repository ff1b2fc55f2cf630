import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hourMs, minuteMs } from '@jiwei/shared/time.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentRecord, districtParts } from '../support/district-fixture.ts';
import { adminToken, createHttpFixture, type HttpFixture } from '../support/http-app.ts';
import { fixtureNowMs } from '../support/live-view.ts';
import { openPageInBrowser } from '../support/page-in-browser.ts';

type Page = Awaited<ReturnType<typeof openPageInBrowser>>;

let http: HttpFixture;
let way: Server;
/** What stands between browser and collector does with a request; null: nothing is wrong. */
let fault: ((response: ServerResponse) => void) | null = null;
let page: Page;
let url = '';

beforeEach(async () => {
  fault = null;
  http = await createHttpFixture({ parts: districtParts });
  await http.store.saveAgent(agentRecord('a1'));
  await http.store.saveAgent(agentRecord('new', { pendingSinceMs: fixtureNowMs - minuteMs }));
  await http.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = http.app.server.address() as AddressInfo;
  way = createServer((request, response) => {
    if (fault !== null) return fault(response);
    const headers = Object.entries(request.headers).flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' && name !== 'connection' ? [[name, value]] : [],
    );
    fetch(`http://127.0.0.1:${port}${request.url ?? '/'}`, { method: request.method ?? 'GET', headers }).then(
      async (answer) => {
        const text = await answer.text();
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' }).end(text);
      },
      () => response.destroy(),
    );
  }).listen(0, '127.0.0.1');
  await once(way, 'listening');
  url = `http://127.0.0.1:${(way.address() as AddressInfo).port}/?lang=en`;
  page = await openPageInBrowser(url);
});
afterEach(async () => {
  way.close();
  way.closeAllConnections();
  await http.close();
});

const present = async (): Promise<string> => (await http.app.inject('/?lang=en')).body;

test('every 5 s the page is as it would be anew, without a reload', async () => {
  expect(page.intervals.map(({ everyMs }) => everyMs)).toEqual([5_000]);
  const before = page.html();
  http.clock.advance(3 * hourMs);
  await page.tick();
  expect(page.html()).not.toBe(before);
  expect(page.html()).toBe(await present());
  expect(page.part('#as-of')).toContain('running for 4 h');
  expect(page.requests).toEqual([`GET ${url}`]);
});

test('a hidden page asks nothing, and is as it should be as soon as it is seen again', async () => {
  await page.setHidden(true);
  http.clock.advance(hourMs);
  await page.tick();
  expect(page.requests).toEqual([]);
  await page.setHidden(false);
  expect(page.html()).toBe(await present());
});

const faults: readonly { readonly why: string; readonly fault: (response: ServerResponse) => void }[] = [
  { why: 'the collector is away', fault: (response) => response.destroy() },
  { why: 'it is overloaded', fault: (response) => response.writeHead(503).end('<main>busy</main>') },
  { why: 'a login page of something in between', fault: (response) => response.writeHead(200).end('<title>Login</title>') },
  {
    why: 'an answer that is cut',
    fault: (response) => void present().then((whole) => response.writeHead(200).end(whole.slice(0, whole.indexOf('</main>')))),
  },
];
for (const one of faults) {
  test(`${one.why}: the page keeps what it showed, says that it is old, and goes on by itself`, async () => {
    const before = page.html();
    http.clock.advance(minuteMs);
    fault = one.fault;
    for (let time = 0; time < 3; time += 1) await page.tick();
    expect(page.html()).toBe(before);
    expect(page.isStale()).toBe(true);
    fault = null;
    http.clock.advance(hourMs);
    await page.tick();
    expect(page.isStale()).toBe(false);
    expect(page.html()).toBe(await present());
  });
}

test('an answer that does not come is given up before the next one is asked for', async () => {
  let isAsked = false;
  fault = () => {
    isAsked = true;
  };
  const ticking = page.tick();
  while (!isAsked) await new Promise((turn) => setImmediate(turn));
  expect(page.deadlines.map(({ afterMs }) => afterMs)).toEqual([4_000]);
  page.deadlines[0]?.fire();
  await ticking;
  expect(page.isStale()).toBe(true);
});

test('an agent is approved with the token, which stays nowhere', async () => {
  await page.click('approve');
  expect([page.dialog.element.isOpen, page.dialog.told.textContent]).toEqual([true, 'Approve: new']);
  page.dialog.field.value = adminToken;
  await page.dialog.close('go');
  expect(http.calls.rights).toEqual(['approve new']);
  expect(page.dialog.field.value).toBe('');
  expect(page.requests).toEqual(['POST /api/v1/agents/new/approve', `GET ${url}`]);
  expect(page.html()).not.toContain(adminToken);
});

test('and refused; a wrong token is said, and asked for again', async () => {
  await page.click('refuse');
  page.dialog.field.value = 'wrong';
  await page.dialog.close('go');
  expect(http.calls.rights).toEqual([]);
  expect(page.dialog.element.isOpen).toBe(true);
  expect(page.dialog.told.textContent).toMatch(/token/);
  page.dialog.field.value = adminToken;
  await page.dialog.close('go');
  expect(http.calls.rights).toEqual(['refuse new']);
  expect(page.dialog.element.isOpen).toBe(false);
});

const ways = [
  { why: 'with the button', value: '' },
  { why: 'with a key, which returns nothing', value: undefined },
];
for (const { why, value } of ways) {
  test(`who leaves the dialog ${why} has asked for nothing, also after a wrong token`, async () => {
    await page.click('approve');
    page.dialog.field.value = 'wrong';
    await page.dialog.close('go');
    expect(page.requests).toHaveLength(1);
    page.dialog.field.value = 'half a tok';
    await page.dialog.close(value);
    expect(page.requests).toHaveLength(1);
    expect([page.dialog.element.isOpen, page.dialog.field.value]).toEqual([false, '']);
  });
}

test('an answer that is none of ours is said as well', async () => {
  await page.click('approve');
  page.dialog.field.value = adminToken;
  fault = (response) => response.writeHead(502).end('<h1>bad gateway</h1>');
  await page.dialog.close('go');
  expect(page.dialog.element.isOpen).toBe(true);
  expect(page.dialog.told.textContent).toMatch(/502/);
});

test('a click elsewhere does nothing', async () => {
  await page.click(null);
  expect(page.dialog.element.isOpen).toBe(false);
  expect(page.requests).toEqual([]);
});
