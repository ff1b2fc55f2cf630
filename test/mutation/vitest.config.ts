import { join } from 'node:path';
import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../vitest.config.ts';
import { catalogue } from './catalogue.ts';
import { breakSource } from './fault.ts';

/** The tests of one area over a product with one fault in it; the source files themselves are not touched. */
const wanted = process.env['JIWEI_FAULT'] ?? '';
const fault = Object.values(catalogue)
  .flatMap(({ faults }) => faults)
  .find(({ id }) => id === wanted);
if (wanted !== '' && fault === undefined) throw new Error(`no fault has the id ${wanted}`);
const root = join(import.meta.dirname, '../..');

export default mergeConfig(
  base,
  defineConfig({
    plugins: [
      {
        name: 'deliberate-fault',
        enforce: 'pre',
        transform: (code, file) => (fault !== undefined && file === join(root, fault.file) ? breakSource(fault, code) : null),
      },
    ],
    // What proves that faults are noticed cannot notice one, and real processes run from the source as it is.
    // The cache of transformed files knows nothing of faults: it would hide one, or keep one for the next run of the ordinary tests.
    test: { fsModuleCache: false, bail: 1, maxWorkers: 1, exclude: ['test/mutation/**', 'test/e2e/**'], testTimeout: 30_000 },
  }),
);
