import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { planSchema } from './plan.ts';
import { runWorld } from './world/world.ts';

const folder = join(import.meta.dirname, 'found');

// Each was found by a seed, shrunk, and mended.
for (const file of readdirSync(folder).sort()) {
  test(file, async () => {
    await runWorld(planSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8'))));
  });
}
