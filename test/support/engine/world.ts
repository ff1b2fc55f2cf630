import type { AgentId, AssetId, CheckId, RouteId, UnitId, ZoneId } from '@jiwei/shared/ids.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { minuteMs, secondMs } from '@jiwei/shared/time.ts';
import fc from 'fast-check';
import {
  type AgentEntry,
  type AssetConfig,
  type CheckConfig,
  type EngineConfig,
  engineTimingDefault,
  type MaintenanceConfig,
  type RouteConfig,
  type RuleConfig,
} from '../../../collector/src/engine/config.ts';

/** Instant at which every generated world begins. */
export const startMs = 1_700_000_000_000;

const keyed = <K extends string, V extends { readonly id: K }>(values: readonly V[]): Map<K, V> =>
  new Map(values.map((value) => [value.id, value]));

const zoneId = asId<'zone'>('z1');
const unitId = asId<'unit'>('u1');

/** A check with what matters filled in; the rest is usual. */
export const checkOf = (id: string, assetId: string, changes: Partial<CheckConfig> = {}): CheckConfig => ({
  id: asId<'check'>(id),
  assetId: asId<'asset'>(assetId),
  probe: { kind: 'icmp', spec: { host: `${id}.invalid`, count: 1, lossRatioDegraded: 1, tcpFallbackPort: 22 } },
  schedule: { intervalMs: 10 * secondMs },
  timeoutMs: secondMs,
  confirm: { failures: 2, successes: 1, retryMs: secondMs },
  critical: true,
  severity: 'major',
  agentIds: [asId<'agent'>('g1')],
  quorum: null,
  staleAfterMs: 30 * secondMs,
  ...changes,
});

/** An asset of the one unit and zone. */
export const assetOf = (id: string, changes: Partial<AssetConfig> = {}): AssetConfig => ({
  id: asId<'asset'>(id),
  name: id,
  kind: 'server',
  unitId,
  zoneId,
  importance: 3,
  parentIds: [],
  needsOnsite: false,
  ...changes,
});

/** What a world is made of; short clocks, so that a few minutes show what would else take hours. */
export interface WorldParts {
  readonly assets: readonly AssetConfig[];
  readonly agents: readonly AgentEntry[];
  readonly checks: readonly CheckConfig[];
  readonly rules?: readonly RuleConfig[];
  readonly maintenance?: readonly MaintenanceConfig[];
  readonly routes?: readonly RouteConfig[];
}

/** A configuration of one zone, with a route for everybody and one for the grave ones. */
export const configOf = (parts: WorldParts, version = 1): EngineConfig => ({
  version,
  zones: new Map<ZoneId, { id: ZoneId; name: string; crew: string }>([[zoneId, { id: zoneId, name: 'zone 1', crew: 'crew 1' }]]),
  units: new Map<UnitId, { id: UnitId; name: string; zoneId: ZoneId }>([[unitId, { id: unitId, name: 'unit 1', zoneId }]]),
  assets: keyed<AssetId, AssetConfig>(parts.assets),
  agents: keyed<AgentId, AgentEntry>(parts.agents),
  checks: keyed<CheckId, CheckConfig>(parts.checks),
  rules: keyed(parts.rules ?? []),
  maintenance: parts.maintenance ?? [],
  routes: parts.routes ?? [routeOf('all'), { ...routeOf('grave'), severities: ['catastrophic', 'critical'] }],
  timing: {
    ...engineTimingDefault,
    respondMs: 40 * secondMs,
    respondWarnMs: 20 * secondMs,
    onsiteMs: 90 * secondMs,
    agentStormCount: 2,
    incidentStormCount: 3,
    flapCount: 2,
    flapQuietMs: 60 * secondMs,
  },
});

const routeOf = (id: string): RouteConfig => ({
  id: asId<'route'>(id) satisfies RouteId,
  notifier: 'test',
  severities: [],
  zoneIds: [],
  unitIds: [],
  assetIds: [],
});

export const agentIds = ['g1', 'g2', 'g3'].map((id) => asId<'agent'>(id));

/** Some assets; each may depend on earlier ones. */
const assets: fc.Arbitrary<readonly AssetConfig[]> = fc
  .array(fc.record({ parents: fc.subarray([0, 1, 2]), isZoned: fc.boolean(), needsOnsite: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
    size: 'max',
  })
  .map((shapes) =>
    shapes.map(({ parents, isZoned, needsOnsite }, at) =>
      assetOf(`a${at}`, {
        parentIds: parents.filter((parent) => parent < at).map((parent) => asId<'asset'>(`a${parent}`)),
        zoneId: isZoned ? zoneId : null,
        needsOnsite,
      }),
    ),
  );

const checkShape = fc.record({
  asset: fc.nat(3),
  agents: fc.subarray(agentIds, { minLength: 1 }),
  quorum: fc.constantFrom(null, 1, 2),
  failures: fc.integer({ min: 1, max: 3 }),
  successes: fc.integer({ min: 1, max: 2 }),
  critical: fc.boolean(),
  isHeartbeat: fc.boolean(),
  severity: fc.constantFrom('critical', 'major', 'minor'),
});

const checksOn = (all: readonly AssetConfig[]): fc.Arbitrary<readonly CheckConfig[]> =>
  fc.array(checkShape, { minLength: 1, maxLength: 5, size: 'max' }).map((shapes) =>
    shapes.map((shape, at) =>
      checkOf(`c${at}`, `a${shape.asset % all.length}`, {
        agentIds: shape.isHeartbeat && at > 2 ? [] : shape.agents,
        quorum: shape.quorum,
        confirm: { failures: shape.failures, successes: shape.successes, retryMs: secondMs },
        critical: shape.critical,
        severity: shape.severity,
        ...(shape.isHeartbeat && at > 2 ? { probe: { kind: 'heartbeat' as const, spec: { graceMs: 5 * secondMs } } } : {}),
      }),
    ),
  );

const agentsOn = (all: readonly AssetConfig[]): fc.Arbitrary<readonly AgentEntry[]> =>
  fc
    .tuple(...agentIds.map(() => fc.record({ asset: fc.nat(3), hasAddress: fc.boolean(), isZoned: fc.boolean() })))
    .map((shapes) =>
      shapes.map(({ asset, hasAddress, isZoned }, at) => ({
        id: agentIds[at] ?? asId<'agent'>('g1'),
        assetId: asId<'asset'>(`a${asset % all.length}`),
        zoneId: isZoned ? zoneId : null,
        address: hasAddress ? `g${at}.invalid` : null,
      })),
    );

const windowsOn = (all: readonly AssetConfig[]): fc.Arbitrary<readonly MaintenanceConfig[]> =>
  fc
    .array(fc.record({ asset: fc.nat(3), fromMs: fc.nat(5 * minuteMs), lengthMs: fc.integer({ min: 1, max: 3 * minuteMs }) }), {
      maxLength: 2,
    })
    .map((shapes) =>
      shapes.map(({ asset, fromMs, lengthMs }, at) => ({
        id: asId<'maintenance'>(`m${at}`),
        fromMs: startMs + fromMs,
        toMs: startMs + fromMs + lengthMs,
        assetIds: [asId<'asset'>(`a${asset % all.length}`)],
        reason: 'work',
        approvedBy: 'somebody',
        approvedAtMs: startMs,
        createdAtMs: startMs,
      })),
    );

const rule: RuleConfig = {
  id: asId<'rule'>('r1'),
  name: 'Hot',
  expr: 'heat > 50',
  forMs: 0,
  keepFiringForMs: 0,
  evaluationMs: 15 * secondMs,
  labels: {},
  annotations: {},
};

/** Parts of a small world of one zone. `rules` are left out where the caller says so. */
export const worlds = (options: { readonly hasRules: boolean }): fc.Arbitrary<WorldParts> =>
  assets.chain((all) =>
    fc.record({
      assets: fc.constant(all),
      agents: agentsOn(all),
      checks: checksOn(all),
      maintenance: windowsOn(all),
      rules: options.hasRules ? fc.constantFrom([], [rule], [{ ...rule, forMs: 20 * secondMs }]) : fc.constant([]),
    }),
  );
