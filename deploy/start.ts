import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeFolder } from '../shared/src/make-folder.ts';
import { agentLaunch } from './agent-launch.mjs';

/** `npm start`: a collector with its embedded store and an agent for this machine, as two processes that end together. */
const root = resolve(import.meta.dirname, '..');
const usage = `npm start -- [options]

  --data DIR           folder of database and agent state (default ./data, or JIWEI_DATA)
  --listen HOST:PORT   address of the collector (default 127.0.0.1:7070, or JIWEI_LISTEN)
  --declaration FILE   what to monitor (default deploy/local.yaml: this machine)
  --log-level LEVEL    trace, debug, info, warn (default), error
`;

/** Ends at once with one line that says what is wrong and what is needed. */
const refuse = (message: string, exitCode: number): never => {
  console.error(`jiwei: ${message}`);
  process.exit(exitCode);
};
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const readOptions = () => {
  try {
    return parseArgs({
      options: {
        data: { type: 'string', default: process.env['JIWEI_DATA'] || join(root, 'data') },
        listen: { type: 'string', default: process.env['JIWEI_LISTEN'] || '127.0.0.1:7070' },
        declaration: { type: 'string', default: join(root, 'deploy', 'local.yaml') },
        'log-level': { type: 'string', default: 'warn' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    return refuse(`${reasonOf(error)}; see --help`, 2);
  }
};
const values = readOptions();
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}

/** Longest a part may take to end by itself, ms; then it is killed. */
const stopMsMax = 12_000;
const dataFolder = resolve(values.data);
const tokenFile = join(dataFolder, 'local-agent.token');
try {
  makeFolder(dataFolder);
} catch (error) {
  refuse(`the data folder ${dataFolder} cannot be used: ${reasonOf(error)}; make it writable or choose another with --data`, 1);
}

/** What a part tells once it serves. */
interface Listening {
  readonly kind: 'listening';
  readonly url: string;
  readonly adminToken: string | null;
}
const isListening = (message: unknown): message is Listening =>
  typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'listening';

type Program = ReturnType<typeof agentLaunch>;

/** In a process group of its own: Ctrl-C reaches only this process, which then ends the parts in order. */
const launch = (program: Program, args: readonly string[]): ChildProcess => {
  return spawn(process.execPath, [...program.words, ...args], {
    cwd: root,
    env: { ...program.environment, ...process.env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
  });
};

const ended = (child: ChildProcess): Promise<string> =>
  new Promise((resolveEnded) => child.once('exit', (code, signal) => resolveEnded(signal ?? `exit code ${code}`)));

let isStopping = false;
const parts: { readonly name: string; readonly child: ChildProcess; readonly ended: Promise<string> }[] = [];

const start = (name: string, program: Program, args: readonly string[]): ChildProcess => {
  const child = launch(program, [...args, '--log-level', values['log-level']]);
  const part = { name, child, ended: ended(child) };
  parts.push(part);
  void part.ended.then((how) => {
    if (isStopping) return;
    console.error(`jiwei: the ${name} ended by itself (${how}); see its messages above`);
    void stop(1);
  });
  return child;
};

/** Last started, first stopped: the agent says goodbye to a collector that still listens. */
const stop = async (exitCode: number): Promise<void> => {
  if (isStopping) return;
  isStopping = true;
  for (const { child, ended: hasEnded } of parts.toReversed()) {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    await hasEnded;
    clearTimeout(timer);
  }
  process.exit(exitCode);
};

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0));

const collector = start('collector', { words: [join(root, 'collector', 'src', 'main.ts')], environment: {} }, [
  'serve',
  '--data',
  dataFolder,
  '--listen',
  values.listen,
  '--declaration',
  values.declaration,
  '--local-agent-token',
  tokenFile,
]);
collector.on('message', (message: unknown) => {
  if (!isListening(message) || isStopping) return;
  start('agent', agentLaunch(root, process.execPath), [
    '--collector',
    message.url.replace(/^http/, 'ws'),
    '--state',
    join(dataFolder, 'agent'),
    '--id',
    'local',
    '--join-token-file',
    tokenFile,
  ]);
  console.log(`
Jiwei runs. Look at

  ${message.url}/                     what is up and what is not
  ${message.url}/metrics              the collector, checks, assets, availability, incidents
  ${message.url}/metrics/fleet        the latest host series of all agents
  ${message.url}/api/v1/openapi.json  the API

Data: ${dataFolder}   Declaration: ${values.declaration} (edit it: it is read again)
Ctrl-C ends it.${
    message.adminToken === null
      ? ''
      : `

Admin token, shown this once:  ${message.adminToken}`
  }
`);
  // The collector keeps no token that nobody saw.
  if (message.adminToken !== null) collector.send({ kind: 'adminTokenShown' }, () => undefined);
});
