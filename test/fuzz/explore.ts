import { keptCorpus, saveFind } from './cases.ts';
import type { Coverage } from './coverage.ts';
import { createDice, type Dice, mutate } from './mutate.ts';
import { type FuzzTarget, judge, type Verdict } from './target.ts';

/** What a long run of one target found. */
export interface Exploration {
  readonly inputs: number;
  readonly seconds: number;
  /** Inputs that reach something no other one reaches. */
  readonly corpus: readonly Uint8Array[];
  /** Pieces of the product's code that ran. */
  readonly pointsReached: number;
  readonly finds: readonly string[];
  readonly slowest: { readonly ms: number; readonly bytes: Uint8Array };
  /** Heap after collection, without the corpus, early and late in the last quarter of the run, which counts no coverage. */
  readonly heapBytes: { readonly early: number; readonly late: number };
}

const batchInputsMin = 32;
const batchInputsMax = 2_048;
const findsMax = 20;
const shrinkTriesMax = 1_500;
/** An input that takes this long is kept and shown: others take well below a millisecond. */
const slowMs = 1_000;
/**
 * V8 holds on to everything its counters belong to as long as it counts, each function ever made included: some 200 bytes an input with a pattern.
 * So the last part of a run is made without, or it would be the heap of the counters that is told.
 */
const guidedShare = 0.75;

/**
 * More than this between two looks at the heap is looked at again after as long a time: a cache that fills stops growing, a leak goes on. It is
 * some 70 bytes an input at 1,000 inputs a second for two minutes.
 */
const heapGrowthBytesMax = 8 * 1024 * 1024;

/** Same place in the code, same find. */
const signatureOf = (problem: string, stack: string): string => {
  const place = stack.split('\n').find((line) => /(?:shared|agent|collector)\/src/.test(line)) ?? '';
  return `${problem.replace(/[\d"'`].*/, '').slice(0, 60)} ${place.trim()}`;
};

/** Leaves out what the find does not need. */
const shrink = async (
  run: (bytes: Uint8Array) => Promise<Verdict>,
  mend: FuzzTarget['mend'],
  bytes: Uint8Array,
  signature: string,
): Promise<Uint8Array> => {
  let smallest = bytes;
  let tries = 0;
  for (
    let piece = Math.ceil(bytes.length / 2);
    piece >= 1 && tries < shrinkTriesMax;
    piece = piece === 1 ? 0 : Math.ceil(piece / 2)
  ) {
    for (let from = 0; from < smallest.length && tries < shrinkTriesMax; ) {
      const without = Buffer.concat([smallest.subarray(0, from), smallest.subarray(from + piece)]);
      const candidate = mend?.(without) ?? without;
      tries += 1;
      const verdict = await run(candidate);
      if (verdict.kind === 'find' && signatureOf(verdict.problem, verdict.stack) === signature) smallest = candidate;
      else from += piece;
    }
  }
  return smallest;
};

export interface ExploreOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly coverage: Coverage;
  /** Called before each input: who watches from outside knows what hung. */
  onInput(bytes: Uint8Array): void;
  readonly nowMs: () => number;
  readonly collectedHeapBytes: () => number;
  readonly log: (text: string) => void;
}

/** Mutates inputs for a while; those that reach new code become parents of others. */
export const explore = async (target: FuzzTarget, options: ExploreOptions): Promise<Exploration> => {
  const { coverage, nowMs, log } = options;
  const dice = createDice(options.seed);
  const corpus: Uint8Array[] = [];
  const seen = new Set<number>();
  const signatures = new Map<string, string>();
  let inputs = 0;
  let slowest: Exploration['slowest'] = { ms: 0, bytes: Buffer.alloc(0) };
  const startedMs = nowMs();
  let corpusBytes = 0;

  const tryOne = async (bytes: Uint8Array): Promise<void> => {
    inputs += 1;
    options.onInput(bytes);
    const fromMs = nowMs();
    const verdict = await judge(target, bytes);
    const ms = nowMs() - fromMs;
    if (ms > slowest.ms) {
      slowest = { ms, bytes };
      if (ms > slowMs) log(`${target.name}: an input took ${Math.round(ms)} ms: ${saveFind(target.name, bytes)}`);
    }
    if (verdict.kind !== 'find') return;
    const signature = signatureOf(verdict.problem, verdict.stack);
    if (signatures.has(signature) || signatures.size >= findsMax) return;
    signatures.set(signature, verdict.problem);
    const smallest = await shrink(runAgain, target.mend, bytes, signature);
    log(
      `${target.name}: ${verdict.problem}\n  ${saveFind(target.name, smallest)}\n${verdict.stack.split('\n').slice(1, 6).join('\n')}`,
    );
  };
  const runAgain = (bytes: Uint8Array) => {
    options.onInput(bytes);
    return judge(target, bytes);
  };
  const admit = (bytes: Uint8Array, points: readonly number[]): void => {
    for (const point of points) seen.add(point);
    corpus.push(bytes);
    corpusBytes += bytes.length;
  };
  const freshPoints = (): readonly number[] => coverage.take().filter((point) => !seen.has(point));
  /** Asking what ran costs as much as a hundred inputs: so whole batches are asked for, and one that reached something new is halved. */
  const search = async (batch: readonly Uint8Array[]): Promise<void> => {
    coverage.take();
    for (const bytes of batch) await runAgain(bytes);
    const fresh = freshPoints();
    const [only] = batch;
    if (fresh.length === 0 || only === undefined) return;
    if (batch.length === 1) return admit(only, fresh);
    const half = Math.ceil(batch.length / 2);
    await search(batch.slice(0, half));
    await search(batch.slice(half));
  };
  /** @returns whether something new was reached */
  const tryBatch = async (batch: readonly Uint8Array[]): Promise<boolean> => {
    coverage.take();
    for (const bytes of batch) await tryOne(bytes);
    const fresh = freshPoints();
    if (target.isUnguided) for (const point of fresh) seen.add(point);
    if (fresh.length === 0 || target.isUnguided) return false;
    await search(batch);
    // What only the whole batch together reached (a cache that was full) is nobody's.
    for (const point of fresh) seen.add(point);
    return true;
  };

  for (const bytes of [...target.corpus, ...keptCorpus(target.name)]) {
    await tryOne(bytes);
    if (target.isUnguided) admit(bytes, freshPoints());
    else await search([bytes]);
  }
  const parents = [...target.corpus];
  let batchLength = batchInputsMin;
  const tryFor = async (share: number): Promise<void> => {
    const fromMs = nowMs();
    while (nowMs() - fromMs < share * options.seconds * 1_000) {
      const recent = corpus.slice(-30);
      const pool = (): readonly Uint8Array[] => (dice.below(3) === 0 ? recent : dice.below(4) === 0 ? parents : corpus);
      const isNew = await tryBatch(Array.from({ length: batchLength }, () => nextInput(target, pool(), parents, dice)));
      batchLength = isNew ? Math.max(batchInputsMin, batchLength / 2) : Math.min(batchInputsMax, batchLength * 2);
      // Let sockets and timers of the target have their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const heapBytes = (): number => options.collectedHeapBytes() - corpusBytes;
  await tryFor(guidedShare);
  coverage.pause();
  await tryFor((1 - guidedShare) / 5);
  const looks = [heapBytes()];
  while (looks.length < 3) {
    await tryFor((4 * (1 - guidedShare)) / 5);
    looks.push(heapBytes());
    if (growthOf(looks) <= heapGrowthBytesMax) break;
  }
  if (growthOf(looks) > heapGrowthBytesMax) {
    const problem = `the heap grows and grows: ${looks.map((bytes) => (bytes / 1_048_576).toFixed(1)).join(', ')} MiB`;
    signatures.set('heap', problem);
    log(`${target.name}: ${problem}`);
  }
  coverage.resume();
  return {
    inputs,
    seconds: (nowMs() - startedMs) / 1_000,
    corpus,
    pointsReached: seen.size,
    finds: [...signatures.values()],
    slowest,
    heapBytes: { early: looks[0] ?? 0, late: looks.at(-1) ?? 0 },
  };
};

/** From the last look but one to the last. */
const growthOf = (looks: readonly number[]): number => (looks.at(-1) ?? 0) - (looks.at(-2) ?? 0);

const nextInput = (target: FuzzTarget, pool: readonly Uint8Array[], parents: readonly Uint8Array[], dice: Dice): Uint8Array =>
  mutate(target, pool.length > 0 ? pool : parents, dice);
