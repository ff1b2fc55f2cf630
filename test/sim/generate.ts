import { limits } from '../../shared/src/limits.ts';
import type { Plan, PlannedCheck, PlannedFault } from './plan.ts';
import { createRandom, type Random } from './random.ts';

/** The district of a seed: zones with agents, assets that depend on each other, checks from one or several agents. */
const districtOf = (random: Random): Pick<Plan, 'zones' | 'agents' | 'assets' | 'checks'> => {
  // Large ones take so long that only some are.
  const isLarge = random.chance(0.06);
  const zones = Array.from({ length: isLarge ? random.whole(3, 5) : random.whole(1, 2) }, (_, place) => `z${place + 1}`);
  const isSkewed = random.chance(0.6);
  const agents = zones.flatMap((zone) =>
    Array.from({ length: random.whole(1, isLarge ? 6 : zones.length === 1 ? 4 : 3) }, (_, place) => ({
      id: `${zone}g${place + 1}`,
      zone,
      skewMs: isSkewed ? random.whole(-300_000, 300_000) : random.whole(-1_000, 1_000),
      driftPpm: isSkewed ? random.whole(-200, 200) : 0,
      bootsAtMs: random.whole(10, 3_000),
      spoolBytesMax: limits.spoolBytesDefault,
    })),
  );
  const assets: Plan['assets'] = [];
  for (const zone of zones) {
    for (let place = 1; place <= random.whole(1, 3); place += 1) {
      // Only those before it: nothing depends on itself.
      const parents = assets.filter((asset) => asset.zone === zone && random.chance(0.5)).map(({ id }) => id);
      assets.push({ id: `${zone}a${place}`, zone, parents, needsOnsite: random.chance(0.3) });
    }
  }
  const checks = assets.flatMap((asset) =>
    Array.from({ length: random.whole(1, 2) }, (_, place) => checkOf(random, `${asset.id}c${place + 1}`, asset, agents)),
  );
  return { zones, agents, assets, checks };
};

const checkOf = (random: Random, id: string, asset: Plan['assets'][number], agents: Plan['agents']): PlannedCheck => {
  const near = agents.filter(({ zone }) => zone === asset.zone).map((agent) => agent.id);
  const named = near.filter(() => random.chance(0.7));
  const from = random.chance(0.5) ? random.whole(1, near.length) : named.length > 0 ? named : near;
  const count = typeof from === 'number' ? from : from.length;
  return {
    ...{ id, asset: asset.id, from },
    intervalMs: random.pick([5_000, 10_000, 15_000]),
    timeoutMs: random.pick([1_000, 3_000]),
    failures: random.whole(1, 3),
    successes: random.whole(1, 3),
    retryMs: random.pick([500, 1_000]),
    critical: random.chance(0.8),
    severity: random.pick(['critical', 'major', 'minor']),
    quorum: random.chance(0.7) ? null : random.whole(1, count),
  };
};

/** Now and then a spool so small that it is full after a minute or two without the collector. */
const withSpools = (random: Random, agents: Plan['agents']): Plan['agents'] =>
  random.chance(0.7) ? agents : agents.map((agent) => ({ ...agent, spoolBytesMax: random.whole(600, 3_000) }));

/** Every target goes its own way; some flap. */
const changesOf = (random: Random, checks: readonly PlannedCheck[], durationMs: number): Plan['changes'] =>
  checks.flatMap(({ id }) => {
    const changes: Plan['changes'] = [];
    const calmMs = random.pick([20_000, 60_000, 180_000]);
    for (let atMs = random.next() * calmMs; atMs < durationMs; ) {
      changes.push({ check: id, atMs: Math.floor(atMs), to: random.pick(['down', 'down', 'slow', 'hang']) });
      atMs += 500 + random.next() ** 2 * 90_000;
      changes.push({ check: id, atMs: Math.floor(atMs), to: 'up' });
      atMs += 500 + random.next() * calmMs * 2;
    }
    return changes;
  });

/** Some assets have a job that calls. */
const heartbeatsOf = (random: Random, assets: Plan['assets']): Plan['heartbeats'] =>
  assets
    .filter(() => random.chance(0.35))
    .map((asset) => ({
      ...{ id: `${asset.id}h`, asset: asset.id, critical: random.chance(0.7), severity: random.pick(['critical', 'minor']) },
      ...{ intervalMs: random.pick([5_000, 10_000, 20_000]), graceMs: random.pick([1_000, 5_000]) },
    }));

/** Jobs call about every interval; now and then they fall silent, or say that they failed. */
const callsOf = (random: Random, heartbeats: Plan['heartbeats'], durationMs: number): Plan['calls'] =>
  heartbeats.flatMap(({ id, intervalMs }) => {
    const calls: Plan['calls'] = [];
    for (let atMs = random.next() * 30_000; atMs < durationMs; atMs += intervalMs * (0.8 + random.next() * 0.3)) {
      calls.push({ heartbeat: id, atMs: Math.floor(atMs), isUp: !random.chance(0.05) });
      if (random.chance(0.1)) atMs += random.next() * 60_000;
    }
    return calls;
  });

/** One fault of a kind, at an instant. */
type FaultMaker = (random: Random, plan: Pick<Plan, 'agents' | 'zones'>, atMs: number) => PlannedFault;

const agentOf = (random: Random, { agents }: Pick<Plan, 'agents'>): string => random.pick(agents).id;
/** Mostly short, now and then longer than everything that waits. */
const lengthMs = (random: Random, mostMs: number): number => Math.floor(200 + random.next() ** 2 * mostMs);

const faultMakers: readonly { readonly weight: number; readonly make: FaultMaker }[] = [
  {
    weight: 3,
    make: (random, plan, atMs) => ({
      ...{ kind: 'agentKilled', agent: agentOf(random, plan), atMs, forMs: lengthMs(random, 90_000), power: random.chance(0.4) },
    }),
  },
  {
    weight: 2,
    make: (random, plan, atMs) => ({
      ...{ kind: 'agentTorn', agent: agentOf(random, plan), atMs, forMs: lengthMs(random, 40_000), power: random.chance(0.5) },
      ...{ disk: random.chance(0.8) ? 'spool' : 'files', share: random.next() },
    }),
  },
  {
    weight: 1,
    make: (random, plan, atMs) => ({
      ...{ kind: 'agentStopped', agent: agentOf(random, plan), atMs, forMs: lengthMs(random, 60_000) },
    }),
  },
  {
    weight: 1,
    make: (random, plan, atMs) => ({
      ...{ kind: 'diskFull', agent: agentOf(random, plan), atMs, forMs: lengthMs(random, 60_000) },
      disk: random.chance(0.6) ? 'both' : 'spool',
    }),
  },
  {
    weight: 1,
    make: (random, plan, atMs) => ({
      ...{ kind: 'bitTurned', agent: agentOf(random, plan), atMs, forMs: lengthMs(random, 30_000) },
      ...{ restarts: random.chance(0.5), share: random.next(), bit: random.whole(0, 7) },
    }),
  },
  {
    weight: 2,
    make: (random, plan, atMs) => ({
      ...{ kind: 'agentClock', agent: agentOf(random, plan), atMs, stepMs: random.whole(-300_000, 300_000) },
    }),
  },
  {
    weight: 3,
    make: (random, _plan, atMs) => ({
      ...{ kind: 'collectorKilled', atMs, forMs: lengthMs(random, 90_000), share: random.next() },
      when: random.pick(['now', 'beforeCommit', 'afterCommit', 'inCommit']),
    }),
  },
  {
    weight: 1,
    make: (random, _plan, atMs) => ({ kind: 'collectorClock', atMs, stepMs: random.whole(-60_000, 60_000) }),
  },
  { weight: 1, make: (random, _plan, atMs) => ({ kind: 'storeFails', atMs, forMs: lengthMs(random, 30_000) }) },
  {
    weight: 2,
    make: (random, plan, atMs) => ({
      ...{ kind: 'partition', zone: random.pick(plan.zones), atMs, forMs: lengthMs(random, 120_000) },
    }),
  },
  {
    weight: 2,
    make: (random, plan, atMs) => ({ kind: 'burst', agent: agentOf(random, plan), atMs, forMs: lengthMs(random, 60_000) }),
  },
  {
    weight: 1,
    make: (random, plan, atMs) => ({
      ...{ kind: 'slowLink', agent: agentOf(random, plan), atMs, forMs: lengthMs(random, 90_000) },
      latencyMs: random.pick([100, 800, 3_000]),
    }),
  },
  { weight: 2, make: (random, plan, atMs) => ({ kind: 'reset', agent: agentOf(random, plan), atMs }) },
  { weight: 2, make: (random, plan, atMs) => ({ kind: 'halfOpen', agent: agentOf(random, plan), atMs }) },
  {
    weight: 1,
    make: (random, plan, atMs) => ({
      ...{ kind: 'hostile', agent: agentOf(random, plan), atMs, forMs: lengthMs(random, 60_000) },
      repeatShare: random.next() * 0.5,
      reorderShare: random.chance(0.5) ? random.next() * 0.3 : 0,
    }),
  },
  {
    weight: 1,
    make: (random, _plan, atMs) => ({ kind: 'channelDown', atMs, forMs: lengthMs(random, 60_000), how: 'refuses' }),
  },
];

/** In half of the worlds telling people fails besides, for long enough that problems come and go meanwhile. */
const outagesOf = (random: Random, durationMs: number): PlannedFault[] => {
  if (random.chance(0.5)) return [];
  return Array.from({ length: random.whole(1, 3) }, () => {
    const [atMs, forMs] = [Math.floor(random.next() * durationMs), lengthMs(random, 150_000)];
    return random.chance(0.2)
      ? { kind: 'collectorKilled', atMs, forMs, when: 'inTry', share: 0 }
      : { kind: 'channelDown', atMs, forMs, how: random.pick(['refuses', 'refuses', 'hangsUp', 'swallows'] as const) };
  });
};

/** The zone with most agents is cut off, and nothing else goes wrong there; now and then other zones are cut off about then, too. */
const wholeZones = (random: Random, { zones, agents }: Pick<Plan, 'zones' | 'agents'>, durationMs: number): PlannedFault[] => {
  const first = largest(zones, agents);
  const cut = [first, ...zones.filter((zone) => zone !== first && random.chance(0.5))];
  return cut.map((zone) => ({
    ...{ kind: 'partition', zone },
    atMs: Math.floor(durationMs * (0.3 + (zone === first ? 0 : random.next() * 0.1))),
    forMs: Math.floor(durationMs * (0.2 + random.next() * 0.4)),
  }));
};

const largest = (zones: Plan['zones'], agents: Plan['agents']): string => {
  const countIn = (id: string): number => agents.filter(({ zone }) => zone === id).length;
  return zones.reduce((most, zone) => (countIn(zone) > countIn(most) ? zone : most));
};

/** A seed either has a few kinds of faults, each often, or all of them together. */
const faultsOf = (random: Random, plan: Pick<Plan, 'agents' | 'zones'>, durationMs: number): PlannedFault[] => {
  if (random.chance(0.1)) return wholeZones(random, plan, durationMs);
  const isAllTogether = random.chance(0.4);
  const chosen = faultMakers.filter(() => isAllTogether || random.chance(0.25));
  const bag = chosen.flatMap((maker) => Array.from({ length: maker.weight }, () => maker));
  if (bag.length === 0) return [];
  const meanMs = random.pick([8_000, 20_000, 45_000]);
  const faults: PlannedFault[] = [];
  for (let atMs = random.next() * 2 * meanMs; atMs < durationMs; atMs += random.next() * 2 * meanMs) {
    faults.push(random.pick(bag).make(random, plan, Math.floor(atMs)));
  }
  return faults;
};

const windowsOf = (random: Random, assets: Plan['assets'], durationMs: number): Plan['windows'] =>
  Array.from({ length: random.whole(0, 2) }, (_, place) => {
    const fromMs = Math.floor(random.next() * durationMs);
    const chosen = assets.filter(() => random.chance(0.5)).map(({ id }) => id);
    return {
      id: `w${place + 1}`,
      assets: chosen.length > 0 ? chosen : [random.pick(assets).id],
      fromMs,
      toMs: fromMs + random.whole(5_000, 90_000),
      declaredAtMs: random.chance(0.5) ? 0 : Math.floor(fromMs * random.next()),
    };
  });

const actsOf = (random: Random, durationMs: number): Plan['acts'] => {
  const meanMs = random.pick([15_000, 60_000, 1_000_000]);
  const acts: Plan['acts'] = [];
  for (let atMs = random.next() * 2 * meanMs; atMs < durationMs; atMs += random.next() * 2 * meanMs) {
    const act = random.pick(['acknowledge', 'acknowledge', 'arrive', 'note', 'resolve'] as const);
    acts.push({ atMs: Math.floor(atMs), act, pick: random.whole(0, 99) });
  }
  return acts;
};

/** The plan of a seed. Each part draws from a stream of its own, so that a change of one leaves the others as they were. */
export const planOf = (seed: number): Plan => {
  const random = createRandom(seed, 'plan');
  const district = districtOf(random.fork('district'));
  // Mostly short, so that many worlds fit into a minute.
  const durationMs = Math.floor(60 + random.next() ** 2 * 240) * 1_000;
  const heartbeats = heartbeatsOf(random.fork('heartbeats'), district.assets);
  return {
    seed,
    durationMs,
    heartbeats,
    calls: callsOf(random.fork('calls'), heartbeats, durationMs),
    hasFiles: random.chance(0.1),
    collectorDriftPpm: random.whole(-100, 100),
    ...district,
    agents: withSpools(random.fork('spools'), district.agents),
    changes: changesOf(random.fork('changes'), district.checks, durationMs),
    windows: windowsOf(random.fork('windows'), district.assets, durationMs),
    acts: actsOf(random.fork('acts'), durationMs),
    faults: [...faultsOf(random.fork('faults'), district, durationMs), ...outagesOf(random.fork('outages'), durationMs)],
  };
};
