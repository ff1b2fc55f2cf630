import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import type { Subject } from '../engine/effect.ts';
import { zoneOfAsset } from '../engine/subject.ts';
import { suggestion } from '../registry/suggest.ts';
import type { CollectorService } from '../runtime/service.ts';
import type { IncidentFilter } from '../store/port.ts';

/** Ids that a request names, by the name they have in it. */
export interface NamedIds {
  readonly assetId?: string | undefined;
  readonly unitId?: string | undefined;
  readonly zoneId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly ruleId?: string | undefined;
}

/** Tells ids that mean something from mistyped ones, whose empty answer would look like "no faults". */
export interface Known {
  /** @throws REQUEST_INVALID for an id that is not declared and of which nothing is recorded */
  refuseUnknown(named: NamedIds): Promise<void>;
  /** Whether the subject is declared, or anything is recorded of it: what is retired stays readable. */
  isSubject(subject: Subject): Promise<boolean>;
  isAgent(id: string): Promise<boolean>;
}

const always = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const one = { limit: 1, cursor: null };

/** What is known to a running collector; the store is asked only about what is not declared. */
export const createKnown = (service: CollectorService): Known => {
  const { store, view } = service;
  const hasIncident = async (filter: IncidentFilter): Promise<boolean> => (await store.incidents(filter, one)).items.length > 0;
  const hasSpan = async (subject: Subject): Promise<boolean> => (await store.spans([subject], always)).length > 0;
  const isZone = async (id: string): Promise<boolean> =>
    view.config.zones.has(asId<'zone'>(id)) ||
    (await hasIncident({ zoneId: asId<'zone'>(id) })) ||
    (await store.agents()).some(({ zoneId }) => zoneId === id);
  const isAgent = async (id: string): Promise<boolean> => (await store.agents()).some((agent) => agent.id === id);
  const isAsset = async (id: string): Promise<boolean> => {
    const assetId = asId<'asset'>(id);
    const zoneId = zoneOfAsset(assetId);
    if (view.config.assets.has(assetId) || (zoneId !== null && view.config.zones.has(zoneId))) return true;
    return (await hasIncident({ assetId })) || hasSpan({ kind: 'asset', id: assetId });
  };
  const isCheck = async (id: string): Promise<boolean> => {
    const checkId = asId<'check'>(id);
    if (view.config.checks.has(checkId) || view.check(checkId) !== null) return true;
    return (await hasSpan({ kind: 'check', id: checkId })) || (await store.results(checkId, always, one)).items.length > 0;
  };
  const isLane = async (id: string): Promise<boolean> => {
    const at = id.lastIndexOf('@');
    if (at > 0 && view.config.checks.has(asId<'check'>(id.slice(0, at))) && (await isAgent(id.slice(at + 1)))) return true;
    return hasSpan({ kind: 'lane', id });
  };

  const isKnown: Readonly<Record<keyof NamedIds, (id: string) => Promise<boolean>>> = {
    assetId: isAsset,
    unitId: async (id) => view.config.units.has(asId<'unit'>(id)) || hasIncident({ unitId: asId<'unit'>(id) }),
    zoneId: isZone,
    agentId: isAgent,
    ruleId: async (id) =>
      view.config.rules.has(asId<'rule'>(id)) || Array.from(view.alerts()).some((alert) => alert.ruleId === id),
  };
  const declaredNames = (key: keyof NamedIds): Iterable<string> => {
    const { assets, units, zones, agents, rules } = view.config;
    return { assetId: assets, unitId: units, zoneId: zones, agentId: agents, ruleId: rules }[key].keys();
  };

  return {
    refuseUnknown: async (named) => {
      for (const key of ['assetId', 'unitId', 'zoneId', 'agentId', 'ruleId'] as const) {
        const id = named[key];
        if (id === undefined || (await isKnown[key](id))) continue;
        const noun = key.slice(0, -2);
        const hint = suggestion(id, declaredNames(key));
        throw new AppError(
          'REQUEST_INVALID',
          `${key} is "${id}"; no such ${noun} is declared, and nothing is recorded of one${hint}`,
        );
      }
    },
    isSubject: (subject) => {
      switch (subject.kind) {
        case 'asset':
          return isAsset(subject.id);
        case 'check':
          return isCheck(subject.id);
        case 'lane':
          return isLane(subject.id);
        default:
          return subject satisfies never;
      }
    },
    isAgent,
  };
};
