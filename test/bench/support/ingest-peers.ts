import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, startProcess, type TestProcess } from '../../support/processes.ts';
import { freePort } from './free-port.ts';

/** A server that takes remote write in, running. */
export interface IngestPeer {
  readonly name: string;
  readonly process: TestProcess;
  /** Sends one request and waits for its answer. */
  write(body: Buffer): Promise<void>;
}

const programOf = (name: string): string | null =>
  (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path)) ?? null;

const writer =
  (name: string, url: string) =>
  async (body: Buffer): Promise<void> => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-encoding': 'snappy',
        'content-type': 'application/x-protobuf',
        'x-prometheus-remote-write-version': '0.1.0',
      },
      body: new Uint8Array(body),
    });
    if (!answer.ok) throw new Error(`${name} refused: ${answer.status} ${await answer.text()}`);
  };

const startPrometheus = async (folder: string): Promise<IngestPeer | null> => {
  const program = programOf('prometheus');
  if (program === null) return null;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'prometheus.yml'), 'global: {}\n');
  const port = await freePort();
  const started = startProcess(program, [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'tsdb')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.enable-remote-write-receiver',
    '--log.level=error',
  ]);
  const url = `http://127.0.0.1:${port}`;
  await eventually('Prometheus is ready', async () => ((await fetch(`${url}/-/ready`)).ok ? true : null));
  return { name: 'Prometheus remote-write receiver', process: started, write: writer('Prometheus', `${url}/api/v1/write`) };
};

const startVictoriaMetrics = async (folder: string): Promise<IngestPeer | null> => {
  const program = programOf('victoria-metrics');
  if (program === null) return null;
  const port = await freePort();
  const started = startProcess(program, [
    `-storageDataPath=${folder}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    '-loggerLevel=ERROR',
  ]);
  const url = `http://127.0.0.1:${port}`;
  await eventually('VictoriaMetrics is ready', async () => ((await fetch(`${url}/health`)).ok ? true : null));
  return { name: 'VictoriaMetrics', process: started, write: writer('VictoriaMetrics', `${url}/api/v1/write`) };
};

/** Those found on this machine (Debian: prometheus, victoria-metrics); start one after the other, so that none disturbs another. */
export const ingestPeers: readonly ((folder: string) => Promise<IngestPeer | null>)[] = [startPrometheus, startVictoriaMetrics];
