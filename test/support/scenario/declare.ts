import {
  type AgentEntry,
  type AssetConfig,
  assetKinds,
  type CheckConfig,
  type EngineConfig,
  engineTimingDefault,
  type MaintenanceConfig,
  type RouteConfig,
  type RuleConfig,
  type ZoneConfig,
} from '../../../collector/src/engine/config.ts';
import { type AgentId, type AssetId, asId, type CheckId, type RuleId, type ZoneId } from '../../../shared/src/ids.ts';
import { probeSchema } from '../../../shared/src/probes/registry.ts';
import { severities } from '../../../shared/src/status.ts';
import { instantOf, spanMsOf, wordsOf, zeroMs } from './text.ts';

/** A declared thing: `check page asset=web agents=a1 interval=20s`. */
interface Item {
  readonly kind: string;
  readonly id: string;
  readonly options: ReadonlyMap<string, string>;
}

/** What a scenario declares, changed by `declare` and `remove` lines; key: `<kind> <id>`. */
export type Declaration = Map<string, Item>;

/** Takes a line in; one of the same kind and id is replaced. */
export const declareLine = (declaration: Declaration, line: string): void => {
  const [kind = '', id = '', ...rest] = wordsOf(line);
  const options = new Map(
    rest.map((word): [string, string] => {
      const at = word.indexOf('=');
      return at < 0 ? [word, 'yes'] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
  declaration.set(`${kind} ${id}`, { kind, id, options });
};

const need = (item: Item, option: string): string => {
  const value = item.options.get(option);
  if (value === undefined) throw new Error(`${item.kind} ${item.id} needs ${option}=`);
  return value;
};

const span = (item: Item, option: string, otherwise: string): number => spanMsOf(item.options.get(option) ?? otherwise);

const ids = <K extends string>(text: string | undefined) =>
  (text ?? '')
    .split(',')
    .filter(Boolean)
    .map(asId<K>);

const oneOf = <T extends string>(known: readonly T[], text: string): T => {
  const found = known.find((word) => word === text);
  if (found === undefined) throw new Error(`${text} is none of ${known.join(', ')}`);
  return found;
};

const zoneIdOf = (item: Item): ZoneId | null => {
  const text = item.options.get('zone');
  return text === undefined ? null : asId<'zone'>(text);
};

const zoneOf = (item: Item): ZoneConfig => ({ id: asId(item.id), name: item.id, crew: item.options.get('crew') ?? 'A' });

const assetOf = (item: Item): AssetConfig => ({
  id: asId(item.id),
  name: item.options.get('name') ?? item.id,
  kind: oneOf(assetKinds, item.options.get('kind') ?? 'server'),
  unitId: null,
  zoneId: zoneIdOf(item),
  importance: 3,
  parentIds: ids(item.options.get('parents')),
  needsOnsite: item.options.has('onsite'),
});

const agentOf = (item: Item): AgentEntry => ({
  id: asId(item.id),
  assetId: asId(need(item, 'asset')),
  zoneId: zoneIdOf(item),
  address: item.options.has('noaddress') ? null : `${item.id}.test`,
});

const checkOf = (item: Item): CheckConfig => {
  const isHeartbeat = item.kind === 'heartbeat';
  const [failures = 3, successes = 2] = (item.options.get('confirm') ?? '3/2').split('/').map(Number);
  const quorum = item.options.get('quorum');
  return {
    id: asId(item.id),
    assetId: asId(need(item, 'asset')),
    probe: isHeartbeat
      ? { kind: 'heartbeat', spec: { graceMs: span(item, 'grace', '10s') } }
      : probeSchema.parse({ kind: 'tcp', spec: { host: `${item.id}.test`, port: 80 } }),
    schedule: { intervalMs: span(item, 'interval', '20s') },
    timeoutMs: span(item, 'timeout', '1s'),
    confirm: { failures, successes, retryMs: span(item, 'retry', '1s') },
    critical: !item.options.has('watched'),
    severity: oneOf(severities, item.options.get('severity') ?? 'major'),
    agentIds: isHeartbeat ? [] : ids<'agent'>(need(item, 'agents')),
    quorum: quorum === undefined ? null : Number(quorum),
    staleAfterMs: span(item, 'stale', '45s'),
  };
};

const ruleOf = (item: Item): RuleConfig => ({
  id: asId(item.id),
  name: item.id,
  expr: need(item, 'expr'),
  forMs: span(item, 'for', '0s'),
  keepFiringForMs: span(item, 'keep', '0s'),
  evaluationMs: span(item, 'eval', '15s'),
  labels: { severity: item.options.get('severity') ?? 'major' },
  annotations: {},
});

const windowOf = (item: Item): MaintenanceConfig => ({
  id: asId(item.id),
  fromMs: instantOf(need(item, 'from')),
  toMs: instantOf(need(item, 'to')),
  assetIds: ids(need(item, 'assets')),
  reason: 'work',
  approvedBy: 'chief',
  approvedAtMs: zeroMs,
  createdAtMs: zeroMs,
});

const routeOf = (item: Item): RouteConfig => ({
  id: asId(item.id),
  notifier: 'log',
  severities: (item.options.get('severities') ?? '')
    .split(',')
    .filter(Boolean)
    .map((word) => oneOf(severities, word)),
  zoneIds: ids(item.options.get('zones')),
  unitIds: [],
  assetIds: ids(item.options.get('assets')),
});

const byId = <K, T extends { readonly id: K }>(all: readonly T[]): ReadonlyMap<K, T> => new Map(all.map((one) => [one.id, one]));

/** The configuration the lines make. Where no route is declared there is one, `duty`, which hears everything. */
export const configOf = (declaration: Declaration, version: number): EngineConfig => {
  const of = <T>(kinds: readonly string[], make: (item: Item) => T): T[] =>
    [...declaration.values()].filter((item) => kinds.includes(item.kind)).map(make);
  const timing = of(['timing'], ({ options }) =>
    Object.fromEntries([...options].map(([name, text]) => [name, name.endsWith('Ms') ? spanMsOf(text) : Number(text)])),
  );
  const routes = of(['route'], routeOf);
  return {
    version,
    zones: byId<ZoneId, ZoneConfig>(of(['zone'], zoneOf)),
    units: new Map(),
    assets: byId<AssetId, AssetConfig>(of(['asset'], assetOf)),
    agents: byId<AgentId, AgentEntry>(of(['agent'], agentOf)),
    checks: byId<CheckId, CheckConfig>(of(['check', 'heartbeat'], checkOf)),
    rules: byId<RuleId, RuleConfig>(of(['rule'], ruleOf)),
    maintenance: of(['window'], windowOf),
    routes: routes.length > 0 ? routes : [routeOf({ kind: 'route', id: 'duty', options: new Map() })],
    timing: Object.assign({ ...engineTimingDefault }, ...timing),
  };
};
