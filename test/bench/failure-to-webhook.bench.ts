// Time from the moment a service stops to the moment the webhook is told, over several runs. Run: npm run bench failure
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openDistrict } from '../support/district.ts';
import { eventually } from '../support/processes.ts';
import { listen, openWebhook } from '../support/webhook.ts';

const runCount = Number(process.env['JIWEI_BENCH_RUNS'] ?? 10);
const intervalSeconds = 5;
const open = (): Server => createServer((_request, response) => response.end('ok'));

let target = open();
await listen(target);
const { port } = target.address() as AddressInfo;
const webhook = await openWebhook();
const district = await openDistrict(`
timing: { flapCount: 100 }
zones: [{ id: z, name: z, crew: c }]
units: [{ id: u, name: u, zone: z }]
assets: [{ id: web, name: web, kind: website, unit: u }]
agents: [{ id: bench, zone: z }]
checks: [{ id: page, asset: web, kind: http, url: "http://127.0.0.1:${port}/", interval: ${intervalSeconds}s, timeout: 2s, from: { agents: [bench] } }]
notifiers: [{ id: hook, kind: webhook, url: "${webhook.url}", allowPlainHttp: true, secret: 0123456789abcdef }]
routes: [{ id: all, notifier: hook }]
`);
const statusIs = (status: string) =>
  eventually(
    `the check is ${status}`,
    async () => ((await district.get<{ status: string }>('/api/v1/checks/page')).status === status ? true : null),
    60_000,
  );
try {
  await district.startAgent('bench');
  const tookMs: number[] = [];
  for (let run = 0; run < runCount; run += 1) {
    await statusIs('up');
    // At another moment of the interval each time.
    await new Promise((resolve) => setTimeout(resolve, (run * intervalSeconds * 1_000) / runCount));
    const noticesBefore = webhook.received.length;
    const stoppedAtMs = Date.now();
    target.closeAllConnections();
    target.close();
    const told = await webhook.next(
      (notice) => notice.notice === 'firing' && webhook.received.indexOf(notice) >= noticesBefore,
      60_000,
    );
    tookMs.push(told.atMs - stoppedAtMs);
    target = open();
    await listen(target, port);
    await webhook.next(
      (notice) => notice.notice === 'resolved' && webhook.received.indexOf(notice) > webhook.received.indexOf(told),
      60_000,
    );
  }
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  console.table({
    [`failure to webhook, interval ${intervalSeconds} s, 3 confirmations 1 s apart`]: {
      runs: runCount,
      'least ms': at(0),
      'median ms': at(0.5),
      'most ms': at(1),
    },
  });
  console.log(`bound to keep: ${intervalSeconds * 1_000 + 3_000} ms`);
} finally {
  await district.close();
  await webhook.close();
  target.close();
}
