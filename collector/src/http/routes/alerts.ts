import { z } from 'zod';
import type { AlertView } from '../../engine/view.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageOfItems, pageRequestOf } from '../paging.ts';
import { answers, idText, instant, pageOf, pageQuery } from '../schema.ts';

const alertSchema = z
  .object({
    ruleId: z.string(),
    name: z.string().nullable().describe('`alert` of the rule; null when the rule is no longer declared.'),
    state: z.enum(['pending', 'firing']),
    labels: z.record(z.string(), z.string()),
    activeAtMs: instant.describe('Since when the condition holds.'),
    value: z
      .number()
      .nullable()
      .describe('Value of the expression when it was last evaluated; null when it is not a finite number.'),
  })
  .meta({ id: 'Alert' });

/** Rule and labels are an alert's identity. */
const keyOf = (alert: AlertView): string =>
  JSON.stringify([alert.ruleId, Object.entries(alert.labels).sort(([left], [right]) => (left < right ? -1 : 1))]);

/** GET /alerts: what rules say at the moment. */
export const alertRoutes = (api: Api, { service, known }: HttpContext): void => {
  api.get('/alerts', {
    config: { permission: 'read' },
    schema: {
      tags: ['alerts'],
      summary: 'Pending and firing alerts of rules',
      querystring: z.strictObject({
        ...pageQuery,
        state: z.enum(['pending', 'firing']).exactOptional(),
        ruleId: idText.exactOptional(),
      }),
      response: answers(pageOf(alertSchema)),
    },
    handler: async (request) => {
      const { state, ruleId } = request.query;
      await known.refuseUnknown({ ruleId });
      const alerts = Array.from(service.view.alerts())
        .filter((alert) => state === undefined || alert.state === state)
        .filter((alert) => ruleId === undefined || alert.ruleId === ruleId);
      const { rules } = service.view.config;
      const names = new Map(Array.from(rules.values(), (rule) => [String(rule.id), rule.name]));
      const page = pageOfItems(alerts, keyOf, pageRequestOf(request.query));
      const items = page.items.map((alert) => ({
        ruleId: alert.ruleId,
        name: names.get(alert.ruleId) ?? null,
        state: alert.state,
        labels: { ...alert.labels },
        activeAtMs: alert.activeAtMs,
        value: Number.isFinite(alert.value) ? alert.value : null,
      }));
      return { items, next: page.next };
    },
  });
};
