import { readFileSync } from 'node:fs';
import { systemClock } from '@jiwei/shared/clock.ts';
import { AppError } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import pino from 'pino';
import { actOnAgent, listAgents, listJoinTokens, revokeJoinToken } from './agent-commands.ts';
import { openCollector } from './assemble.ts';
import { applyFile, backUp, checkFile, makeJoinToken, restore, verify } from './commands.ts';
import { parseCommand, type ServeOptions, usage } from './options.ts';
import { renewAdminToken, renewHeartbeatAddresses, resetAdminToken } from './secret-commands.ts';

const packageFile = new URL('../package.json', import.meta.url);
const versionText = (): string => {
  const parsed: unknown = JSON.parse(readFileSync(packageFile, 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : '0';
};

/** What the launcher says once it has shown the admin token. */
const isShown = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'adminTokenShown';

const serve = async (options: ServeOptions): Promise<void> => {
  const log = pino({
    level: options.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ['*.token', '*.joinToken', '*.secret', '*.password'], censor: '…' },
  });
  const die = (error: unknown): void => {
    log.fatal(
      { err: error },
      'the collector stops because of a fault; it continues exactly from its last commit when started again',
    );
    process.exitCode = 1;
    // Whatever is still open must not keep a process alive that no longer holds the truth.
    systemClock.after(500, () => process.exit(1));
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  const running = await openCollector(options, {
    clock: systemClock,
    random: Math.random,
    log,
    version: versionText(),
    onFatal: die,
  });
  let isStopping = false;
  let keeping: Promise<void> = Promise.resolve();
  const stop = (signal: string): void => {
    if (isStopping) return;
    isStopping = true;
    log.info({ signal }, 'the collector stops');
    systemClock.after(limits.shutdownMsMax, () => process.exit(1));
    keeping
      .then(() => running.close())
      .then(
        () => process.exit(0),
        (error: unknown) => die(error),
      );
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal));
  // Of services of this kind it is expected to read their files again. They are watched, so this is only at once instead of soon.
  process.on('SIGHUP', () => running.readFilesAgain());
  // Whoever launched it is gone, by whatever means: it must not stay behind alone.
  process.on('disconnect', () => stop('the launcher ended'));

  const { url, adminToken } = running;
  // Whoever launched it shows the token and says so; else it is shown here.
  process.send?.({ kind: 'listening', url, adminToken: adminToken?.token ?? null });
  if (adminToken === null) return;
  const keep = (): void => {
    // The launcher is told, so that it need not wonder whether the token outlives this run.
    keeping = adminToken.keep().then(() => void process.send?.({ kind: 'adminTokenKept' }));
    keeping.catch(die);
  };
  if (process.send !== undefined) return void process.on('message', (message) => (isShown(message) ? keep() : undefined));
  // A pipe that nobody reads any more ends the process by an uncaught exception.
  process.stdout.write(`\nAdmin token, shown this once:  ${adminToken.token}\n\n`, (error) => error ?? keep());
};

const print = (text: string): void => void process.stdout.write(`${text}\n`);

const main = async (): Promise<void> => {
  const command = parseCommand(process.argv.slice(2));
  switch (command.kind) {
    case 'help':
      process.stdout.write(usage);
      return;
    case 'version':
      process.stdout.write(`${versionText()}\n`);
      return;
    case 'serve':
      return serve(command.options);
    case 'check':
      process.stdout.write(`${await checkFile(command.file)}\n`);
      return;
    case 'apply':
      process.stdout.write(`${await applyFile(command, process.env['JIWEI_ADMIN_TOKEN'] ?? null)}\n`);
      return;
    case 'join-token':
      process.stdout.write(`${await makeJoinToken(command, process.env['JIWEI_ADMIN_TOKEN'] ?? null)}\n`);
      return;
    case 'backup':
      process.stdout.write(`${await backUp(command, systemClock.nowMs(), versionText())}\n`);
      return;
    case 'restore':
      process.stdout.write(`${await restore(command, systemClock.nowMs())}\n`);
      return;
    case 'verify':
      process.stdout.write(`${verify(command.dataFolder)}\n`);
      return;
    case 'admin-token': {
      if (command.act === 'reset') return print(await resetAdminToken(command.dataFolder));
      return print(await renewAdminToken({ ...command, environmentToken: process.env['JIWEI_ADMIN_TOKEN'] ?? null }));
    }
    case 'heartbeat-addresses': {
      const target = { ...command, environmentToken: process.env['JIWEI_ADMIN_TOKEN'] ?? null };
      return print(await renewHeartbeatAddresses(target, command.keepMs));
    }
    case 'agents': {
      const target = { ...command, environmentToken: process.env['JIWEI_ADMIN_TOKEN'] ?? null };
      const { act } = command;
      return print(act === null ? await listAgents(target) : await actOnAgent(target, act.act, act.id));
    }
    case 'join-tokens': {
      const target = { ...command, environmentToken: process.env['JIWEI_ADMIN_TOKEN'] ?? null };
      return print(command.revokeId === null ? await listJoinTokens(target) : await revokeJoinToken(target, command.revokeId));
    }
    default:
      return command satisfies never;
  }
};

main().catch((error: unknown) => {
  // What went wrong with options or files is told in words; a stack only helps where it is a fault of ours.
  process.stderr.write(
    error instanceof AppError
      ? `collector: ${error.code}: ${error.message}\n`
      : `collector: ${error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exit(error instanceof AppError && error.code === 'CONFIG_INVALID' ? 2 : 1);
});
