import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../bench/support/free-port.ts';
import { lacks } from '../support/components.ts';
import { type District, openDistrict } from '../support/district.ts';
import { eventually, startProcess, type TestProcess } from '../support/processes.ts';

const run = promisify(execFile);
const shipped = resolve(import.meta.dirname, '../../deploy/prometheus');

const declaration = `
host: { interval: 1s }
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets: [{ id: host, name: 主机, kind: server, unit: tax, address: 127.0.0.1 }]
agents: [{ id: local, asset: host }]
`;

describe.skipIf(lacks('prometheus', 'promtool', 'prometheus-node-exporter'))('a real Prometheus', () => {
  let district: District;
  let prometheus: TestProcess;
  let exporter: TestProcess;
  let prometheusUrl: string;
  let exporterUrl: string;

  beforeAll(async () => {
    district = await openDistrict(declaration);
    await district.startAgent('local');
    const [prometheusPort, exporterPort] = [await freePort(), await freePort()];
    prometheusUrl = `http://127.0.0.1:${prometheusPort}`;
    exporterUrl = `http://127.0.0.1:${exporterPort}/metrics`;
    await cp(shipped, district.folder, { recursive: true });
    const config = join(district.folder, 'prometheus.yml');
    const text = await readFile(config, 'utf8');
    await writeFile(
      config,
      text.replaceAll('127.0.0.1:7070', new URL(district.url).host).replace('scrape_interval: 15s', 'scrape_interval: 1s'),
    );
    prometheus = startProcess('prometheus', [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(district.folder, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${prometheusPort}`,
      '--log.level=warn',
    ]);
    // The exclusion is the project's own default; Debian's package leaves out more.
    const excluded = '^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)';
    exporter = startProcess('prometheus-node-exporter', [
      `--web.listen-address=127.0.0.1:${exporterPort}`,
      '--log.level=error',
      `--collector.filesystem.mount-points-exclude=${excluded}`,
    ]);
    await eventually('the first row of the agent', async () => ((await fleet()).includes('node_load1{') ? true : null), 60_000);
    await eventually('node_exporter answers', async () => (await fetch(exporterUrl)).ok || null);
  }, 120_000);
  afterAll(async () => {
    await prometheus.kill('SIGTERM');
    await exporter.kill('SIGTERM');
    await district.close();
  });

  const fleet = async (): Promise<string> => (await fetch(`${district.url}/metrics/fleet`)).text();
  const query = async (expr: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> => {
    const answer = await fetch(`${prometheusUrl}/api/v1/query?${new URLSearchParams({ query: expr })}`);
    const body = (await answer.json()) as { data: { result: { metric: Record<string, string>; value: [number, string] }[] } };
    return body.data.result;
  };

  test('scrapes both endpoints without an error', async () => {
    const targets = await eventually('both targets are up', async () => {
      const up = await query('up');
      return up.length === 2 && up.every((one) => one.value[1] === '1') ? up : null;
    });
    expect(targets.map((one) => one.metric['job']).toSorted()).toEqual(['jiwei', 'jiwei-fleet']);
    const lost = await query('scrape_samples_scraped - scrape_samples_post_metric_relabeling');
    expect(lost.map((one) => one.value[1])).toEqual(['0', '0']);
    expect(
      await eventually('the host series have arrived', async () => (await query('node_load1{instance="local"}'))[0] ?? null),
    ).toBeTruthy();
    expect(await query('jiwei_agent_up')).toMatchObject([{ metric: { agent: 'local' }, value: [expect.anything(), '1'] }]);
  });

  test('loads the rules that are shipped', async () => {
    const answer = await fetch(`${prometheusUrl}/api/v1/rules`);
    const body = (await answer.json()) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
    };
    const rules = body.data.groups.flatMap((group) => group.rules);
    expect(rules.map((rule) => rule.name)).toContain('JiweiAgentLost');
    expect(rules.filter((rule) => rule.health === 'err')).toEqual([]);
    await run('promtool', ['check', 'rules', join(shipped, 'jiwei.rules.yml')]);
  });

  /** What promtool says of an exposition, a line each. */
  const complaints = async (url: string): Promise<readonly string[]> => {
    const checking = run('promtool', ['check', 'metrics']);
    checking.child.stdin?.end(await (await fetch(url)).text());
    const { stdout, stderr } = await checking.catch((failed: { stdout: string; stderr: string }) => failed);
    return (stdout + stderr).split('\n').filter((line) => line !== '');
  };

  test('the own metrics pass promtool check metrics', async () => {
    expect(await complaints(`${district.url}/metrics`)).toEqual([]);
  });

  test('of the host series promtool says nothing that it does not say of node_exporter itself', async () => {
    const theirs = await complaints(exporterUrl);
    expect((await complaints(`${district.url}/metrics/fleet`)).filter((line) => !theirs.includes(line))).toEqual([]);
  });
});
