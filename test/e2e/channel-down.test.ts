import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type District, openDistrict } from '../support/district.ts';
import { eventually, listening } from '../support/processes.ts';
import { openTarget, type Target } from '../support/target.ts';
import { openReceiver, type Receiver } from '../support/webhook-receiver.ts';

const names = ['portal', 'mail', 'files'] as const;
type Name = (typeof names)[number];

const declaration = (ports: Readonly<Record<Name, number>>, webhookUrl: string): string => `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets:
${names.map((name) => `  - { id: ${name}, name: ${name}, kind: website, unit: tax, importance: 4 }`).join('\n')}
agents: [{ id: prober, zone: east }]
checks:
${names
  .map(
    (name) =>
      `  - { id: ${name}-page, asset: ${name}, kind: http, url: "http://127.0.0.1:${ports[name]}/", interval: 2s, timeout: 1s, severity: critical, from: { agents: [prober] } }`,
  )
  .join('\n')}
notifiers: [{ id: hook, kind: webhook, url: "${webhookUrl}", allowPlainHttp: true }]
routes: [{ id: all, notifier: hook }]
`;

interface Detail {
  readonly incident: { readonly state: string };
  readonly timeline: readonly { readonly kind: string; readonly text: string }[];
  readonly notifications: readonly {
    readonly notice: string;
    readonly state: string;
    readonly tries: number;
    readonly mayHaveArrived: boolean;
    readonly lastError: string | null;
  }[];
}

interface Told {
  readonly id: string;
  readonly notice: string;
  readonly incident: { readonly asset: { readonly id: string }; readonly cycle: { readonly number: number } };
}

describe('problems that come and go while the receiver of notices is down', () => {
  let targets: Readonly<Record<Name, Target>>;
  let receiver: Receiver;
  let district: District;

  beforeAll(async () => {
    const [portal, mail, files] = [await openTarget(), await openTarget(), await openTarget()];
    targets = { portal, mail, files };
    receiver = await openReceiver();
    district = await openDistrict(
      declaration({ portal: portal.port, mail: mail.port, files: files.port }, `${receiver.url}/hook`),
    );
    await district.startAgent('prober');
    for (const name of names) {
      await eventually(`${name} is up`, async () =>
        (await district.get<{ status: string }>(`/api/v1/checks/${name}-page`)).status === 'up' ? true : null,
      );
    }
  });
  afterAll(async () => {
    await district.close();
    await receiver.close();
    for (const name of names) await targets[name].stop();
  });

  /** The incident of the asset, once it is as wanted. */
  const detailOf = (name: Name, what: string, fits: (detail: Detail) => boolean): Promise<Detail> =>
    eventually(`the incident of ${name} ${what}`, async () => {
      const { items } = await district.get<{ items: { id: string }[] }>(`/api/v1/incidents?assetId=${name}`);
      const [incident] = items;
      if (incident === undefined) return null;
      const detail = await district.get<Detail>(`/api/v1/incidents/${incident.id}`);
      return fits(detail) ? detail : null;
    });
  const toldOf = (name: Name): readonly string[] =>
    receiver.received
      .map(({ body }): Told => JSON.parse(body))
      .filter(({ incident }) => incident.asset.id === name)
      .map(({ notice, incident }) => `${notice} ${incident.cycle.number}`);
  const statesOf = ({ notifications }: Detail): readonly string[] =>
    notifications.map(({ notice, state, tries }) => `${notice} ${state} ${tries}`);

  test('nothing is told of what was over before it could be, and all of what comes next', async () => {
    await receiver.stop();
    await targets.portal.stop();
    const open = await detailOf('portal', 'was tried to be told', ({ notifications }) => notifications[0]?.tries === 1);
    expect(open.notifications).toMatchObject([{ notice: 'firing', state: 'waiting', mayHaveArrived: false }]);
    await targets.portal.start();
    const over = await detailOf('portal', 'was dropped', ({ timeline }) =>
      timeline.some(({ kind }) => kind === 'notificationDropped'),
    );
    expect(over.incident.state).toBe('resolved');
    expect(statesOf(over)).toEqual(['firing dropped 1', 'resolved dropped 0']);
    expect(over.timeline.at(-1)?.text).toMatch(
      /^firing, resolved over all: it was over before anybody could be told; one try in vain from \S+ to \S+, the last: .*ECONNREFUSED/,
    );
    const metrics = await (await fetch(`${district.url}/metrics`)).text();
    expect(metrics).toContain('jiwei_notify_dropped_total{channel="hook",route="all"} 2\n');

    await receiver.start();
    await targets.portal.stop();
    await receiver.count(1);
    await targets.portal.start();
    await receiver.count(2);
    const next = await detailOf('portal', 'was told whole', ({ notifications }) => notifications.at(-1)?.state === 'sent');
    expect(statesOf(next)).toEqual(['firing dropped 1', 'resolved dropped 0', 'firing sent 1', 'resolved sent 1']);
    expect(toldOf('portal')).toEqual(['firing 2', 'resolved 2']);
  });

  test('who took an alarm and hung up hears its end, and not the alarm again', async () => {
    receiver.setMode('reset');
    await targets.mail.stop();
    const open = await detailOf('mail', 'was tried to be told', ({ notifications }) => notifications[0]?.tries === 1);
    expect(open.notifications).toMatchObject([{ notice: 'firing', state: 'waiting', mayHaveArrived: true }]);
    receiver.setMode('ok');
    await targets.mail.start();
    const over = await detailOf('mail', 'was called off', ({ notifications }) => notifications.at(-1)?.state === 'sent');
    expect(statesOf(over)).toEqual(['firing dropped 1', 'resolved sent 1']);
    expect(over.timeline.find(({ kind }) => kind === 'notificationDropped')?.text).toMatch(
      /^firing over all: it is over, and its end is told; one try in vain/,
    );
    expect(toldOf('mail')).toEqual(['firing 1', 'resolved 1']);
  });

  test('who has an alarm from a collector that was killed before it knew hears its end', async () => {
    receiver.setMode('hang');
    await targets.files.stop();
    await eventually('the alarm is with the receiver', async () => (toldOf('files').length === 1 ? true : null));
    await district.collector.kill('SIGKILL');
    await receiver.stop();
    await listening(district.launchCollector());
    const open = await detailOf('files', 'was tried again in vain', ({ notifications }) => notifications[0]?.tries === 1);
    expect(open.notifications).toMatchObject([
      { state: 'waiting', mayHaveArrived: true, lastError: expect.stringContaining('ECONNREFUSED') },
    ]);
    receiver.setMode('ok');
    await receiver.start();
    await targets.files.start();
    const over = await detailOf('files', 'was called off', ({ notifications }) => notifications.at(-1)?.state === 'sent');
    expect(statesOf(over)).toEqual(['firing dropped 1', 'resolved sent 1']);
    expect(toldOf('files')).toEqual(['firing 1', 'resolved 1']);
  });
});
