declare const brand: unique symbol;
/** A string that cannot be passed where another kind of id is wanted. */
export type Id<Kind extends string> = string & { readonly [brand]: Kind };

export type UnitId = Id<'unit'>;
export type ZoneId = Id<'zone'>;
export type AssetId = Id<'asset'>;
export type CheckId = Id<'check'>;
export type RuleId = Id<'rule'>;
export type AgentId = Id<'agent'>;
export type IncidentId = Id<'incident'>;
export type NotificationId = Id<'notification'>;
export type RouteId = Id<'route'>;
export type MaintenanceId = Id<'maintenance'>;

/**
 * One run of an agent process, as an integer that only grows for one agent: the epoch ms of its start, or one more than the last one it
 * stored if that is larger (the clock was set back). So (bootId, seq) orders all frames of an agent, and a repeat is seen by comparing.
 */
export type BootId = number;

/** What a declared id may look like: 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit. */
export const declaredIdPattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Brands text that was read from our own store or already checked by a schema. */
export const asId = <K extends string>(text: string): Id<K> => text as Id<K>;
