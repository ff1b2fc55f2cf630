import type { Incident, TimelineEntry } from '../../collector/src/engine/incident.ts';
import type { CommitBatch, OutboxRecord } from '../../collector/src/store/port.ts';
import type { CheckResult } from '../../shared/src/check.ts';
import { decodeFrame } from '../../shared/src/protocol/frame.ts';
import { decodeSamples } from '../../shared/src/protocol/samples.ts';
import type { Absence, TakenCall } from './model/heartbeat.ts';
import type { StoredAnswer, Unasked } from './model/history.ts';

/** Something must hold in every world and did not. */
export class Violation extends Error {}

/** What one frame holds that must reach the store: numbers of askings and readings, each the only one of its kind. */
interface FrameContent {
  readonly askings: readonly number[];
  readonly readings: readonly number[];
}

/** A position of an agent's stream as one number that grows with it. */
type Place = { readonly bootId: number; readonly seq: number };

/** The end of a process, by true time. */
export interface Ending {
  readonly how: 'stopped' | 'killed' | 'powerLost';
  /** When it began to end; for one that was killed the same as `atMs`. */
  readonly fromMs: number;
  readonly atMs: number;
  /** What was written since then need not be on the disk: only with power does that matter. */
  readonly unsyncedFromMs: number;
}

/** One notice as it was decided, in the order of decisions. */
export interface Decided {
  readonly record: OutboxRecord;
  readonly committedAtMs: number;
}

/** Sees everything from outside: what was sent, acknowledged, stored, decided and told. It decides nothing. */
export interface Observer {
  frameSent(agent: string, bytes: Uint8Array): void;
  heardByAgent(agent: string, text: string): void;
  /** @param atMs true time */
  committed(batch: CommitBatch, atMs: number): void;
  /** Results in the order in which they reached the store. */
  readonly answers: readonly StoredAnswer[];
  /** Stored results by the number of their asking, with the true instant at which they were stored. */
  readonly stored: ReadonlyMap<number, { readonly answer: StoredAnswer; readonly storedAtMs: number }>;
  readonly readings: ReadonlySet<string>;
  /** Calls of jobs in the order in which they reached the store. */
  readonly calls: readonly (TakenCall & { readonly number: number })[];
  readonly absences: readonly Absence[];
  /** True stretches without a collector; the last one may still go on. */
  readonly collectorAway: readonly { readonly fromMs: number; readonly toMs: number }[];
  collectorLives(isAlive: boolean): void;
  /** The collector listens again. @param atMs by its own clock */
  returned(atMs: number): void;
  readonly notices: readonly Decided[];
  /** Notices that were dropped, with the true instant. */
  readonly dropped: ReadonlyMap<string, number>;
  readonly incidents: ReadonlyMap<string, Incident>;
  readonly entries: readonly { readonly entry: TimelineEntry; readonly committedAtMs: number }[];
  /** By lane: stretches of the collector's time in which its agent was no longer asked; the last one may still go on. */
  readonly unasked: ReadonlyMap<string, readonly Unasked[]>;
  /** By lane: since when its agent is asked at all; until its first answer nothing is known. */
  readonly askedFrom: ReadonlyMap<string, number>;
  /** Collector's stamp of the last commit; everything up to it has been decided. */
  readonly stampMs: number;
  /** Frames that agents were told are stored. */
  acknowledged(): Iterable<{ readonly agent: string; readonly place: Place; readonly content: FrameContent }>;
  /** Frames that an agent said it had to give up. */
  readonly framesToldLost: ReadonlyMap<string, number>;
  /** Frames that the collector counts as missing although later ones came. */
  readonly framesMissing: number;
  missed(frames: number): void;
  /** Agents whose disk was full or torn. */
  readonly mayLose: Set<string>;
  /** What agents were told to ask, in order. */
  readonly configs: readonly { readonly agent: string; readonly atMs: number; readonly checks: ReadonlySet<string> }[];
  /** Every reading an agent took of its host, with the true instant. */
  readonly taken: ReadonlyMap<string, { readonly agent: string; readonly atMs: number }>;
  tookReading(agent: string, reading: number): void;
  /** How the processes of an agent ended, in order. */
  endingsOf(agent: string): readonly Ending[];
  /** A process of the agent begins. */
  began(agent: string): void;
  /** The agent begins to end by itself. */
  stopping(agent: string): void;
  /** It has ended by itself, with all it had to do before. */
  stopped(agent: string): void;
  /** Its process is gone. With `power` its machine is, too: what was neither acknowledged nor synced may be gone with it. */
  ended(agent: string, power: boolean): void;
  /** A broken box changed the order of its messages: nothing can be promised about its stream. */
  distrust(agent: string): void;
  isDistrusted(agent: string): boolean;
}

/** What was sent so shortly before a power failure may not have been on the disk: the spool is synced once a second, ms. */
const unsyncedMsMax = 1_500;

export const createObserver = (nowMs: () => number, onBatch: (batch: CommitBatch, observer: Observer) => void): Observer => {
  const answers: StoredAnswer[] = [];
  const stored = new Map<number, { answer: StoredAnswer; storedAtMs: number }>();
  const readings = new Set<string>();
  const notices: Decided[] = [];
  const dropped = new Map<string, number>();
  const incidents = new Map<string, Incident>();
  const entries: { entry: TimelineEntry; committedAtMs: number }[] = [];
  const sent = new Map<string, Map<string, { place: Place; content: FrameContent; sentAtMs: number }>>();
  const acknowledgedTo = new Map<string, Place>();
  const distrusted = new Set<string>();
  const framesToldLost = new Map<string, number>();
  const mayLose = new Set<string>();
  const unasked = new Map<string, Unasked[]>();
  const askedFrom = new Map<string, number>();
  const calls: (TakenCall & { number: number })[] = [];
  const absences: Absence[] = [];
  const collectorAway: { fromMs: number; toMs: number }[] = [];
  const configs: { agent: string; atMs: number; checks: ReadonlySet<string> }[] = [];
  const taken = new Map<string, { agent: string; atMs: number }>();
  const endings = new Map<string, readonly Ending[]>();
  const stoppingSince = new Map<string, number>();
  const beganAt = new Map<string, number>();
  const wholeEnds = new Set<string>();
  /** By agent: what was sent since then need not have been on the disk when its last process ended. */
  const unsyncedFrom = new Map<string, number>();
  let stampMs = 0;
  let framesMissing = 0;

  /** A job's call is stored as the last word of its lane. */
  const noteCall = (lane: string, last: LaneValue['lastResult']): void => {
    if (last === null || !lane.endsWith('@collector')) return;
    const number = Number(/^#(\d+)$/.exec(last.detail ?? '')?.[1] ?? Number.NaN);
    if (Number.isNaN(number)) throw new Violation(`a call nobody made is stored: ${JSON.stringify(last)}`);
    const heartbeat = lane.slice(0, -'@collector'.length);
    // The lane is also stored when nothing new came.
    if (calls.findLast((call) => call.heartbeat === heartbeat)?.number === number) return;
    calls.push({ heartbeat, number, atMs: last.observedAtMs, isUp: last.outcome === 'up' });
  };

  /** The beginning of a lane that nothing came of yet; what is stored of it later may lie before it. */
  const noteBegun = (lane: string, beginsAtMs: number | null, atMs: number): void => {
    if (beginsAtMs === null || askedFrom.has(lane)) return;
    if (beginsAtMs > atMs) throw new Violation(`${lane} begins at ${beginsAtMs}, after ${atMs}`);
    askedFrom.set(lane, beginsAtMs);
  };

  /** When a configuration took the check away from the agent, or gave it back: the only thing that is taken from the engine's own word. */
  const noteAsked = (lane: string, retiredAtMs: number | null, atMs: number): void => {
    const stretches = unasked.get(lane) ?? [];
    unasked.set(lane, stretches);
    const last = stretches.at(-1);
    if (retiredAtMs !== null && (last === undefined || last.toMs !== null)) stretches.push({ fromMs: retiredAtMs, toMs: null });
    if (retiredAtMs === null && last !== undefined && last.toMs === null) stretches.splice(-1, 1, { ...last, toMs: atMs });
  };

  const observer: Observer = {
    frameSent: (agent, bytes) => {
      const frame = decodeFrame(bytes);
      if (frame.kind === 'dictionary') return;
      const frames = sent.get(agent) ?? new Map();
      sent.set(agent, frames);
      const key = `${frame.bootId}/${frame.seq}`;
      const content = contentOf(frame.kind, frame.body);
      const known = frames.get(key);
      if (known !== undefined && JSON.stringify(known.content) !== JSON.stringify(content))
        throw new Violation(`${agent} sent two different frames as ${key}`);
      frames.set(key, { place: { bootId: frame.bootId, seq: frame.seq }, content, sentAtMs: nowMs() });
    },
    heardByAgent: (agent, text) => {
      const message: unknown = JSON.parse(text);
      if (typeof message !== 'object' || message === null || !('type' in message)) return;
      if (isConfig(message)) configs.push({ agent, atMs: nowMs(), checks: new Set(message.config.checks.map(({ id }) => id)) });
      const place = message.type === 'ack' ? message : message.type === 'welcome' && 'stored' in message ? message.stored : null;
      if (isPlace(place) && isUpTo(acknowledgedTo.get(agent) ?? null, place)) acknowledgedTo.set(agent, place);
    },
    committed: (batch, atMs) => {
      if (batch.atMs < stampMs) throw new Violation(`stamps went back from ${stampMs} to ${batch.atMs}`);
      stampMs = batch.atMs;
      for (const result of batch.results) {
        const number = Number(/^#(\d+)$/.exec(result.detail ?? '')?.[1] ?? Number.NaN);
        if (Number.isNaN(number)) throw new Violation(`a result nobody asked for is stored: ${JSON.stringify(result)}`);
        const answer = { check: result.checkId, agent: result.agentId, atMs: result.observedAtMs, outcome: result.outcome };
        if (stored.has(number)) throw new Violation(`the result of asking ${number} is stored twice`);
        stored.set(number, { answer, storedAtMs: atMs });
        answers.push(answer);
      }
      for (const { agentId, body } of batch.frames) {
        for (const reading of readingsOf(body)) {
          const key = `${agentId}/${reading}`;
          if (readings.has(key)) throw new Violation(`reading ${reading} of ${agentId} is stored twice`);
          readings.add(key);
        }
      }
      for (const { entity, id, value } of batch.entities) {
        // An entity's value is JSON of the kind its name says.
        const lane = entity === 'lane' ? (value as LaneValue | null) : null;
        if (entity === 'lane') noteAsked(id, lane?.state.retiredAtMs ?? null, batch.atMs);
        noteBegun(id, lane?.beginsAtMs ?? null, batch.atMs);
        noteCall(id, lane?.lastResult ?? null);
      }
      for (const { agentId, frames } of batch.gaps) framesToldLost.set(agentId, (framesToldLost.get(agentId) ?? 0) + frames);
      for (const incident of batch.incidents) incidents.set(incident.id, incident);
      for (const entry of batch.timeline) entries.push({ entry, committedAtMs: atMs });
      for (const record of batch.outbox) notices.push({ record, committedAtMs: atMs });
      for (const id of batch.outboxDrops) dropped.set(id, atMs);
      onBatch(batch, observer);
    },
    answers,
    calls,
    absences,
    collectorAway,
    collectorLives: (isAlive) => {
      if (!isAlive) collectorAway.push({ fromMs: nowMs(), toMs: Number.POSITIVE_INFINITY });
      const last = collectorAway.at(-1);
      if (isAlive && last !== undefined) collectorAway.splice(-1, 1, { ...last, toMs: nowMs() });
    },
    returned: (atMs) => {
      // A life that stored nothing did not interrupt the absence.
      if (absences.at(-1)?.fromMs === stampMs) absences.pop();
      absences.push({ fromMs: stampMs, toMs: Math.max(stampMs, atMs) });
    },
    framesToldLost,
    get framesMissing() {
      return framesMissing;
    },
    missed: (frames) => {
      framesMissing += frames;
    },
    mayLose,
    unasked,
    askedFrom,
    stored,
    readings,
    notices,
    dropped,
    incidents,
    entries,
    get stampMs() {
      return stampMs;
    },
    acknowledged: function* () {
      for (const [agent, frames] of sent) {
        if (distrusted.has(agent)) continue;
        const upTo = acknowledgedTo.get(agent) ?? null;
        for (const { place, content } of frames.values()) if (isUpTo(place, upTo)) yield { agent, place, content };
      }
    },
    configs,
    taken,
    tookReading: (agent, reading) => taken.set(`${agent}/${reading}`, { agent, atMs: nowMs() }),
    endingsOf: (agent) => endings.get(agent) ?? [],
    began: (agent) => beganAt.set(agent, nowMs()),
    stopped: (agent) => wholeEnds.add(agent),
    stopping: (agent) => stoppingSince.set(agent, nowMs()),
    ended: (agent, power) => {
      const sinceMs = stoppingSince.get(agent);
      stoppingSince.delete(agent);
      // One that is killed while it ends is killed.
      const how = power ? 'powerLost' : wholeEnds.delete(agent) ? 'stopped' : 'killed';
      // A start syncs what it finds; one that ended at once did not come to that.
      const sureFromMs = nowMs() - unsyncedMsMax;
      const isLong = (beganAt.get(agent) ?? 0) <= sureFromMs;
      const unsyncedFromMs = isLong ? sureFromMs : Math.min(sureFromMs, unsyncedFrom.get(agent) ?? sureFromMs);
      unsyncedFrom.set(agent, unsyncedFromMs);
      const ending: Ending = { how, fromMs: sinceMs ?? nowMs(), atMs: nowMs(), unsyncedFromMs };
      endings.set(agent, [...(endings.get(agent) ?? []), ending]);
      if (!power) return;
      unsyncedFrom.delete(agent);
      const upTo = acknowledgedTo.get(agent) ?? null;
      for (const [key, { place, sentAtMs }] of sent.get(agent) ?? [])
        if (!isUpTo(place, upTo) && sentAtMs > unsyncedFromMs) sent.get(agent)?.delete(key);
    },
    distrust: (agent) => distrusted.add(agent),
    isDistrusted: (agent) => distrusted.has(agent),
  };
  return observer;
};

/** What is read of a stored lane. */
interface LaneValue {
  readonly state: { readonly retiredAtMs?: number | null };
  readonly beginsAtMs?: number | null;
  readonly lastResult: Pick<CheckResult, 'observedAtMs' | 'outcome' | 'detail'> | null;
}

const isPlace = (value: unknown): value is Place =>
  typeof value === 'object' && value !== null && 'bootId' in value && 'seq' in value;

const isConfig = (message: object): message is { config: { checks: { id: string }[] } } =>
  'type' in message && message.type === 'config' && 'config' in message;

const isUpTo = (place: Place | null, other: Place | null): boolean =>
  place === null ||
  (other !== null && (place.bootId < other.bootId || (place.bootId === other.bootId && place.seq <= other.seq)));

const contentOf = (kind: string, body: Uint8Array): FrameContent => {
  if (kind === 'samples') return { askings: [], readings: readingsOf(body) };
  if (kind !== 'results') return { askings: [], readings: [] };
  const { results }: { results: readonly { detail?: string }[] } = JSON.parse(Buffer.from(body).toString('utf8'));
  return { askings: results.flatMap(({ detail }) => (detail === undefined ? [] : [Number(detail.slice(1))])), readings: [] };
};

const readingsOf = (body: Uint8Array): number[] => decodeSamples(body).flatMap(({ values }) => [...values]);
