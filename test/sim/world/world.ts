import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tokenHash } from '../../../collector/src/runtime/admission.ts';
import type { CommitBatch } from '../../../collector/src/store/port.ts';
import { AppError } from '../../../shared/src/errors.ts';
import { asId } from '../../../shared/src/ids.ts';
import { checkCalls } from '../checks/calls.ts';
import { checkHistories } from '../checks/histories.ts';
import { checkCalledOff, checkNotices, checkOneOpen } from '../checks/incidents.ts';
import { checkNoneSkipped, checkNothingMissing } from '../checks/losses.ts';
import { checkAcknowledged, checkStoredResults } from '../checks/results.ts';
import { checkTimers } from '../checks/timers.ts';
import { checkAllTold, checkTellings, untold } from '../checks/told.ts';
import { checkPartitions } from '../checks/zones.ts';
import { declarationText } from '../declaration.ts';
import { createObserver, Violation } from '../observer.ts';
import type { Plan } from '../plan.ts';
import { createRandom } from '../random.ts';
import { createAgentNode } from './agent-node.ts';
import { createCollectorNode } from './collector-node.ts';
import { commit, mendAll, type Parts } from './faults.ts';
import { createJobs, type Jobs } from './jobs.ts';
import { createLoop } from './loop.ts';
import { worldBeginsAtMs } from './machine.ts';
import { createNetwork } from './network.ts';
import { createPeople } from './notifier.ts';
import { createTargets, type Targets } from './targets.ts';

/** Histories are compared this often while things go wrong. */
const lookMs = 30_000;
/** Afterwards it is asked this often whether the world has come to rest. */
const restLookMs = 5_000;
/** Where a machine keeps files in memory: what a commit leaves is torn by us, and syncing a true disk would take a third of the time. */
const memoryFolder = '/dev/shm';
/**
 * After all was mended a world gets this long to come to rest: reconnecting takes up to 75 s, thrice that where a frame was refused, a
 * flapping incident stays for 60 s, notices are tried again after minutes.
 */
const restMsMax = 600_000;

/** What a run did, for the report and the rate. */
export interface RunReport {
  readonly events: number;
  readonly results: number;
  readonly notices: number;
  readonly incidents: number;
  readonly virtualMs: number;
}

/** How a world is looked at, besides by all that must hold. */
export interface Looking {
  readonly trace?: (text: string) => void;
  /** Looks at each batch once it is in the store; what it throws ends the world as any violation does. */
  readonly also?: (batch: CommitBatch) => void;
}

/** Carries a plan out and checks all that must hold. @throws Violation, or whatever the product threw that it must not */
export const runWorld = async (plan: Plan, { trace = () => undefined, also }: Looking = {}): Promise<RunReport> => {
  const loop = createLoop();
  const timed = (text: string): void => trace(`${(loop.nowMs() / 1_000).toFixed(3).padStart(9)} ${text}`);
  const random = createRandom(plan.seed, 'world');
  const onBatch = (batch: CommitBatch): void => {
    traceBatch(batch, timed);
    checkNotices(plan, batch, observer);
    also?.(batch);
  };
  const observer = createObserver(loop.nowMs, onBatch);
  const guard = <Args extends unknown[]>(act: (...args: Args) => void): ((...args: Args) => void) => {
    return (...args) => {
      try {
        act(...args);
      } catch (error) {
        loop.fail(error);
      }
    };
  };
  const network = createNetwork(loop, random.fork('network'), {
    sent: guard(observer.frameSent),
    heardByAgent: guard(observer.heardByAgent),
  });
  const people = createPeople(loop, random.fork('people'));
  const folder = plan.hasFiles ? await mkdtemp(join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), 'jiwei-sim-')) : null;
  const collector = createCollectorNode({
    ...{ loop, network, folder },
    random: random.fork('collector'),
    driftPpm: plan.collectorDriftPpm,
    notifierKind: people.kindFor,
    onTryPutDown: people.putDown,
    prepare: async (store) => {
      await store.saveSetting('collectorId', 'c-sim');
      await store.saveDeclaration({
        appliedAtMs: worldBeginsAtMs,
        appliedBy: 'sim',
        source: 'sim',
        text: declarationText(plan, 0),
      });
      for (const zone of plan.zones) {
        await store.saveJoinToken({
          ...{ hash: tokenHash(`join-${zone}`), zoneId: asId<'zone'>(zone), labels: {}, usesLeft: 1_000 },
          ...{ createdAtMs: worldBeginsAtMs, expiresAtMs: worldBeginsAtMs * 2, needsApproval: false, revokedAtMs: null },
        });
      }
    },
    onCommitted: guard((batch) => observer.committed(batch, loop.nowMs())),
    onFramesMissing: observer.missed,
    onLife: observer.collectorLives,
    onStarted: observer.returned,
    onLog: timed,
    onKilled: ({ forMs }) => {
      loop.at(loop.nowMs() + forMs, collector.start);
    },
  });
  const addressOf = new Map(plan.agents.map(({ id }, place) => [id, `10.0.${place >> 8}.${(place & 255) + 1}`]));
  const targets = createTargets({
    ...{ loop, plan, random: random.fork('targets') },
    isHostUp: (address) => {
      const id = [...addressOf].find(([, own]) => own === address)?.[0];
      return id !== undefined && agents.get(id)?.isHostUp() === true;
    },
  });
  const agents = new Map(
    plan.agents.map(({ id, zone, skewMs, driftPpm, spoolBytesMax }) => {
      const node = createAgentNode({
        ...{ id, skewMs, driftPpm, spoolBytesMax, loop, random: random.fork(id), joinToken: `join-${zone}`, onLog: timed },
        dial: network.dialOf(id, addressOf.get(id) ?? ''),
        askOf: (clock) => targets.askOf(id, clock),
        onStart: () => observer.began(id),
        onCannotStart: (error) => loop.fail(new Violation(`agent ${id} cannot start: ${String(error)}`)),
        onReading: (reading) => observer.tookReading(id, reading),
        onStopping: () => observer.stopping(id),
        onStopped: () => observer.stopped(id),
        onKilled: (power) => {
          observer.ended(id, power);
          network.killAgent(id, power);
        },
      });
      return [id, node] as const;
    }),
  );
  const jobs = createJobs({ loop, plan, collector });
  const parts: Parts = { plan, loop, network, collector, agents, people, observer, trace: timed };
  try {
    await collector.start();
    plant(parts);
    for (let atMs = lookMs; atMs < plan.durationMs; atMs += lookMs) {
      await loop.run(atMs);
      await look(parts, targets, jobs, false);
    }
    await loop.run(plan.durationMs);
    await mendAll(parts);
    targets.mend();
    jobs.mend();
    const endsAtMs = plan.durationMs + restMsMax;
    do await loop.run(loop.nowMs() + restLookMs);
    while (loop.nowMs() < endsAtMs && !isAtRest(parts));
    await look(parts, targets, jobs, true);
  } finally {
    for (const node of agents.values()) node.kill(false);
    await collector.close();
  }
  return {
    events: loop.eventCount,
    results: observer.answers.length,
    notices: observer.notices.length,
    incidents: observer.incidents.size,
    virtualMs: loop.nowMs(),
  };
};

/** Nobody has anything left to do. */
const isAtRest = ({ observer, agents, people }: Parts): boolean =>
  untold(observer, people.tries).length === 0 &&
  [...observer.incidents.values()].every(({ state }) => state === 'resolved') &&
  [...agents.values()].every((node) => (node.pendingFrames() ?? Number.POSITIVE_INFINITY) === 0);

/** Puts everything planned into the line of events. */
const plant = (parts: Parts): void => {
  const { plan, loop, collector, agents } = parts;
  for (const agent of plan.agents) loop.at(agent.bootsAtMs, () => agents.get(agent.id)?.start());
  for (const fault of plan.faults) if (fault.atMs < plan.durationMs) loop.at(fault.atMs, () => commit(parts, fault));
  for (const window of plan.windows) {
    if (window.declaredAtMs <= 0) continue;
    loop.at(window.declaredAtMs, () => declare(parts));
  }
  for (const { atMs, act, pick } of plan.acts) {
    loop.at(atMs, () => {
      const open = [...parts.observer.incidents.values()].filter(({ state }) => state !== 'resolved').map(({ id }) => id);
      const incidentId = open.sort()[open.length === 0 ? 0 : pick % open.length];
      if (incidentId === undefined || collector.core === null) return;
      parts.trace(`person: ${act} ${incidentId}`);
      const note = 'sim';
      collector.core.collector.service
        .act(asId<'incident'>(incidentId), 'sim', act === 'note' ? { kind: act, note } : { kind: act, note: null })
        .catch((error: unknown) => refused(parts, error));
    });
  }
};

/** What people want is sometimes not possible; anything but that is a defect. */
const refused = (parts: Parts, error: unknown): void => {
  if (error instanceof AppError && ['CONFLICT', 'NOT_FOUND', 'STORE_UNAVAILABLE', 'OVERLOADED'].includes(error.code)) return;
  parts.loop.fail(error);
};

const declare = (parts: Parts): void => {
  const { core } = parts.collector;
  if (core === null) return;
  const text = declarationText(parts.plan, parts.loop.nowMs());
  core.collector.service.applyDeclaration(text, 'sim', 'sim').catch((error: unknown) => refused(parts, error));
};

/** All that must hold at this moment. */
const look = async (
  { plan, observer, collector, agents, people, loop }: Parts,
  targets: Targets,
  jobs: Jobs,
  isOver: boolean,
): Promise<void> => {
  await loop.settle();
  await collector.settle();
  checkStoredResults(plan, observer, targets.askings);
  checkAcknowledged(observer, targets.askings, isOver);
  await checkHistories(plan, observer, collector.store());
  checkCalls(observer, jobs.calls);
  checkOneOpen(observer);
  checkCalledOff(observer, isOver);
  checkTimers(plan, observer, isOver);
  checkTellings(observer, people.tries, isOver);
  if (!isOver) return;
  checkPartitions(plan, observer);
  checkAllTold(observer, people.tries);
  checkNothingMissing(plan, observer, targets.askings, loop.nowMs());
  checkNoneSkipped(plan, observer);
  for (const [id, node] of agents) {
    const pending = node.pendingFrames();
    if (pending === null) throw new Violation(`agent ${id} does not run although nothing hinders it`);
    if (pending > 2) throw new Violation(`agent ${id} still has ${pending} frames to send although nothing hinders it`);
  }
};

const traceBatch = (batch: CommitBatch, trace: (text: string) => void): void => {
  const shown = (atMs: number): number => (atMs - worldBeginsAtMs) / 1_000;
  trace(`commit ${shown(batch.atMs)}: ${batch.results.length} results, ${batch.frames.length} frames`);
  for (const result of batch.results)
    trace(`  result ${result.checkId}@${result.agentId} ${shown(result.observedAtMs)} ${result.outcome} ${result.detail ?? ''}`);
  for (const { subject, fromMs, spans, isCorrection } of batch.spans)
    trace(
      `  ${isCorrection ? 'corrected' : 'spans'} ${subject.kind} ${subject.id} from ${shown(fromMs)}: ` +
        spans.map((span) => `${shown(span.fromMs)} ${span.status}`).join(', '),
    );
  for (const entry of batch.timeline) trace(`  timeline ${entry.incidentId} ${entry.kind} ${entry.text}`);
  for (const record of batch.outbox) trace(`  notice ${record.id}`);
  for (const id of batch.outboxDrops) trace(`  dropped ${id}`);
};
