import type { ProbeTargets } from '@jiwei/shared/cidr.ts';
import type { Clock } from '@jiwei/shared/clock.ts';
import { messageOf } from '@jiwei/shared/errors.ts';
import type { AgentId, BootId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { AgentConfig, FramePosition, InventoryBody } from '@jiwei/shared/protocol/control.ts';
import { fingerprintOf, rawPublicKey } from '@jiwei/shared/protocol/handshake.ts';
import type { ClockMeasurement } from './link/clock-offset.ts';
import type { Identity } from './link/identity.ts';
import { createLink, type Link } from './link/link.ts';
import type { ConfigMessage, ProbeRequest } from './link/message.ts';
import type { Dial } from './link/transport.ts';
import { errorFields, type Log } from './log.ts';
import { gridOffsetMs } from './schedule/phase.ts';
import { type Batches, noBatches } from './schedule/places.ts';
import { createSchedule, type NextCalendarTime, type ScheduleCounts } from './schedule/schedule.ts';
import { createAnswers } from './session/answer-probe.ts';
import { type Ask, createCheckRunner } from './session/check-runner.ts';
import { judgeConfig } from './session/config-keeper.ts';
import { createHostSampler } from './session/host-sampler.ts';
import type { HostSource } from './session/host-source.ts';
import { createInventoryTeller } from './session/inventory-teller.ts';
import { createRecorder } from './session/recorder.ts';
import { createResultBatch } from './session/result-batch.ts';
import type { Disk } from './spool/disk.ts';
import { type FrameDraft, openSpool, type SpoolCounts } from './spool/spool.ts';
import { createStamps } from './stamps.ts';
import { openKeys } from './state/keys.ts';
import {
  loadAgentId,
  loadConfig,
  loadLoss,
  nextBootId,
  storeAgentId,
  storeBootId,
  storeConfig,
  storeLoss,
} from './state/stored.ts';

/** All that an agent touches, so that a simulated world can hand in its own. */
export interface AgentWorld {
  readonly clock: Clock;
  /** From [0, 1). */
  readonly random: () => number;
  /** Key, id, boot number and configuration. */
  readonly files: Disk;
  readonly spoolDisk: Disk;
  readonly dial: Dial;
  readonly ask: Ask;
  /** Which checks are asked together; left out: each alone. */
  readonly batches?: Batches;
  /** Where what is asked may be from now on. */
  limitTargets?(lists: ProbeTargets | null): void;
  readonly host: HostSource;
  /** What the host is; null where that is not told. */
  readonly inventory: ((signal: AbortSignal) => Promise<InventoryBody>) | null;
  readonly nextCalendarTime: NextCalendarTime;
  readonly log: Log;
}

export interface AgentSettings
  extends Pick<Identity, 'agentVersion' | 'hostname' | 'platform' | 'architecture' | 'joinToken' | 'wantedId'> {
  readonly spoolBytesMax: number;
}

export interface Agent {
  readonly bootId: number;
  isConnected(): boolean;
  counts(): {
    readonly spool: SpoolCounts;
    readonly schedule: ScheduleCounts;
    /** The last measurement of the clocks; null before the first. */
    readonly clock: ClockMeasurement | null;
  };
  /**
   * Ends when the agent has to be started anew in the same process: the collector knows frames of a later boot than this one, which happens
   * when the state folder was restored from a copy. The next boot is then numbered above them.
   */
  readonly outdated: Promise<void>;
  /** Says goodbye, writes what was gathered, closes; within `limits.shutdownMsMax`. */
  close(reason: string): Promise<void>;
}

/** Starts measuring, checking and streaming. @throws SPOOL_UNAVAILABLE or CONFIG_INVALID when its folder cannot be used */
export const startAgent = async (world: AgentWorld, settings: AgentSettings): Promise<Agent> => {
  const { clock, files, log } = world;
  const keys = openKeys(files);
  const bootId = nextBootId(files, clock.nowMs());
  const stamps = createStamps(clock, (jumpMs) => log.warn('the clock of this host jumped', { jumpMs }));
  const { spool, report } = await openSpool({
    disk: world.spoolDisk,
    bootId,
    series: world.host.series,
    bytesMax: settings.spoolBytesMax,
    memoryBytesMax: limits.spoolMemoryBytesMax,
    // A full spool gives up its oldest file: that must not be most of what it holds.
    segmentBytes: Math.min(limits.spoolSegmentBytes, Math.floor(settings.spoolBytesMax / 8)),
    loss: loadLoss(files),
  });
  storeLoss(files, null);
  if (report.loss !== null || report.unreadableFiles > 0) {
    log.warn('a part of the unsent data is damaged; the rest is kept and the gap is reported', {
      frames: report.loss?.frames ?? 0,
      unreadableFiles: report.unreadableFiles,
    });
  }

  let agentId: AgentId | null = loadAgentId(files);
  let config: AgentConfig | null = null;
  let isClosing = false;
  let laterBootId: BootId | null = null;
  let link: Link | null = null;
  const outdated = Promise.withResolvers<void>();
  const stopping = new AbortController();

  const recorder = createRecorder({ spool, clock, log, onRecorded: () => link?.framesWaiting() });
  const results = createResultBatch(clock, recorder.record);
  const { batches = noBatches, nextCalendarTime } = world;
  const schedule = createSchedule({ runsAtOnceMax: limits.probesAtOnceMax, nextCalendarTime, batches });
  const answer = createAnswers({ ask: world.ask, stamps, signal: stopping.signal });
  const runner = createCheckRunner({ schedule, ask: world.ask, clock, stamps, onResult: results.add, log });
  const isLive = (): boolean => link?.isStreaming() ?? false;
  /** Results that wait go along with a row: one waking of this process and of the collector's in place of two. */
  const recordRow = (draft: FrameDraft): void => {
    results.flush();
    recorder.record(draft);
  };
  const sampler = createHostSampler({ source: world.host, clock, stamps, log, record: recordRow, isLive });
  const inventory = createInventoryTeller({ ...world, stamps, record: recorder.record });

  const putInForce = (next: AgentConfig): void => {
    if (agentId === null || isClosing) return;
    config = next;
    world.limitTargets?.(next.probeTargets ?? null);
    world.host.choose?.(next.host.collectors ?? null);
    sampler.start(next.host.intervalMs, agentId);
    runner.apply(next.checks, agentId);
  };

  const onConfig = (message: ConfigMessage): void => {
    const judged = judgeConfig(message, world.nextCalendarTime);
    if (judged.config === null) {
      log.error('the configuration sent by the collector cannot be used; the one before stays in force', {
        version: message.version,
        problem: judged.errors[0],
      });
    } else {
      try {
        storeConfig(files, judged.config);
      } catch (error) {
        log.error('the configuration cannot be stored; it is in force until the next start', errorFields(error));
      }
      putInForce(judged.config);
      log.info('configuration in force', { version: message.version, checks: judged.config.checks.length });
    }
    link?.send({ type: 'configApplied', version: message.version, errors: [...judged.errors] });
  };

  /** A full disk is no reason to end. */
  const attempt = (problem: string, act: () => void): void => {
    try {
      act();
    } catch (error) {
      log.error(problem, errorFields(error));
    }
  };

  const onStored = (stored: FramePosition | null): boolean => {
    if (stored === null || stored.bootId <= bootId) return true;
    log.error('the collector has data of a later start of this agent: the state folder is an old copy; starting anew above it', {
      storedBootId: stored.bootId,
      bootId,
    });
    laterBootId = stored.bootId;
    outdated.resolve();
    return false;
  };

  link = createLink({
    dial: world.dial,
    clock,
    stamps,
    random: world.random,
    gridOffsetMs: () => (agentId === null ? 0 : gridOffsetMs(agentId)),
    identity: {
      ...settings,
      bootId,
      get privateKey() {
        return keys.present();
      },
      get nextKey() {
        return keys.next();
      },
    },
    spool,
    log,
    handlers: {
      onHeartbeat: results.flush,
      onWelcome: (welcome) => {
        if (!onStored(welcome.stored)) return false;
        if (welcome.agentId !== agentId) {
          const name = welcome.agentId;
          agentId = name;
          attempt('the name the collector gave cannot be stored; it is told again at the next connection', () =>
            storeAgentId(files, name),
          );
          if (config !== null) putInForce(config);
        }
        sampler.flush();
        return true;
      },
      onConfig,
      onRekey: () => {
        attempt('the new key the collector asks for cannot be stored; the present one stays', keys.change);
      },
      onRekeyed: () => {
        attempt('the new key is in force, and will be put in place at the next start', keys.changed);
        log.info('the key of this agent was changed', { key: fingerprintOf(rawPublicKey(keys.present())) });
      },
      onProbeRequest: (request: ProbeRequest) => {
        answer(request).then(
          (message) => link?.send(message),
          (error: unknown) => log.error('a question of the collector could not be answered', { error: messageOf(error) }),
        );
      },
    },
  });

  const stored = loadConfig(files);
  if (stored.problem !== null)
    log.warn('the stored configuration cannot be read; waiting for the collector', { problem: stored.problem });
  if (stored.config !== null) putInForce(stored.config);
  log.info('this agent is known by its key', { key: fingerprintOf(rawPublicKey(keys.present())) });
  inventory.start();
  link.start();

  return {
    bootId,
    isConnected: isLive,
    counts: () => ({ spool: spool.counts(), schedule: schedule.counts(), clock: link?.clock() ?? null }),
    outdated: outdated.promise,
    close: async (reason) => {
      if (isClosing) return;
      isClosing = true;
      stopping.abort(new Error('the agent stops'));
      inventory.stop();
      runner.stop();
      sampler.stop();
      results.flush();
      // A short time for the last frames to be acknowledged is not taken: they are on disk, and the next boot sends them.
      await link?.stop(reason, closeLinkMs);
      recorder.stop();
      if (laterBootId !== null) {
        // Numbered below what the collector has, none of it will be taken; the next boot says so.
        storeLoss(files, spool.unacknowledged());
        storeBootId(files, laterBootId);
      }
      await spool.close();
    },
  };
};

/** For the collector to answer our close. */
const closeLinkMs = 2_000;
