import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@jiwei/shared/clock.ts';
import type { CollectorService } from '../runtime/service.ts';
import type { CollectorCounters } from './collector-counters.ts';
import type { IncidentTally } from './incident-tally.ts';
import { familyOf, sampleOf } from './metric-docs.ts';
import type { EscapingScheme } from './name-escaping.ts';
import { createNameWriter, type NameWriter } from './name-writer.ts';
import { stateFamilies } from './state-families.ts';
import { type ExpositionFormat, endText, headText, sampleText, type TextFamily } from './text-format.ts';

const samplesPerChunk = 1_000;

export interface CollectorExpositionOptions {
  readonly service: CollectorService;
  readonly clock: Clock;
  readonly counters: Pick<CollectorCounters, 'families'>;
  readonly tally: Pick<IncidentTally, 'families'>;
  readonly availabilityFamilies: () => Promise<readonly TextFamily[]>;
}

/**
 * All of `/metrics`, in chunks. What the store must be asked for is asked first: when it cannot answer, the scrape fails as a whole instead of
 * telling half.
 * @throws STORE_UNAVAILABLE before the first chunk
 */
export async function* collectorExposition(
  { service, clock, counters, tally, availabilityFamilies }: CollectorExpositionOptions,
  format: ExpositionFormat,
  escaping: EscapingScheme,
): AsyncGenerator<Buffer, void, undefined> {
  // All names here are ours and of the old charset: no two can become alike.
  const names = createNameWriter(escaping, []);
  const availability = await availabilityFamilies();
  const storeBytes = await service.store.sizeBytes();
  const counted = await counters.families();
  for (const family of stateFamilies(service)) {
    yield* familyChunks(family, names, format);
    await nextTurn();
  }
  const rest: readonly TextFamily[] = [
    ...availability,
    ...tally.families(service.view.openIncidents(), clock.nowMs()),
    familyOf('jiwei_store_bytes', [sampleOf('jiwei_store_bytes', [], storeBytes)]),
    ...counted,
  ];
  for (const family of rest) yield* familyChunks(family, names, format);
  yield Buffer.from(endText(format));
}

/** A family is made at once but written in parts, so that thousands of assets do not hold up the event loop. */
async function* familyChunks(
  family: TextFamily,
  names: NameWriter,
  format: ExpositionFormat,
): AsyncGenerator<Buffer, void, undefined> {
  let text = headText({ ...family, name: names.family(family.name) }, format);
  for (const [index, sample] of family.samples.entries()) {
    text += sampleText(sample, family.name, names, format);
    if (index % samplesPerChunk !== samplesPerChunk - 1) continue;
    yield Buffer.from(text);
    text = '';
    await nextTurn();
  }
  yield Buffer.from(text);
}
