import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type District, openDistrict } from '../support/district.ts';
import { type MailServer, openMailServer } from '../support/mail-server.ts';
import { eventually } from '../support/processes.ts';

const declaration = (mailPort: number): string => `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets: [{ id: backup, name: 数据备份, kind: other, unit: tax, importance: 4 }]
checks: [{ id: nightly, asset: backup, kind: heartbeat, interval: 2s, graceMs: 1000, severity: critical }]
notifiers:
  - { id: mail, kind: smtp, host: 127.0.0.1, port: ${mailPort}, security: none, from: jiwei@ops.example, to: [duty@ops.example] }
routes: [{ id: all, notifier: mail }]
`;

interface Span {
  readonly status: string;
  readonly fromMs: number;
  readonly toMs: number | null;
}

describe('a job that must call', () => {
  let mail: MailServer;
  let district: District;
  beforeAll(async () => {
    mail = await openMailServer();
    district = await openDistrict(declaration(mail.port));
  });
  afterAll(async () => {
    await district.close();
    await mail.close();
  });
  const status = async (): Promise<string> => (await district.get<{ status: string }>('/api/v1/checks/nightly')).status;
  const mails = (count: number) => eventually(`${count} mails came`, async () => (mail.received.length >= count ? true : null));

  test('is up when it calls, down the instant its silence is too long, told by mail, and up again', async () => {
    const { pathWithToken: path } = await district.get<{ pathWithToken: string }>('/api/v1/checks/nightly/push');
    const call = async (query = '') => (await fetch(`${district.url}${path}${query}`)).status;
    expect((await fetch(`${district.url}${path.replace(/token=.*/, 'token=guessed')}`)).status).toBeGreaterThanOrEqual(400);
    expect(await call()).toBe(200);
    await eventually('the check is up', async () => ((await status()) === 'up' ? true : null));
    await eventually('the check is down', async () => ((await status()) === 'down' ? true : null));
    await mails(1);
    expect(mail.received[0]).toMatchObject({ from: 'jiwei@ops.example', to: ['duty@ops.example'] });

    const spans = await district.get<{ items: Span[] }>(
      `/api/v1/spans?kind=check&id=nightly&fromMs=${Date.now() - 60_000}&toMs=${Date.now() + 60_000}`,
    );
    const up = spans.items.find((span) => span.status === 'up');
    // The last call, one interval and the grace: to the millisecond, whenever the collector looked.
    expect((up?.toMs ?? 0) - (up?.fromMs ?? 0)).toBe(3_000);

    // What recovers must show it twice.
    await eventually('the check is up again', async () => {
      expect(await call()).toBe(200);
      return (await status()) === 'up' ? true : null;
    });
    await mails(2);
    expect(mail.received).toHaveLength(2);
    const threads = mail.received.map(({ source }) => /^(?:References|In-Reply-To): (\S+)/im.exec(source)?.[1]);
    expect(threads[1]).toBe(threads[0]);
  });

  test('a job that reports its failure is down at once', async () => {
    const { pathWithToken: path } = await district.get<{ pathWithToken: string }>('/api/v1/checks/nightly/push');
    await fetch(`${district.url}${path}&status=down&msg=disk+full`);
    await eventually('the check is down', async () => ((await status()) === 'down' ? true : null), 2_500);
  });
});
