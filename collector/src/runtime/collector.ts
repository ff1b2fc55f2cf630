import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '@jiwei/shared/clock.ts';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { type AgentId, asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { FastifyBaseLogger } from 'fastify';
import type { Effect } from '../engine/effect.ts';
import { liveViewOf } from '../engine/live-view.ts';
import type { EngineState } from '../engine/state.ts';
import type { IngestHost, Links } from '../ingest/host.ts';
import { unaskedChecks } from '../registry/assign.ts';
import type { Declaration } from '../registry/declaration.ts';
import { textOrThrow } from '../registry/file-text.ts';
import type { DeclarationVersion, Store } from '../store/port.ts';
import { createAdmission, recordOf } from './admission.ts';
import { createAgentRights } from './agent-rights.ts';
import { type DeclarationTaker, markFiles } from './declaration-file.ts';
import { type DeclarationReader, readDeclaration, type WholeDeclaration } from './declaring.ts';
import type { Directory } from './directory.ts';
import { type Intake, setRuleNames } from './intake.ts';
import { createLostAgents, handOverMs } from './lost-agents.ts';
import { ruleNamesOf } from './rule-names.ts';
import type { CollectorService, LiveEvent } from './service.ts';
import { recordWindows } from './window-record.ts';
import type { Writer } from './writer.ts';

export interface CollectorOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly version: string;
  /** Number of the declaration in force at the start; 0 without one. */
  readonly declarationVersion: number;
  /** The declaration file whose changes come into force; null when none was named. */
  readonly watchedFile: string | null;
  readonly state: EngineState;
  readonly intake: Intake;
  readonly directory: Directory;
  readonly reader: DeclarationReader;
  readonly writer: Writer;
  /** Stamp of the last event before this start; from then on nobody listened. */
  readonly awaySinceMs: EpochMs;
  links(): Links;
  /** Notifiers and routes changed. */
  onDeclaration(declaration: Declaration): Promise<void>;
  /** New notifications are in the outbox. */
  onNotifications(): void;
  /** Its values are no longer anybody's. */
  onAgentGone(agentId: AgentId): void;
}

/** The running collector, seen from its three sides: readers and people, the agents' links, and the writer's effects. */
export interface Collector extends DeclarationTaker {
  readonly service: CollectorService;
  readonly host: IngestHost;
  /** What the writer does after each commit. */
  perform(effects: readonly Effect[]): void;
  close(): void;
}

/** Ties service, links and writer together. */
export const createCollector = (options: CollectorOptions): Collector => {
  const { store, clock, log, state, intake, directory, writer, reader } = options;
  const startedAtMs = clock.nowMs();
  const view = liveViewOf(state);
  const listeners = new Set<(event: LiveEvent) => void>();
  const idsInUse = new Set<string>();
  let { declarationVersion } = options;
  let declarationError: string | null = null;
  let pending: Promise<void> | null = null;
  let changing: Promise<unknown> = Promise.resolve();
  /** As the log was told. */
  let unaskedCount = 0;

  const tell = (event: LiveEvent): void => {
    for (const listener of listeners) listener(event);
  };

  /** All that asks within one turn of the event loop shares one compilation: 10,000 agents that reconnect make a few, not 10,000. */
  const reconfigure = (): Promise<void> => {
    pending ??= new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        pending = null;
        putInForce().then(resolve, reject);
      });
    });
    return pending;
  };

  const noteUnasked = (): void => {
    const unasked = unaskedChecks(directory.config);
    if (unasked.length > unaskedCount)
      log.info(
        { count: unasked.length, some: unasked.slice(0, 10) },
        'no agent asks these checks; nothing will be known of them',
      );
    unaskedCount = unasked.length;
  };

  const putInForce = async (): Promise<void> => {
    const { agentIds, handover } = directory.compile();
    const { config } = directory;
    if (handover === null) {
      noteUnasked();
      setRuleNames(intake, ruleNamesOf(config.rules.values()));
      await writer.submit({ kind: 'config', config });
    } else if (handover.checkIds.length > 0) await writer.submit({ kind: 'config', config, handover });
    for (const agentId of agentIds) options.links().configChanged(agentId, directory.workOf(agentId));
  };

  const lost = createLostAgents({
    clock,
    onChange: (agentId, isLost) => {
      directory.setLost(agentId, isLost);
      reconfigure().catch((error: unknown) => log.error({ err: error }, 'checks could not be given to other agents'));
    },
  });

  const submitQuietly = (event: Parameters<Writer['submit']>[0]): void => {
    writer
      .submit(event)
      .catch((error: unknown) => log.debug({ error: messageOf(error), kind: event.kind }, 'an event came too late'));
  };

  // The declaration may have changed while the collector was away: what is gone from it ends with the first commit.
  submitQuietly({ kind: 'config', config: directory.config });

  submitQuietly({
    kind: 'restarted',
    awaySinceMs: options.awaySinceMs,
    agentsDueAtMs: Math.max(startedAtMs, options.awaySinceMs) + limits.reconnectMsMax,
  });
  // Those that stay away give their checks to others, as they would have had the collector been there all the time.
  for (const agent of view.agents()) if (agent.connection !== 'never') lost.lost(agent.id, limits.reconnectMsMax);

  const host: IngestHost = {
    agentOf: (request) => recordOf(directory, request)?.id ?? null,
    admit: createAdmission({ store, directory, intake, clock, log, reconfigure, idsInUse }),
    connected: (agentId, bootId) => {
      // Revoked between its look-up and now: nobody knew of this connection yet.
      if (directory.agent(agentId)?.revokedAtMs !== null)
        options.links().disconnect(agentId, 'AGENT_REVOKED', 'the key of this agent was revoked');
      lost.connected(agentId);
      submitQuietly({ kind: 'agentConnected', agentId, bootId });
    },
    lost: (agentId, loss) => {
      log.info({ agentId, cause: loss.cause }, 'agent lost');
      lost.lost(agentId, handOverMs);
      submitQuietly({ kind: 'agentLost', agentId, ...loss });
    },
    overdue: (agentId, isOverdue) => submitQuietly({ kind: 'agentOverdue', agentId, isOverdue }),
    cloned: (agentId, by) => {
      log.error({ agentId, ...by }, 'a second agent with a copy of the key was turned away');
      submitQuietly({ kind: 'agentCloned', agentId, ...by });
    },
    deliver: writer.deliver,
    probeAnswer: (agentId, requestId, result) => submitQuietly({ kind: 'probeAnswer', agentId, requestId, result }),
  };

  /** What is read from the store, changed and put in force comes one after the other: the last one stored is the one in force. */
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const done = changing.then(act);
    changing = done.catch(() => undefined);
    return done;
  };

  const putDeclaration = async (whole: WholeDeclaration, source: string, actor: string): Promise<DeclarationVersion> => {
    const { declaration, text } = whole;
    const saved = await store.saveDeclaration({ appliedAtMs: clock.nowMs(), appliedBy: actor, source, text });
    await recordWindows(store, log, reader, { version: saved.version, declaration });
    directory.setMaintenance(await store.maintenance());
    directory.setDeclaration(declaration);
    await options.onDeclaration(declaration);
    await reconfigure();
    declarationVersion = saved.version;
    declarationError = null;
    log.info({ version: saved.version, source, actor }, 'declaration in force');
    tell({ kind: 'declaration', version: saved.version });
    return saved;
  };

  const reloadMaintenance = async (): Promise<void> => {
    directory.setMaintenance(await store.maintenance());
    await reconfigure();
  };

  const service: CollectorService = {
    view,
    store,
    startedAtMs,
    version: options.version,
    get declarationVersion() {
      return declarationVersion;
    },
    watchedFile: options.watchedFile,
    get declarationError() {
      return declarationError;
    },
    isWriterHealthy: writer.isHealthy,
    sessions: () => options.links().sessions(),
    act: async (incidentId, actor, act) => {
      if (view.incident(incidentId) === null && (await store.incident(incidentId)) === null) {
        throw new AppError('NOT_FOUND', `no incident has the id ${incidentId}`);
      }
      const effects = await writer.submit({ kind: 'human', incidentId, actor, act });
      const rejected = effects.find((effect) => effect.kind === 'rejected');
      if (rejected !== undefined) throw new AppError(rejected.code, rejected.message);
      const after = effects.findLast((effect) => effect.kind === 'incident' && effect.incident.id === incidentId);
      if (after?.kind !== 'incident')
        throw new AppError('CONFLICT', `incident ${incidentId} is closed; nothing more can be done with it`);
      return after.incident;
    },
    push: async (checkId, isUp, detail) => {
      if (directory.config.checks.get(checkId)?.probe.kind !== 'heartbeat')
        throw new AppError('NOT_FOUND', `no heartbeat check has the id ${checkId}`);
      await writer.submit({ kind: 'push', checkId, isUp, detail });
    },
    applyDeclaration: async (text, source, actor) => {
      const whole = readDeclaration(text, source, reader);
      return inTurn(() => putDeclaration(whole, source, actor));
    },
    addMaintenance: (window) =>
      inTurn(async () => {
        const nowMs = clock.nowMs();
        const id = asId<'maintenance'>(`m-${randomUUID()}`);
        const stored = { ...window, id, createdAtMs: nowMs, approvedAtMs: nowMs, cancelledAtMs: null };
        await store.saveMaintenance([stored]);
        await reloadMaintenance();
        return stored;
      }),
    cancelMaintenance: (id) =>
      inTurn(async () => {
        const window = (await store.maintenance()).find((one) => one.id === id && one.declaredAs === undefined);
        if (window === undefined)
          throw new AppError('NOT_FOUND', `no maintenance window has the id ${id}; declared ones are changed in their file`);
        if (window.cancelledAtMs !== null) throw new AppError('CONFLICT', `the window ${id} is cancelled already`);
        const cancelled = { ...window, cancelledAtMs: clock.nowMs() };
        await store.saveMaintenance([cancelled]);
        await reloadMaintenance();
        return cancelled;
      }),
    ...createAgentRights({ ...options, reconfigure }),
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };

  const perform = (effects: readonly Effect[]): void => {
    let hasNotifications = false;
    for (const effect of effects) {
      if (effect.kind === 'requestProbe') {
        const { requestId, probe, timeoutMs } = effect;
        options.links().ask(effect.agentId, { requestId, probe, timeoutMs });
      } else if (effect.kind === 'notify') hasNotifications = true;
      else if (effect.kind === 'incident') tell({ kind: 'incident', incident: effect.incident, entries: effect.entries });
      else if (effect.kind === 'spans' && effect.subject.kind === 'check') tell({ kind: 'check', id: asId(effect.subject.id) });
      else if (effect.kind === 'spans' && effect.subject.kind === 'asset') tell({ kind: 'asset', id: effect.subject.id });
    }
    if (hasNotifications) options.onNotifications();
  };

  const noteDeclarationError = (error: unknown): void => {
    declarationError = messageOf(error);
    log.error({ error: declarationError }, 'the declaration was refused; the one before stays in force');
  };

  return {
    service,
    host,
    perform,
    noteDeclarationError,
    reload: async (files, source) => {
      const { readRuleFile } = files;
      const whole = readDeclaration(textOrThrow(files.main), source, { ...reader, readRuleFile });
      await inTurn(async () => {
        const { version } = await putDeclaration(whole, source, 'file');
        await markFiles(store, version, files);
      });
    },
    close: () => {
      lost.close();
    },
  };
};

/** An id for this collector, made once and kept: agents bind their proof to it. */
export const collectorIdOf = async (store: Store): Promise<string> => {
  const known = await store.setting('collectorId');
  if (known !== null) return known;
  const id = `c-${randomBytes(12).toString('hex')}`;
  await store.saveSetting('collectorId', id);
  return id;
};
