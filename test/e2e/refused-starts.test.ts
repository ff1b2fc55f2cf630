import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { portOf } from '../support/ports.ts';
import { root, startProgram, testFolder } from '../support/processes.ts';

/** A start that cannot succeed ends with a code and one line about what is wrong and what is needed, without a stack. */
describe('a start that is refused', () => {
  let folder: Awaited<ReturnType<typeof testFolder>>;
  beforeAll(async () => {
    folder = await testFolder();
    await writeFile(join(folder.path, 'a-file'), 'not a folder');
    await writeFile(join(folder.path, 'bad.yaml'), 'zones: [{ id: a, name: A, crew: B, colour: red }]\n');
  });
  afterAll(() => folder.remove());

  const run = async (program: string, args: readonly string[]): Promise<{ exitCode: number | null; output: string }> => {
    const started = startProgram(program, args, { JIWEI_ADMIN_TOKEN: 'wrong' });
    const [exitCode] = (await once(started.child, 'close')) as [number | null];
    return { exitCode, output: started.output() };
  };

  const collector = 'collector/src/main.ts';
  const cases: readonly { why: string; program: string; args: readonly string[]; exitCode: number; says: RegExp }[] = [
    { why: 'unknown option of npm start', program: 'deploy/start.ts', args: ['--dta', 'x'], exitCode: 2, says: /'--dta'/ },
    { why: 'data folder that is a file', program: 'deploy/start.ts', args: ['--data', 'a-file'], exitCode: 1, says: /a-file/ },
    {
      why: 'data folder in which nothing can be made',
      program: 'deploy/start.ts',
      args: ['--data', '/proc/x/y'],
      exitCode: 1,
      says: /data folder \/proc\/x\/y cannot be used: ENOENT/,
    },
    { why: 'no such command', program: collector, args: ['jon'], exitCode: 2, says: /"jon".*known are/ },
    { why: 'unknown option', program: collector, args: ['--bogus'], exitCode: 2, says: /'--bogus'; see --help/ },
    { why: 'one file too many', program: collector, args: ['check', 'a', 'b'], exitCode: 2, says: /"b"/ },
    { why: 'unknown log level', program: collector, args: ['--log-level', 'loud'], exitCode: 2, says: /loud.*info/ },
    {
      why: 'a database of no size',
      program: collector,
      args: ['--store-gib', '0'],
      exitCode: 2,
      says: /--store-gib is "0".*from 1 to 16383/,
    },
    { why: 'address without a port', program: collector, args: ['--listen', 'localhost'], exitCode: 2, says: /HOST:PORT/ },
    { why: 'plain HTTP for others', program: collector, args: ['--listen', '0.0.0.0:0'], exitCode: 2, says: /--tls-cert/ },
    { why: 'a file to check that is missing', program: collector, args: ['check', 'gone.yaml'], exitCode: 1, says: /gone\.yaml/ },
    { why: 'a folder to check', program: collector, args: ['check', '.'], exitCode: 1, says: /CONFIG_UNREADABLE/ },
    {
      why: 'a bad file',
      program: collector,
      args: ['check', 'bad.yaml'],
      exitCode: 2,
      says: /bad\.yaml:1:\d+: zones\[0\]\.colour/,
    },
    { why: 'a file to apply that is missing', program: collector, args: ['apply', 'gone.yaml'], exitCode: 1, says: /gone\.yaml/ },
    {
      why: 'a collector that is no address',
      program: collector,
      args: ['join-token', '--url', 'x'],
      exitCode: 2,
      says: /--url is "x"/,
    },
    {
      why: 'a token for more agents than the collector allows',
      program: collector,
      args: ['join-token', '--uses', '1001'],
      exitCode: 2,
      says: /--uses is "1001"; a whole number from 1 to 1000/,
    },
    {
      why: 'a label without a value',
      program: collector,
      args: ['join-token', '--label', 'room'],
      exitCode: 2,
      says: /"room"; NAME=VALUE/,
    },
    {
      why: 'a label with a name that is none',
      program: collector,
      args: ['join-token', '--label', '1a=b'],
      exitCode: 2,
      says: /"1a=b"; NAME=VALUE/,
    },
    {
      why: 'a label twice',
      program: collector,
      args: ['join-token', '--label', 'a=1', '--label', 'a=2'],
      exitCode: 2,
      says: /--label a is given twice/,
    },
    {
      why: 'a first declaration that is missing',
      program: collector,
      args: ['--data', 'data', '--listen', '127.0.0.1:0', '--declaration', 'gone.yaml'],
      exitCode: 1,
      says: /CONFIG_UNREADABLE.*gone\.yaml/,
    },
    {
      why: 'TLS files that are none',
      program: collector,
      args: ['--data', 'data', '--listen', '127.0.0.1:0', '--tls-cert', 'bad.yaml', '--tls-key', 'bad.yaml'],
      exitCode: 1,
      says: /CONFIG_UNREADABLE.*TLS files/,
    },
  ];
  for (const { why, program, args, exitCode, says } of cases) {
    test(`${why}: exit code ${exitCode}, told in words`, async () => {
      const inFolder = args.map((arg) => (/^(a-file|data|\.|[a-z]+\.yaml)$/.test(arg) ? join(folder.path, arg) : arg));
      const ended = await run(program, inFolder);
      expect(ended.output).toMatch(says);
      expect(ended.output).not.toMatch(/^\s+at /m);
      expect(ended.exitCode).toBe(exitCode);
    });
  }

  test('an address in use is named', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = portOf(server);
    const ended = await run(collector, [
      '--data',
      join(folder.path, 'other'),
      '--listen',
      `127.0.0.1:${port}`,
      '--log-level',
      'warn',
    ]);
    server.close();
    expect(ended.output).toMatch(new RegExp(`^collector: LISTEN_FAILED: --listen 127.0.0.1:${port}: .*EADDRINUSE.*\\n$`));
    expect(ended.exitCode).toBe(1);
  });

  test('a first start that fails costs no admin token, nor does one whose token nobody was shown', async () => {
    const data = ['--data', join(folder.path, 'first'), '--listen', '127.0.0.1:0', '--log-level', 'warn'];
    const failed = await run(collector, [...data, '--declaration', join(folder.path, 'bad.yaml')]);
    expect(failed.exitCode).toBe(2);
    const tokens: (string | null)[] = [];
    for (const isShown of [false, true, false]) {
      const started = startProgram(collector, data);
      const [{ url, adminToken }] = await once(started.child, 'message');
      tokens.push(adminToken);
      if (isShown) {
        started.child.send({ kind: 'adminTokenShown' });
        await once(started.child, 'message');
        const headers = { authorization: `Bearer ${adminToken}` };
        expect((await fetch(`${url}/api/v1/zones`, { headers })).status).toBe(200);
      }
      await started.kill('SIGTERM');
    }
    expect(tokens).toEqual([expect.stringMatching(/^jwadmin_/), expect.stringMatching(/^jwadmin_/), null]);
    expect(tokens[1]).not.toBe(tokens[0]);
  });

  test('without a launcher the token is printed, and then kept', async () => {
    const args = [join(root, collector), '--data', join(folder.path, 'alone'), '--listen', '127.0.0.1:0', '--log-level', 'info'];
    const outputs: string[] = [];
    for (let start = 0; start < 2; start += 1) {
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      for await (const chunk of child.stdout) {
        output += chunk;
        // The token stands behind the line of the log, and is kept after it was written.
        if (start === 0 ? output.includes('shown this once') : output.includes('collector listens')) child.kill('SIGTERM');
      }
      outputs.push(output);
    }
    expect(outputs[0]).toMatch(/^Admin token, shown this once: {2}jwadmin_[\w-]{32}$/m);
    expect(outputs[1]).not.toContain('jwadmin_');
  });
});
