import { once } from 'node:events';
import { createServer } from 'node:http';
import { cleaned, visible } from '@jiwei/shared/plain-text.ts';
import { byeSchema, inventoryBodySchema } from '@jiwei/shared/protocol/control.ts';
import { encodeFrame } from '@jiwei/shared/protocol/frame.ts';
import { expect, test } from 'vitest';
import { listAgents } from '../../collector/src/agent-commands.ts';
import { readFrame } from '../../collector/src/ingest/delivery.ts';
import { createSession, stepSession } from '../../collector/src/ingest/session.ts';
import { portOf } from '../support/ports.ts';
import { testAgent } from '../support/protocol-agent.ts';

const nonce = Buffer.alloc(32, 1).toString('base64url');
const { hello } = testAgent('any', 'c', nonce);
/** A host name that makes a second line of the list people compare keys in, and hides the first. */
const forged = 'web\u001b[1A\u001b[2K\nfinance-db\tpending\t1111-2222\tfinance-db';

const cases: readonly { readonly why: string; readonly text: string }[] = [
  { why: 'a line end', text: 'a\nb' },
  { why: 'a carriage return', text: 'a\rb' },
  { why: 'a tab', text: 'a\tb' },
  { why: 'an escape sequence', text: 'a\u001b[2Kb' },
  { why: 'the one-character form of its beginning', text: 'a\u009b2Kb' },
  { why: 'a delete', text: 'a\u007fb' },
  { why: 'a line separator', text: 'a\u2028b' },
  { why: 'a turn of direction', text: 'a\u202eb' },
  { why: 'an isolated turn of direction', text: 'a\u2067b' },
];
for (const { why, text } of cases) {
  test(`a hello with ${why} in a text is refused, whichever it is`, () => {
    for (const field of ['hostname', 'agentVersion', 'platform', 'architecture']) {
      const session = createSession({
        ...{ collectorId: 'c', nonce, openedMonotonicMs: 0, heartbeatMs: 5_000, heartbeatTimeoutMs: 15_000 },
      });
      const message = JSON.stringify({ ...hello, [field]: text });
      expect(stepSession(session, { kind: 'text', text: message, atMs: 0, monotonicMs: 0 })).toEqual([
        { kind: 'close', code: 'PROTOCOL_VIOLATION', message: expect.stringContaining(`${field}: must have no control`) },
      ]);
    }
  });

  test(`${why} is cleaned out of what goes to logs, and seen in a terminal`, () => {
    expect(cleaned(text)).toMatch(/^a \S*b$/);
    expect(visible(text)).toMatch(/^a\\u\{[0-9a-f]+\}\S*b$/);
  });
}

test('a host name of another script is taken as it is', () => {
  const session = createSession({
    ...{ collectorId: 'c', nonce, openedMonotonicMs: 0, heartbeatMs: 5_000, heartbeatTimeoutMs: 15_000 },
  });
  const message = JSON.stringify({ ...hello, hostname: '税务局 – Büro 1' });
  const [output] = stepSession(session, { kind: 'text', text: message, atMs: 0, monotonicMs: 0 });
  expect(output).toMatchObject({ kind: 'send', message: { type: 'challenge' } });
  expect(cleaned('税务局 – Büro 1')).toBe('税务局 – Büro 1');
});

test('texts of results, of a goodbye and of an inventory are cleaned when they are read', () => {
  const result = { checkId: 'web', observedAtMs: 1, outcome: 'up', reason: 'OK', latencyMs: 1, run: { ofDown: 0, ofUp: 1 } };
  const results = [{ ...result, detail: forged, method: 'a\tb' }, { ...result, detail: 'plain' }, result];
  const bytes = encodeFrame({ kind: 'results', bootId: 1, seq: 0, body: Buffer.from(JSON.stringify({ results })) });
  const delivery = readFrame(bytes, { offsetMs: 0, receivedAtMs: 0, seriesCounts: new Map() });
  expect(delivery).toMatchObject({
    results: [{ detail: cleaned(forged), method: 'a b' }, { detail: 'plain' }, { checkId: 'web' }],
  });
  expect(cleaned(forged)).toBe('web [1A [2K finance-db pending 1111-2222 finance-db');
  expect(byeSchema.parse({ type: 'bye', reason: 'a\nb' }).reason).toBe('a b');
  expect(inventoryBodySchema.parse({ sections: { os: [{ name: 'a\nb' }] } })).toEqual({ sections: { os: [{ name: 'a b' }] } });
});

test('`collector agents` writes one line for each agent, whatever one of them is stored with', async () => {
  const agent = {
    ...{ id: 'web', hostname: forged, lastAddress: '10.0.0.1', connection: 'connected', revokedAtMs: null, pendingSinceMs: 1 },
    keyFingerprint: 'aaaa-bbbb',
  };
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ items: [agent], next: null }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const url = new URL(`http://127.0.0.1:${portOf(server)}/`);
    const list = await listAgents({ url, tokenFile: null, caFile: null, environmentToken: 'token' } as never);
    expect(list.split('\n')).toEqual(['ID\tSTATE\tKEY\tHOST\tADDRESS', `web\tpending\taaaa-bbbb\t${visible(forged)}\t10.0.0.1`]);
    expect(visible(forged)).toBe('web\\u{1b}[1A\\u{1b}[2K\\u{a}finance-db\\u{9}pending\\u{9}1111-2222\\u{9}finance-db');
  } finally {
    server.close();
  }
});
