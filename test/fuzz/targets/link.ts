import assert from 'node:assert/strict';
import { initialLink, type LinkMoment, type LinkState, linkDeadlineMs, stepLink } from '@jiwei/agent/link/machine.ts';
import { readMessage } from '@jiwei/agent/link/message.ts';
import { createCalendar } from '@jiwei/agent/schedule/calendar.ts';
import { judgeConfig } from '@jiwei/agent/session/config-keeper.ts';
import { type FuzzTarget, joinParts, partsOf } from '../target.ts';
import { controlVectors } from './control.ts';

const separator = '\n~~\n';
const said = controlVectors('collector → agent');
const dayMs = 86_400_000;
const nextTime = createCalendar();
const momentAt = (monotonicMs: number): LinkMoment => ({ monotonicMs, random: 0.5, nowMs: monotonicMs, gridOffsetMs: 0 });

/** What an agent does about anything a collector says: reading it, deciding, and checking a configuration. */
export const target: FuzzTarget = {
  name: 'link',
  corpus: [
    joinParts(
      [
        said[0] ?? '',
        '{"type":"refuse","code":"OVERLOADED","class":"retry-later","message":"","retryAfterMs":9007199254740991}',
        '!close 4503',
      ],
      separator,
    ),
    joinParts(said, separator),
    ...said,
    joinParts([said[0] ?? '', said[1] ?? '', ...said.slice(3)], separator),
  ],
  words: [
    ...['"type":"config"', '"type":"refuse"', '"retryAfterMs":', '"class":"retry-later"', '"checks":[', '"cron":"0 0 * * *"'],
    ...[
      '"timeZone":"Asia/Shanghai"',
      '"kind":"http"',
      '"kind":"tcp"',
      '"confirm":{}',
      '"intervalMs":1000',
      '!close 4008',
      '!tick',
    ],
  ],
  inputBytesMax: 16_384,
  separator,
  refusals: [],
  workMax: 5_000,
  boundedInputs: 2_000,
  run: (bytes) => {
    let monotonicMs = 0;
    let state: LinkState = stepLink(initialLink, { kind: 'start' }, momentAt(monotonicMs)).state;
    state = stepLink(state, { kind: 'opened' }, momentAt(monotonicMs)).state;
    let actions = 0;
    for (const part of partsOf(bytes, separator)) {
      monotonicMs += 10;
      const now = momentAt(monotonicMs);
      const text = part.toString('utf8');
      const close = /^!close (\d{4})/.exec(text);
      const read = readMessage(text);
      if ('message' in read && read.message.type === 'config') judgeConfig(read.message, nextTime);
      const step = text.startsWith('!tick')
        ? stepLink(state, { kind: 'tick' }, now)
        : close !== null
          ? stepLink(state, { kind: 'closed', closeCode: Number(close[1]), problem: '' }, now)
          : stepLink(state, 'message' in read ? { kind: 'message', message: read.message } : { kind: 'nonsense', ...read }, now);
      state = step.state;
      actions += step.actions.length;
      const deadlineMs = linkDeadlineMs(state);
      // Whatever a collector says, an agent that runs comes back to it within a day.
      assert.ok(deadlineMs <= monotonicMs + dayMs, `the link waits until ${deadlineMs}`);
    }
    return actions;
  },
};
