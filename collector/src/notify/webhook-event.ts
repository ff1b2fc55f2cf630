import type { NoticeKind } from '../engine/effect.ts';
import type { Incident, IncidentState } from '../engine/incident.ts';
import type { Message } from './message.ts';
import type { Notice } from './notifier.ts';

interface Named {
  readonly id: string;
  readonly name: string | null;
}

/**
 * The body of a webhook, version 1 (docs/notify.md). Fields are only ever added within a version; receivers ignore what they do not know.
 * It is the same at every try of a notice, so that signature and body can be compared.
 */
export interface WebhookEvent {
  readonly version: 1;
  /** Also the Idempotency-Key: take it once. */
  readonly id: string;
  readonly notice: NoticeKind;
  /** Instants are epoch ms, UTC. */
  readonly createdAtMs: number;
  readonly title: string;
  readonly text: string;
  readonly markdown: string;
  readonly url: string | null;
  readonly incident: {
    readonly id: string;
    readonly state: IncidentState;
    readonly severity: string;
    readonly problem: string;
    readonly reason: string;
    readonly summary: string;
    readonly details: Readonly<Record<string, string>>;
    readonly asset: Named;
    readonly unit: Named | null;
    readonly zone: Named | null;
    readonly crew: string;
    readonly faultFromMs: number;
    readonly faultToMs: number | null;
    readonly openedAtMs: number;
    readonly resolvedAtMs: number | null;
    readonly isFlapping: boolean;
    readonly isNoData: boolean;
    /** The present round, from (re)opening to resolution. */
    readonly cycle: {
      readonly number: number;
      readonly openedAtMs: number;
      readonly respondDueAtMs: number;
      readonly respondedAtMs: number | null;
      readonly onsiteDueAtMs: number | null;
      readonly arrivedAtMs: number | null;
    } | null;
  };
}

const named = (id: string | null, name: string | null): Named | null => (id === null ? null : { id, name });

/** Field by field, so that what changes inside changes nothing for receivers. */
export const webhookEvent = ({ id, notice, incident, names, createdAtMs }: Notice, message: Message): WebhookEvent => ({
  version: 1,
  id,
  notice,
  createdAtMs,
  title: message.title,
  text: message.text,
  markdown: message.markdown,
  url: message.url,
  incident: {
    id: incident.id,
    state: incident.state,
    severity: incident.severity,
    problem: incident.problem,
    reason: incident.reason,
    summary: incident.summary,
    details: incident.details,
    asset: { id: incident.assetId, name: names.asset },
    unit: named(incident.unitId, names.unit),
    zone: named(incident.zoneId, names.zone),
    crew: incident.crew,
    faultFromMs: incident.faultFromMs,
    faultToMs: incident.faultToMs,
    openedAtMs: incident.openedAtMs,
    resolvedAtMs: incident.resolvedAtMs,
    isFlapping: incident.isFlapping,
    isNoData: incident.isNoData,
    cycle: cycleOf(incident),
  },
});

const cycleOf = ({ cycles }: Incident): WebhookEvent['incident']['cycle'] => {
  const cycle = cycles.at(-1);
  if (cycle === undefined) return null;
  const { number, openedAtMs, respondDueAtMs, respondedAtMs, onsiteDueAtMs, arrivedAtMs } = cycle;
  return { number, openedAtMs, respondDueAtMs, respondedAtMs, onsiteDueAtMs, arrivedAtMs };
};
