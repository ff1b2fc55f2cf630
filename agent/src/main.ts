import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { arch, hostname, platform, release } from 'node:os';
import { resolve } from 'node:path';
import { systemClock } from '@jiwei/shared/clock.ts';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { cleaned } from '@jiwei/shared/plain-text.ts';
import type { InventoryBody } from '@jiwei/shared/protocol/control.ts';
import { fingerprintOf, rawPublicKey } from '@jiwei/shared/protocol/handshake.ts';
import packageFile from '../package.json' with { type: 'json' };
import { type Agent, type AgentSettings, type AgentWorld, startAgent } from './agent.ts';
import { startHeapCare } from './heap-care.ts';
import { type AgentWork, createAgentWorkReader } from './host/agent-work.ts';
import { createHostCollector } from './host/collector.ts';
import { inventoryFromProcess } from './host/inventory-process.ts';
import { readersFor } from './host/registry.ts';
import { createUnitState, systemdSockets } from './host/systemd.ts';
import { proxyFor } from './link/proxy.ts';
import type { Trust } from './link/trust.ts';
import { type CollectorAddress, createWebSocketDial } from './link/web-socket.ts';
import { createLog, errorFields, type Log, type LogLevel } from './log.ts';
import { readAuthorityFile, readClientFiles, readTokenFile } from './option-files.ts';
import { type AgentOptions, type Command, helpText, readCommand } from './options.ts';
import { runProbe } from './probes/run-probe.ts';
import { createProbeTools } from './probes/tools.ts';
import { createCalendar } from './schedule/calendar.ts';
import { createProbeBatches } from './session/probe-batches.ts';
import { closeKeys } from './state/key-mode.ts';
import { openStateFolder, type StateFolder } from './state/state-folder.ts';
import { loadAgentId, loadAuthority, makeNextKey, storeAuthority } from './state/stored.ts';

/** Exit codes: 0 stopped on purpose, 1 failed, 2 the command line is wrong. */
const main = async (): Promise<number> => {
  const command = readOrExplain();
  if (command === null) return 2;
  if (command.kind === 'help') {
    process.stdout.write(helpText);
    return 0;
  }
  if (command.kind === 'version') {
    process.stdout.write(`${packageFile.version}\n`);
    return 0;
  }
  if (command.kind === 'inventory') return printInventory();
  if (command.kind === 'rekey') return rekey(command.stateFolder);
  const log = createLog({ clock: systemClock, level: command.options.logLevel, write: writeLine });
  process.on('uncaughtException', (error) => {
    log.error('a bug ended the agent; what was measured is on disk', { error: error.stack ?? messageOf(error) });
    process.exit(1);
  });
  try {
    return await run(command.options, log);
  } catch (error) {
    log.error('the agent cannot start', errorFields(error));
    return 1;
  }
};

/** The collector hears of it at the next start; until then it knows the present key. */
const rekey = (stateFolder: string): number => {
  try {
    const state = openStateFolder(resolve(stateFolder));
    try {
      const key = rawPublicKey(makeNextKey(state.files));
      process.stdout.write(`the next start of the agent changes its key to ${fingerprintOf(key)}\n`);
    } finally {
      state.release();
    }
    return 0;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const advice = error.code === 'LOCKED' ? '; stop the agent, or let the collector do it: collector agents rekey ID' : '';
    process.stderr.write(`jiwei agent: ${error.message}${advice}\n`);
    return 1;
  }
};

const readOrExplain = (): Command | null => {
  try {
    return readCommand(process.argv.slice(2), process.env);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    process.stderr.write(`jiwei agent: ${error.message}\n`);
    return null;
  }
};

const writeLine = (level: LogLevel, line: string): void => {
  const stream = level === 'warn' || level === 'error' ? process.stderr : process.stdout;
  stream.write(`${line}\n`);
};

const run = async (options: AgentOptions, log: Log): Promise<number> => {
  const ca = options.caFile === null ? null : readAuthorityFile(options.caFile);
  const client = readClient(options);
  const proxy = proxyFor(options.collector, process.env);
  const folder = resolve(options.stateFolder);
  const state = openStateFolder(folder);
  for (const { file, mode, problem } of closeKeys(folder))
    log.warn(
      `others on this host could read the agent's key; ${problem === null ? 'its mode is 0600 now' : 'its mode could not be changed: make it 0600'}. ` +
        'Whoever read it can be this agent: change the key if somebody may have (agent rekey)',
      { file, mode, ...(problem === null ? {} : { problem }) },
    );
  const address: CollectorAddress = { url: options.collector, trust: trustOf(options, ca, state.files, log), client, proxy };
  let agent: Agent | null = null;
  const readers = [...readersFor(platform()), createAgentWorkReader(() => (agent === null ? null : workOf(agent)))];
  const host = createHostCollector({ clock: systemClock, platform: platform(), readers });
  const stopped = Promise.withResolvers<string>();
  const { gc } = globalThis;
  const endHeapCare = startHeapCare(
    systemClock,
    gc === undefined ? null : () => void gc({ type: 'major', flavor: 'last-resort', execution: 'sync' }),
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopped.resolve(signal));
  // Whoever launched it is gone, by whatever means: it must not stay behind alone.
  process.on('disconnect', () => stopped.resolve('the launcher ended'));
  try {
    log.info('agent starts', {
      version: packageFile.version,
      collector: options.collector.origin,
      ...(proxy === null ? {} : { proxy: proxy.url.host, proxyFrom: proxy.variable }),
      state: folder,
    });
    for (let isFirst = true; ; isFirst = false) {
      agent = await startAgent(worldOf({ address, state, host, log }), settingsOf(options, state.files));
      if (isFirst && state.wasCutOff) {
        const { bootId, counts } = agent;
        const { pendingFrames, pendingBytes } = counts().spool;
        log.warn('the run before did not end properly (killed, or power was lost); what it had not sent is taken up', {
          bootId,
          frames: pendingFrames,
          bytes: pendingBytes,
        });
      }
      // Where a cache of compiled code is in use: written now, so that the next start is small and quick also after kill -9.
      flushCompileCache();
      const end = await Promise.race([stopped.promise, agent.outdated.then(() => null)]);
      await closeInTime(agent.close(end ?? 'outdated'), log);
      if (end !== null) {
        log.info('agent stopped', { signal: end });
        return 0;
      }
    }
  } finally {
    endHeapCare();
    host.close();
    state.release();
  }
};

/** The first TLS connection decides about the authority, unless --ca does. */
const trustOf = ({ trustsFirstUse }: AgentOptions, ca: string | null, files: AgentWorld['files'], log: Log): Trust => {
  let pinned = loadAuthority(files);
  return {
    ca,
    trustsFirstUse,
    get pinned() {
      return pinned;
    },
    pin: (pem) => {
      pinned = pem;
      try {
        storeAuthority(files, pem);
      } catch (error) {
        log.error(
          'the pinned authority cannot be stored: the next start trusts the one it meets first again',
          errorFields(error),
        );
      }
      const { subject, fingerprint256, ca: isAuthority } = new X509Certificate(pem);
      if (isAuthority)
        log.info("the authority of the collector's certificate is pinned: no other is trusted from now on", {
          subject,
          fingerprint256,
        });
      else
        log.warn(
          "the collector's own certificate is pinned, as it came without its authority: when it is renewed this agent stays away; " +
            'let the collector show the whole chain, remove collector-ca.pem and start anew, or give --ca FILE',
          { subject, fingerprint256 },
        );
    },
  };
};

const workOf = (agent: Agent): AgentWork => {
  const { spool, schedule, clock } = agent.counts();
  return { ...spool, ...schedule, clockOffsetMs: clock === null ? null : -clock.offsetMs };
};

const worldOf = ({
  address,
  state,
  host,
  log,
}: {
  readonly address: CollectorAddress;
  readonly state: StateFolder;
  readonly host: AgentWorld['host'];
  readonly log: Log;
}): AgentWorld => {
  const clock = systemClock;
  const tools = createProbeTools({ clock, unitState: createUnitState(systemdSockets('/run')) });
  return {
    clock,
    random: Math.random,
    files: state.files,
    spoolDisk: state.spool,
    dial: createWebSocketDial(address),
    ask: (probe, timeoutMs, signal) => runProbe(probe, timeoutMs, { signal, clock, tools }),
    batches: createProbeBatches(tools),
    limitTargets: tools.targets.setLists,
    host,
    inventory: (signal) => inventoryOf(signal, log),
    nextCalendarTime: createCalendar(),
    log,
  };
};

/** Loaded only where it is asked for: by a process of its own, see inventory-process.ts. */
const printInventory = async (): Promise<number> => {
  const { collectInventory, inventorySource } = await import('./host/inventory.ts');
  const versions = { agent: packageFile.version, node: process.versions.node };
  const told = await collectInventory({ source: await inventorySource(), versions, signal: new AbortController().signal });
  await new Promise((written) => process.stdout.write(`${JSON.stringify(told)}\n`, written));
  return 0;
};

const inventoryOf = async (signal: AbortSignal, log: Log): Promise<InventoryBody> => {
  const { body, errors } = await inventoryFromProcess(process.argv[1] ?? '', signal);
  for (const error of errors) log.info('a part of the inventory cannot be read', { error });
  return body;
};

const settingsOf = (options: AgentOptions, files: AgentWorld['files']): AgentSettings => ({
  agentVersion: packageFile.version,
  // The collector refuses what is not plain text.
  hostname: cleaned(hostname()),
  platform: `${platform()} ${release()}`,
  architecture: arch(),
  joinToken: readJoinToken(options, files),
  wantedId: options.wantedId,
  spoolBytesMax: options.spoolBytesMax,
});

/** Once enrolled, the token is not needed any more, and its file may well be gone. */
const readJoinToken = (options: AgentOptions, files: AgentWorld['files']): string | null => {
  const { joinTokenFile } = options;
  if (joinTokenFile !== null && !existsSync(joinTokenFile) && loadAgentId(files) !== null) return options.joinToken;
  return joinTokenFile === null ? options.joinToken : readTokenFile(joinTokenFile);
};

const readClient = ({ certificateFile, keyFile }: AgentOptions): CollectorAddress['client'] =>
  certificateFile === null || keyFile === null ? null : readClientFiles(certificateFile, keyFile);

const closeInTime = async (closing: Promise<void>, log: Log): Promise<void> => {
  const late = Promise.withResolvers<void>();
  const cancel = systemClock.after(limits.shutdownMsMax, () => {
    log.warn('closing took too long and was cut short', { withinMs: limits.shutdownMsMax });
    late.resolve();
  });
  await Promise.race([closing, late.promise]);
  cancel();
};

// Not awaited here, so that the program can also be bundled as CommonJS. Ended by force: probes that still wait for an answer must not
// keep a stopped agent alive.
void main().then((exitCode) => process.exit(exitCode));
