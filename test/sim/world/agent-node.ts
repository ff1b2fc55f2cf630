import { createPrivateKey } from 'node:crypto';
import { type Agent, startAgent } from '@jiwei/agent/agent.ts';
import type { Dial } from '@jiwei/agent/link/transport.ts';
import type { Log } from '@jiwei/agent/log.ts';
import type { Ask } from '@jiwei/agent/session/check-runner.ts';
import type { Clock } from '../../../shared/src/clock.ts';
import type { Random } from '../random.ts';
import { createSimDisk, type SimDisk } from './disk.ts';
import type { Loop } from './loop.ts';
import { createMachine, type Machine, type ProcessClock } from './machine.ts';

/** A machine with an agent on it. */
export interface AgentNode {
  readonly id: string;
  readonly machine: Machine;
  readonly spool: SimDisk;
  readonly files: SimDisk;
  /** Whether its host answers to others. */
  isHostUp(): boolean;
  isRunning(): boolean;
  /** Frames that wait in its spool; null while it is not running. */
  pendingFrames(): number | null;
  start(): void;
  /** kill -9; with `power` the whole machine is gone. */
  kill(power: boolean): void;
  /** As SIGTERM does. */
  stop(): Promise<void>;
}

export interface AgentNodeOptions {
  readonly id: string;
  readonly skewMs: number;
  readonly driftPpm: number;
  readonly spoolBytesMax: number;
  readonly loop: Loop;
  readonly random: Random;
  readonly joinToken: string;
  readonly dial: Dial;
  readonly askOf: (clock: Clock) => Ask;
  /** Its process, which nobody ended, could not start although it had run before. */
  readonly onCannotStart: (error: unknown) => void;
  readonly onStart: () => void;
  /** It took a reading of its host. */
  readonly onReading: (reading: number) => void;
  /** It begins to end by itself. */
  readonly onStopping: () => void;
  readonly onStopped: () => void;
  /** Its process has ended. @param power the whole machine is gone */
  readonly onKilled: (power: boolean) => void;
  readonly onLog: (text: string) => void;
}

const family = { name: 'sim_reading', type: 'gauge', help: 'A number that no other reading has' } as const;

/** An Ed25519 key made of 32 bytes of chance. Its DER head is fixed: RFC 8410, section 7. */
const keyOf = (random: Random): Buffer => {
  const secret = Buffer.from(Array.from({ length: 32 }, () => random.whole(0, 255)));
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), secret]);
  return Buffer.from(
    createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }).toString(),
  );
};

/** An agent that is not yet started. */
export const createAgentNode = (options: AgentNodeOptions): AgentNode => {
  const { id, loop, random } = options;
  const machine = createMachine(loop, options);
  const spool = createSimDisk();
  const files = createSimDisk();
  files.open().replace('agent.key', keyOf(random.fork('key')));
  let clock: ProcessClock | null = null;
  let agent: Agent | null = null;
  let isPowered = true;
  let readings = 0;
  let hasRun = false;

  const log: Log = {
    debug: () => undefined,
    info: (message, fields) => options.onLog(`${id} info ${message} ${JSON.stringify(fields ?? {})}`),
    warn: (message, fields) => options.onLog(`${id} warn ${message} ${JSON.stringify(fields ?? {})}`),
    error: (message, fields) => options.onLog(`${id} error ${message} ${JSON.stringify(fields ?? {})}`),
  };

  const start = (): void => {
    if (clock !== null) return;
    isPowered = true;
    options.onStart();
    const own = machine.boot();
    clock = own;
    const chance = random.fork(`boot${loop.nowMs()}`);
    startAgent(
      {
        clock: own,
        random: chance.next,
        files: files.open(),
        spoolDisk: spool.open(),
        dial: options.dial,
        ask: options.askOf(own),
        host: {
          series: [{ family, labels: [] }],
          collect: async () => {
            readings += 1;
            options.onReading(readings);
            return { atMs: 0, indexes: Uint32Array.of(0), values: Float64Array.of(readings), errors: [] };
          },
        },
        inventory: null,
        nextCalendarTime: () => null,
        log,
      },
      {
        agentVersion: 'sim',
        hostname: id,
        platform: 'sim',
        architecture: 'sim',
        joinToken: options.joinToken,
        wantedId: id,
        spoolBytesMax: options.spoolBytesMax,
      },
    ).then(
      (started) => {
        if (clock !== own) return;
        agent = started;
        hasRun = true;
        // Numbered below what the collector has, as after a restored folder: main starts it anew in the same process.
        void started.outdated.then(async () => {
          if (clock !== own) return;
          await stop();
          start();
        });
      },
      // A disk that cannot be used at the start ends the process; the service manager starts it again.
      (error: unknown) => {
        if (clock !== own) return;
        options.onLog(`${id} cannot start: ${String(error)}`);
        if (hasRun) options.onCannotStart(error);
        kill(false);
        loop.at(loop.nowMs() + 5_000, start);
      },
    );
  };

  const kill = (power: boolean): void => {
    if (power) isPowered = false;
    if (clock === null) return;
    clock.kill();
    clock = null;
    agent = null;
    spool.cut();
    files.cut();
    if (power) {
      spool.losePower(random);
      files.losePower(random);
    }
    options.onKilled(power);
  };

  const stop = async (): Promise<void> => {
    const own = clock;
    if (agent === null || own === null) return kill(false);
    options.onStopping();
    try {
      await agent.close('sim');
    } catch (error) {
      // Killed meanwhile, it can write no more, and nobody is left to be told.
      if (clock === own) options.onLog(`${id} could not close its spool: ${String(error)}`);
    }
    if (clock !== own) return;
    options.onStopped();
    kill(false);
  };

  return {
    id,
    machine,
    spool,
    files,
    isHostUp: () => isPowered,
    isRunning: () => clock !== null,
    pendingFrames: () => agent?.counts().spool.pendingFrames ?? null,
    start,
    kill,
    stop,
  };
};
