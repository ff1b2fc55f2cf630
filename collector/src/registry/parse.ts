import { probeTargetsSchema } from '@jiwei/shared/cidr.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { z } from 'zod';
import { type EngineTiming, engineTimingDefault, type RuleConfig } from '../engine/config.ts';
import { checkAt, checkDefaults } from './check-item.ts';
import { type Collector, check, checkList, entriesAt, mapOf, type Placed, sortedErrors, writtenIds } from './collect.ts';
import type {
  CheckDefaults,
  Declaration,
  DeclarationError,
  DeclaredAgent,
  DeclaredAsset,
  DeclaredCheck,
  DeclaredMaintenance,
  DeclaredNotifier,
} from './declaration.ts';
import type { FileText } from './file-text.ts';
import { ruleFilePath } from './inline-rules.ts';
import { shown, unknownKey } from './issues.ts';
import {
  agentSchema,
  assetSchema,
  defaultsSchema,
  hostSchema,
  maintenanceSchema,
  notifierSchema,
  routeSchema,
  timingSchema,
  unitSchema,
  zoneSchema,
} from './items.ts';
import { checkRunOrder, checkTiming } from './orderings.ts';
import { checkAllReferences, checkCycles, checkDuplicates, checkMaintenance, type KnownIds } from './references.ts';
import { rulesAt } from './rule-groups.ts';
import { openSource } from './source.ts';

export interface ParseOptions {
  /** Named in errors; relative rule files are looked for beside it. */
  readonly fileName: string;
  /** Options of each notifier kind without `id` and `kind`: kind → strict zod object. */
  readonly notifierSchemas: ReadonlyMap<string, z.ZodType>;
  /** Left out: ruleFiles are refused. */
  readonly readRuleFile?: (path: string) => FileText;
}
export type ParseResult =
  | { readonly declaration: Declaration }
  | { readonly errors: readonly [DeclarationError, ...DeclarationError[]] };

/** Top-level keys of a declaration; each may be left out. */
export const declarationKeys = [
  'defaults',
  'timing',
  'host',
  'probeTargets',
  'zones',
  'units',
  'assets',
  'agents',
  'checks',
  'groups',
  'ruleFiles',
  'maintenance',
  'notifiers',
  'routes',
] as const;
type Keys = ReadonlyMap<string, unknown>;
/** Of these keys those that hold a map; the others hold a list. */
const mapKeys: ReadonlySet<string> = new Set(['defaults', 'timing', 'host', 'probeTargets']);

const knownIdsOf = (keys: Keys): KnownIds => ({
  zone: writtenIds(keys.get('zones')),
  unit: writtenIds(keys.get('units')),
  asset: writtenIds(keys.get('assets')),
  agent: writtenIds(keys.get('agents')),
  notifier: writtenIds(keys.get('notifiers')),
});

const defaultsAt = (collector: Collector, value: unknown): CheckDefaults => {
  const given = value === undefined ? undefined : check(collector, defaultsSchema, value, ['defaults'])?.item;
  const { confirm } = checkDefaults;
  const defaults: CheckDefaults = {
    intervalMs: given?.interval ?? checkDefaults.intervalMs,
    timeoutMs: given?.timeout ?? checkDefaults.timeoutMs,
    confirm: {
      failures: given?.confirm?.failures ?? confirm.failures,
      successes: given?.confirm?.successes ?? confirm.successes,
      retryMs: given?.confirm?.retry ?? confirm.retryMs,
    },
  };
  if (given !== undefined) checkRunOrder(collector, ['defaults'], defaults, given);
  return defaults;
};

const timingAt = (collector: Collector, value: unknown): EngineTiming => {
  const given = value === undefined ? undefined : check(collector, timingSchema, value, ['timing'])?.item;
  const standard = engineTimingDefault;
  const respondMs = given?.respond ?? standard.respondMs;
  const timing: EngineTiming = {
    respondMs,
    // Two minutes of three, and as much of what is promised instead.
    respondWarnMs: given?.respondWarn ?? Math.floor((respondMs * standard.respondWarnMs) / standard.respondMs),
    onsiteMs: given?.onsite ?? standard.onsiteMs,
    agentGraceMs: given?.agentGrace ?? standard.agentGraceMs,
    questionMs: given?.question ?? standard.questionMs,
    questionIntervalMs: given?.questionInterval ?? standard.questionIntervalMs,
    agentStormCount: given?.agentStormCount ?? standard.agentStormCount,
    agentStormMs: given?.agentStorm ?? standard.agentStormMs,
    incidentStormCount: given?.incidentStormCount ?? standard.incidentStormCount,
    flapCount: given?.flapCount ?? standard.flapCount,
    flapQuietMs: given?.flapQuiet ?? standard.flapQuietMs,
  };
  if (given !== undefined) checkTiming(collector, timing, (key) => key in given);
  return timing;
};

const notifiersAt = (collector: Collector, value: unknown, schemas: ReadonlyMap<string, z.ZodType>): DeclaredNotifier[] =>
  entriesAt(collector, value, ['notifiers']).flatMap(({ item, path }) => {
    const { id, kind, ...options } = Object.fromEntries(mapOf(item));
    const own = check(collector, notifierSchema, { id, kind }, path);
    if (own === null) return [];
    const schema = schemas.get(own.item.kind);
    if (schema === undefined) {
      const message = `is "${own.item.kind}"; needs one of ${[...schemas.keys()].join(', ')}`;
      collector.errors.push(collector.source.errorAt([...path, 'kind'], message));
      return [];
    }
    const checked = check(collector, schema, options, path, ['id', 'kind']);
    return checked === null ? [] : [{ ...own.item, options: checked.item }];
  });

/** Rules of the file itself and of the rule files it names. */
const allRulesAt = (collector: Collector, keys: Keys, options: ParseOptions): { rules: RuleConfig[]; ruleFiles: string[] } => {
  const groups = new Set<string>();
  const ids = new Set<string>();
  const rules = rulesAt(collector, keys.get('groups'), ['groups'], groups, ids);
  const ruleFiles: string[] = [];
  for (const { item, path } of entriesAt(collector, keys.get('ruleFiles'), ['ruleFiles'])) {
    const fail = (message: string) => collector.errors.push(collector.source.errorAt(path, message));
    if (typeof item !== 'string' || item === '') {
      fail('needs the path of a rule file');
      continue;
    }
    const file = ruleFilePath(options.fileName, item);
    const read = options.readRuleFile?.(file);
    if (read === undefined || 'error' in read) {
      fail(
        read === undefined
          ? 'cannot be read from here; put the groups into this file'
          : `is "${item}"; needs a file that can be read: ${read.error.message}`,
      );
      continue;
    }
    ruleFiles.push(file);
    const source = openSource(read.text, file);
    collector.errors.push(...source.errors);
    const inner: Collector = { source, errors: collector.errors };
    // What is no YAML has told so already.
    const innerKeys = source.errors.length > 0 ? new Map<string, unknown>() : writtenKeys(inner, ['groups']);
    rules.push(...rulesAt(inner, innerKeys.get('groups'), ['groups'], groups, ids));
  }
  return { rules, ruleFiles };
};

/** Counts the checks that must be asked by one agent alone. @returns agents for whom it is the first one too many */
const createLoadCount = (agents: readonly DeclaredAgent[]): ((check: DeclaredCheck) => readonly AgentId[]) => {
  const counts = new Map<AgentId, number>();
  const onAsset = Map.groupBy(agents, (agent) => agent.assetId);
  return ({ from, assetId }) => {
    const named =
      from.kind === 'agents' ? from.agentIds : from.kind === 'host' ? (onAsset.get(assetId) ?? []).map(({ id }) => id) : [];
    return [...new Set(named)].filter((id) => {
      const count = (counts.get(id) ?? 0) + 1;
      counts.set(id, count);
      return count === limits.checksPerAgentMax + 1;
    });
  };
};

const checksAt = (
  collector: Collector,
  keys: Keys,
  assets: readonly DeclaredAsset[],
  agents: readonly DeclaredAgent[],
): DeclaredCheck[] => {
  const { source } = collector;
  const defaults = defaultsAt(collector, keys.get('defaults'));
  const byId = new Map<string, DeclaredAsset>(assets.map((asset) => [asset.id, asset]));
  const hostAssets = new Set<string>(agents.flatMap((agent) => (agent.assetId === null ? [] : [agent.assetId])));
  const countLoad = createLoadCount(agents);
  return entriesAt(collector, keys.get('checks'), ['checks']).flatMap(({ item, path }) => {
    const declared = checkAt(collector, item, path, byId, defaults);
    if (declared === null) return [];
    for (const agentId of countLoad(declared)) {
      const message = `gives agent "${agentId}" more than ${limits.checksPerAgentMax} checks; needs other agents`;
      collector.errors.push(source.errorAt([...path, 'from'], message));
    }
    if (declared.from.kind === 'host' && !hostAssets.has(declared.assetId)) {
      const message = `asks from the host of "${declared.assetId}", but no declared agent runs on it; needs an entry of agents with that asset`;
      collector.errors.push(source.errorAt([...path, 'from'], message));
    }
    return [declared];
  });
};

const maintenanceOf = ({ item }: Placed<z.output<typeof maintenanceSchema>>): DeclaredMaintenance => ({
  id: item.id,
  fromMs: item.from,
  toMs: item.to,
  assetIds: item.assets,
  unitIds: item.units,
  zoneIds: item.zones,
  reason: item.reason,
  approvedBy: item.approvedBy,
  approvedAtMs: item.approvedAt,
});

const declarationAt = (collector: Collector, keys: Keys, options: ParseOptions): Declaration => {
  const list = <T>(key: string, schema: z.ZodType<T>) => checkList(collector, schema, keys.get(key), [key]);
  const known = knownIdsOf(keys);
  for (const noun of ['zone', 'unit', 'asset', 'agent', 'check', 'notifier', 'route']) {
    checkDuplicates(collector, noun, keys.get(`${noun}s`), [`${noun}s`]);
  }
  checkDuplicates(collector, 'maintenance', keys.get('maintenance'), ['maintenance']);
  checkAllReferences(collector, known, keys);
  checkCycles(collector, keys.get('assets'));
  const zones = list('zones', zoneSchema).map(({ item }) => item);
  const units = list('units', unitSchema).map(({ item }) => ({ id: item.id, name: item.name, zoneId: item.zone }));
  const zoneOf = new Map(units.map((unit) => [unit.id, unit.zoneId]));
  const assets = list('assets', assetSchema).map(({ item }): DeclaredAsset => {
    const { unit, parents, address, ...rest } = item;
    return { ...rest, unitId: unit, zoneId: zoneOf.get(unit) ?? null, parentIds: parents, address: address ?? null };
  });
  const agents = list('agents', agentSchema).map(
    ({ item: { id, asset = null, zone = null, labels, collectors } }): DeclaredAgent => ({
      ...{ id, assetId: asset, zoneId: zone, labels },
      ...(collectors === undefined ? {} : { collectors }),
    }),
  );
  const checks = checksAt(collector, keys, assets, agents);
  const { rules, ruleFiles } = allRulesAt(collector, keys, options);
  const windows = list('maintenance', maintenanceSchema);
  checkMaintenance(collector, keys.get('maintenance'));
  const notifiers = notifiersAt(collector, keys.get('notifiers'), options.notifierSchemas);
  const routes = list('routes', routeSchema).map(({ item }) => {
    const { id, notifier, severities } = item;
    return { id, notifier, severities, zoneIds: item.zones, unitIds: item.units, assetIds: item.assets };
  });
  const targets = keys.get('probeTargets');
  const probeTargets = targets === undefined ? undefined : check(collector, probeTargetsSchema, targets, ['probeTargets'])?.item;
  const host = keys.get('host') === undefined ? undefined : check(collector, hostSchema, keys.get('host'), ['host'])?.item;
  return {
    zones,
    units,
    assets,
    agents,
    checks,
    rules,
    maintenance: windows.map(maintenanceOf),
    routes,
    notifiers,
    timing: timingAt(collector, keys.get('timing')),
    hostIntervalMs: host?.interval ?? hostSchema.parse({}).interval,
    ruleFiles,
    ...(host?.collectors === undefined ? {} : { hostCollectors: host.collectors }),
    ...(probeTargets === undefined ? {} : { probeTargets }),
  };
};

/**
 * The top-level keys of a file that say something; what is wrong with them as such is noted. A file without content and a key with nothing after
 * it are what a program that died, a full disk or a forgotten line leaves behind: nobody is taken to have wanted everything gone by that.
 */
const writtenKeys = (collector: Collector, known: readonly string[]): Keys => {
  const { source, errors } = collector;
  if (source.value === null) {
    errors.push(
      source.errorAt([], `is empty; needs ${known.length === 1 ? `${known[0]}: []` : '{}'} to declare nothing on purpose`),
    );
    return new Map();
  }
  if (typeof source.value !== 'object' || Array.isArray(source.value)) {
    errors.push(source.errorAt([], `is ${shown(source.value, [])}; the file needs a map with the keys ${known.join(', ')}`));
    return new Map();
  }
  const keys = new Map(mapOf(source.value));
  for (const [key, value] of keys) {
    if (!known.includes(key)) errors.push(unknownKey(source, [key], known));
    if (value !== null) continue;
    keys.delete(key);
    if (known.includes(key)) {
      const need = mapKeys.has(key) ? 'a map of keys, or {} for none' : 'a list, or [] for none';
      errors.push(source.errorAtKey([key], `is null, since nothing follows it; needs ${need} on purpose`));
    }
  }
  return keys;
};

const resultOf = (errors: readonly DeclarationError[], declaration: Declaration | null): ParseResult => {
  const [first, ...rest] = sortedErrors(errors);
  if (first !== undefined) return { errors: [first, ...rest] };
  if (declaration === null) throw new TypeError('a declaration without errors has a value');
  return { declaration };
};

/**
 * Checks a declaration whole: every error it has, in the order of the text, each with file, line, column, path, value and what is needed.
 * Never throws for what the text holds.
 */
export const parseDeclaration = (text: string, options: ParseOptions): ParseResult => {
  const source = openSource(text, options.fileName);
  if (source.errors.length > 0) return resultOf(source.errors, null);
  const collector: Collector = { source, errors: [] };
  const declaration = declarationAt(collector, writtenKeys(collector, declarationKeys), options);
  return resultOf(collector.errors, declaration);
};
