import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import { expect, test } from 'vitest';
import type { Effect } from '../../collector/src/engine/effect.ts';
import type { EngineEvent } from '../../collector/src/engine/event.ts';
import { createState, step } from '../../collector/src/engine/step.ts';
import { resultOf } from '../support/engine/story.ts';
import { assetOf, checkOf, configOf, startMs } from '../support/engine/world.ts';

const agentId = asId<'agent'>('g1');
const web = checkOf('web', 'a0', { confirm: { failures: 1, successes: 1, retryMs: secondMs } });

/** A world with one open incident, and what its timeline is given from then on. */
const open = () => {
  const agents = [{ id: agentId, assetId: asId<'asset'>('a0'), zoneId: null, address: null }];
  const state = createState(configOf({ assets: [assetOf('a0')], agents, checks: [web] }), startMs);
  const timeline: { readonly number: number; readonly kind: string; readonly text: string }[] = [];
  const tell = (event: EngineEvent): readonly Effect[] => {
    const effects = step(state, event);
    for (const effect of effects) if (effect.kind === 'incident') timeline.push(...effect.entries);
    return effects;
  };
  tell({ kind: 'agentConnected', agentId, bootId: 1, atMs: startMs });
  tell({ kind: 'results', agentId, atMs: startMs, results: [resultOf(web.id, startMs, 'down')] });
  const [incident] = state.incidents.values();
  if (incident === undefined) throw new Error('no incident is open');
  return { tell, timeline, incidentId: incident.incident.id };
};

test('a timeline that is full leaves out what may repeat without end, says so once, and keeps what people do', () => {
  const { tell, timeline, incidentId } = open();
  const failing: EngineEvent = {
    ...{ kind: 'noticeTried', incidentId, notice: 'firing', routeId: asId<'route'>('all'), outcome: 'again', tries: 1 },
    ...{ error: 'refused', triedAtMs: startMs, nextTryAtMs: startMs + 1, atMs: startMs },
  };
  for (let count = 0; count < limits.timelineEntriesMax + 10; count += 1) tell(failing);
  expect(timeline.at(-1)).toMatchObject({ number: limits.timelineEntriesMax, kind: 'truncated' });
  expect(timeline.filter(({ kind }) => kind === 'truncated')).toHaveLength(1);
  tell({ kind: 'human', incidentId, actor: '李', act: { kind: 'acknowledge', note: null }, atMs: startMs + 1 });
  expect(timeline.at(-1)).toMatchObject({ number: limits.timelineEntriesMax + 1, kind: 'acknowledged' });
});
