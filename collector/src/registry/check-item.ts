import { type Probe, type ProbeKind, probeKindNames, probeKinds, probeSchema } from '@jiwei/shared/probes/registry.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import { z } from 'zod';
import { type Collector, check, mapOf } from './collect.ts';
import type { CheckDefaults, CheckSource, DeclaredAsset, DeclaredCheck } from './declaration.ts';
import { durationText } from './duration.ts';
import { unknownKey } from './issues.ts';
import { type CheckItem, checkSchema } from './items.ts';
import { checkRunOrder } from './orderings.ts';
import type { Path } from './source.ts';

/** Values of a check that says nothing of its own: asked every 20 s, down within about 2 s of the first failure. */
export const checkDefaults: CheckDefaults = {
  intervalMs: 20 * secondMs,
  timeoutMs: 5 * secondMs,
  confirm: { failures: 3, successes: 2, retryMs: secondMs },
};

const ownKeys = [...Object.keys(checkSchema.shape), 'kind'];
const kindSchema = z.enum(probeKindNames as [ProbeKind, ...ProbeKind[]]);

const specKeysOf = (kind: ProbeKind): readonly string[] => {
  const { spec } = probeKinds[kind];
  return Object.keys(spec.shape);
};

/** The probe of a check: its kind and the options of the kind, which stand beside the check's own keys. */
const probeAt = (
  collector: Collector,
  kind: ProbeKind,
  options: ReadonlyMap<string, unknown>,
  asset: DeclaredAsset | null,
  path: Path,
): Probe | null => {
  const spec = Object.fromEntries(options);
  // The asset's address is the host nobody needs to write twice.
  if (specKeysOf(kind).includes('host') && spec['host'] === undefined && asset !== null && asset.address !== null) {
    spec['host'] = asset.address;
  }
  // Whether an asset that is told to be wrong has an address, nobody knows: one mistake is told once.
  if (specKeysOf(kind).includes('host') && spec['host'] === undefined && asset === null) spec['host'] = 'localhost';
  const specSchema: z.ZodType = probeKinds[kind].spec;
  if (check(collector, specSchema, spec, path, ownKeys) === null) return null;
  return probeSchema.parse({ kind, spec });
};

/** An asset's own host is asked by the agent on it; anything else over the network, by an agent of the asset's zone. */
const defaultSource = (kind: ProbeKind, asset: DeclaredAsset): CheckSource => {
  if (kind === 'heartbeat') return { kind: 'collector' };
  if (kind === 'process' || kind === 'unit' || asset.zoneId === null) return { kind: 'host' };
  return { kind: 'zone', zoneId: asset.zoneId, count: 1 };
};

const sourceOf = (from: NonNullable<CheckItem['from']>): CheckSource => {
  switch (from.kind) {
    case 'host':
      return { kind: 'host' };
    case 'agents':
      return { kind: 'agents', agentIds: from.agents };
    case 'zone':
      return { kind: 'zone', zoneId: from.zone, count: from.count };
    case 'labels':
      return { kind: 'labels', labels: from.labels, count: from.count };
    default:
      return from satisfies never;
  }
};

/** How many agents ask at most. */
const agentCountOf = (source: CheckSource): number => {
  switch (source.kind) {
    case 'agents':
      return new Set(source.agentIds).size;
    case 'zone':
    case 'labels':
      return source.count;
    case 'host':
    case 'collector':
      return 1;
    default:
      return source satisfies never;
  }
};

const checkConsistency = (collector: Collector, item: CheckItem, kind: ProbeKind, declared: DeclaredCheck, path: Path): void => {
  const fail = (key: string, message: string): void => {
    collector.errors.push(collector.source.errorAt([...path, key], message));
  };
  if (item.interval !== undefined && item.cron !== undefined) fail('cron', 'stands beside interval; needs one of the two');
  if (item.cron === undefined && item.timeZone !== undefined) fail('timeZone', 'stands without cron, which it belongs to');
  if (item.cron !== undefined && item.timeZone === undefined) fail('cron', 'needs timeZone beside it, such as Asia/Shanghai');
  if (item.cron !== undefined && item.staleAfter === undefined) {
    fail(
      'cron',
      'needs staleAfter beside it: the age at which the last result no longer says anything, such as 26h for a daily check',
    );
  }
  const intervalMs = 'intervalMs' in declared.schedule ? declared.schedule.intervalMs : null;
  // What the defaults alone say is told once, there.
  const isOfDefaults = item.interval === undefined && item.timeout === undefined && item.confirm?.retry === undefined;
  if (kind !== 'heartbeat' && !isOfDefaults) checkRunOrder(collector, path, { ...declared, intervalMs }, item);
  const { spec } = declared.probe;
  if ('slowMs' in spec && spec.slowMs !== undefined && spec.slowMs >= declared.timeoutMs) {
    fail(
      'slowMs',
      `is ${spec.slowMs}; needs less than the timeout of ${durationText(declared.timeoutMs)}, or nothing is ever slow`,
    );
  }
  if (intervalMs === null && item.staleAfter !== undefined && item.staleAfter <= declared.timeoutMs) {
    fail('staleAfter', `is ${durationText(item.staleAfter)}; needs more than the timeout of ${durationText(declared.timeoutMs)}`);
  }
  if (intervalMs !== null && item.staleAfter !== undefined && item.staleAfter <= intervalMs) {
    fail(
      'staleAfter',
      `is ${durationText(item.staleAfter)}; needs more than the interval of ${durationText(intervalMs)}, or every late result makes a gap`,
    );
  }
  if (kind === 'heartbeat' && item.from !== undefined) fail('from', 'stands at a heartbeat, which no agent asks');
  const agentCount = agentCountOf(declared.from);
  if (declared.quorum !== null && declared.quorum > agentCount) {
    fail('quorum', `is ${declared.quorum}; needs at most the number of agents that ask, ${agentCount}`);
  }
};

/**
 * Age at which silence becomes unknown: two intervals, the timeout and 5 s. With one interval, a result that is a little late (a
 * slow probe, a reconnecting agent) would make a gap of unknown each time; with two, one result may be lost and nothing shows.
 */
const staleAfterOf = (intervalMs: number, timeoutMs: number, probe: Probe): number =>
  2 * intervalMs + (probe.kind === 'heartbeat' ? probe.spec.graceMs : timeoutMs) + 5 * secondMs;

/** One entry of `checks`; null (and the errors are noted) when it is wrong. */
export const checkAt = (
  collector: Collector,
  value: unknown,
  path: Path,
  assets: ReadonlyMap<string, DeclaredAsset>,
  defaults: CheckDefaults,
): DeclaredCheck | null => {
  const keys = mapOf(value);
  const kind = check(collector, kindSchema, keys.get('kind'), [...path, 'kind']);
  const isOwn = ([key]: [string, unknown]) => ownKeys.includes(key);
  const own = Object.fromEntries([...keys].filter((entry) => isOwn(entry) && entry[0] !== 'kind'));
  const item = check(collector, checkSchema, own, path)?.item;
  const asset = assets.get(String(keys.get('asset'))) ?? null;
  const options = new Map([...keys].filter((entry) => !isOwn(entry)));
  if (kind === null) {
    const known = [...ownKeys, ...new Set(probeKindNames.flatMap(specKeysOf))];
    for (const key of options.keys())
      if (!known.includes(key)) collector.errors.push(unknownKey(collector.source, [...path, key], known));
    return null;
  }
  const probe = probeAt(collector, kind.item, options, asset, path);
  if (item === undefined || probe === null || asset === null) return null;
  const timeoutMs = item.timeout ?? defaults.timeoutMs;
  const intervalMs = item.interval ?? defaults.intervalMs;
  const declared: DeclaredCheck = {
    id: item.id,
    assetId: item.asset,
    probe,
    schedule: item.cron === undefined ? { intervalMs } : { cron: item.cron, timeZone: item.timeZone ?? 'UTC' },
    timeoutMs,
    confirm: {
      failures: item.confirm?.failures ?? defaults.confirm.failures,
      successes: item.confirm?.successes ?? defaults.confirm.successes,
      retryMs: item.confirm?.retry ?? defaults.confirm.retryMs,
    },
    critical: item.critical,
    severity: item.severity,
    quorum: item.quorum ?? null,
    staleAfterMs: item.staleAfter ?? staleAfterOf(intervalMs, timeoutMs, probe),
    from: item.from === undefined || kind.item === 'heartbeat' ? defaultSource(kind.item, asset) : sourceOf(item.from),
  };
  checkConsistency(collector, item, kind.item, declared, path);
  return declared;
};
