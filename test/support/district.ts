import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { heapEnvironment, heapEnvironmentAt } from './heap.ts';
import { eventually, listening, root, startProcess, startProgram, type TestProcess, testFolder } from './processes.ts';

/** A real collector with real agents, each a process of its own, on a folder of the test. */
export interface District {
  readonly folder: string;
  readonly url: string;
  readonly adminToken: string;
  readonly collector: TestProcess;
  /** Starts (or starts again) the agent with this id; resolves when the collector sees it connected. */
  startAgent(id: string, how?: AgentLaunch): Promise<TestProcess>;
  /** Starts it and does not wait for it. */
  launchAgent(id: string, how?: AgentLaunch): Promise<TestProcess>;
  agent(id: string): TestProcess;
  /** GET of the API, parsed. @throws with the body for anything but 200 */
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  /** Replaces the declaration's file. */
  declare(yaml: string): Promise<void>;
  restartCollector(): Promise<void>;
  /** Starts a collector in the place of one that ended, and does not wait for it. */
  launchCollector(): TestProcess;
  close(): Promise<void>;
}

/** How an agent of a test is started where that differs. */
interface AgentLaunch {
  /** Command that runs the program, such as `ip netns exec NAME`. */
  readonly inside?: readonly string[];
  /** The words after Node in place of the agent's source, and variables beside those of the tests. */
  readonly launch?: { readonly words: readonly string[]; readonly environment: Readonly<Record<string, string>> };
  readonly args?: readonly string[];
}

const agentWords = [join(root, 'agent/src/main.ts')];
/** An agent whose heap can be looked at. */
export const agentWithHeap = { words: agentWords, environment: heapEnvironment };
/** The same on a second host. @param address of that host */
export const agentWithHeapAt = (address: string) => ({ words: agentWords, environment: heapEnvironmentAt(address) });

/** @param yaml the declaration to start with */
export const openDistrict = async (
  yaml: string,
  options: {
    readonly collectorArgs?: readonly string[];
    readonly host?: string;
    readonly environment?: Readonly<Record<string, string>>;
    /** Called with the data folder before the collector is started. */
    readonly prepare?: (dataFolder: string) => Promise<void>;
  } = {},
): Promise<District> => {
  const folder = await testFolder();
  const declaration = join(folder.path, 'district.yaml');
  await writeFile(declaration, yaml);
  const launch = (listen: string): TestProcess =>
    startProgram(
      'collector/src/main.ts',
      [
        'serve',
        ...['--data', join(folder.path, 'data'), '--listen', listen, '--declaration', declaration, '--log-level', 'info'],
        ...(options.collectorArgs ?? []),
      ],
      options.environment,
    );
  await options.prepare?.(join(folder.path, 'data'));
  let collector = launch(`${options.host ?? '127.0.0.1'}:0`);
  const { url, adminToken } = await listening(collector);
  if (adminToken === null) throw new Error('a new collector tells its admin token');
  const agents = new Map<string, TestProcess>();
  const authorization = `Bearer ${adminToken}`;

  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };

  const district: District = {
    folder: folder.path,
    url,
    adminToken,
    get collector() {
      return collector;
    },
    agent: (id) => {
      const agent = agents.get(id);
      if (agent === undefined) throw new Error(`agent ${id} was not started`);
      return agent;
    },
    launchAgent: async (id, how = {}) => {
      const { token } = await call<{ token: string }>('POST', '/api/v1/join-tokens', {});
      const words = [
        '--collector',
        url.replace('http', 'ws'),
        '--state',
        join(folder.path, `agent-${id}`),
        '--id',
        id,
        ...(how.args ?? []),
      ];
      const launch = how.launch ?? { words: agentWords, environment: {} };
      const [command = process.execPath, ...before] = [...(how.inside ?? []), process.execPath, ...launch.words, ...words];
      const agent = startProcess(command, before, { JIWEI_JOIN_TOKEN: token, ...launch.environment });
      agents.set(id, agent);
      return agent;
    },
    startAgent: async (id, how = {}) => {
      const agent = await district.launchAgent(id, how);
      await eventually(
        `agent ${id} is connected`,
        async () => {
          const page = await call<{ items: { id: string; connection: string }[] }>('GET', '/api/v1/agents');
          return page.items.some((item) => item.id === id && item.connection === 'connected') ? true : null;
        },
        60_000,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}\nagent:\n${agent.output()}\ncollector:\n${collector.output()}`);
      });
      return agent;
    },
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    declare: (next) => writeFile(declaration, next),
    restartCollector: async () => {
      await collector.kill('SIGKILL');
      await listening(district.launchCollector());
    },
    launchCollector: () => {
      collector = launch(new URL(url).host);
      return collector;
    },
    close: async () => {
      for (const agent of agents.values()) await agent.kill('SIGTERM');
      await collector.kill('SIGTERM');
      await folder.remove();
    },
  };
  return district;
};
