import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runScenario } from '../support/scenario/run.ts';

// Each file is a script with what the engine did written below every event. REWRITE=1 writes the present answers; read them in the diff.
const folder = join(import.meta.dirname, 'scenarios');
const isRewriting = process.env['REWRITE'] === '1';

for (const name of readdirSync(folder)
  .filter((file) => file.endsWith('.txt'))
  .sort()) {
  const path = join(folder, name);
  const text = readFileSync(path, 'utf8');
  const [title = name] = text.split('\n');
  describe(`${name}: ${title.replace(/^# /, '')}`, () => {
    test('goes as written', () => {
      const run = runScenario(text);
      if (isRewriting) writeFileSync(path, run);
      else expect(run).toBe(text);
    });

    // A rule is evaluated at once after a restart, so its alerts may come up to an interval earlier; see rules.test.ts for what it keeps.
    if (/^rule /m.test(text)) return;
    test('goes the same when the engine is restarted from its store before every event', () => {
      expect(runScenario(text, () => true)).toBe(runScenario(text));
    });
    // One that restarts all the time never lives long enough to forget what a restart would bring back.
    test('goes the same when the engine is restarted from its store before any one of its events', () => {
      const wanted = runScenario(text);
      let eventCount = 1;
      for (let at = 1; at <= eventCount; at += 1) {
        const isRestarted = (event: number): boolean => {
          eventCount = Math.max(eventCount, event);
          return event === at;
        };
        expect(runScenario(text, isRestarted), `before event ${at}`).toBe(wanted);
      }
    });
  });
}
