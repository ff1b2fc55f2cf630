import { afterAll, describe, expect, test } from 'vitest';
import { foundCases, keptCorpus } from './cases.ts';
import { explore } from './explore.ts';
import { createDice, mutate } from './mutate.ts';
import { type FuzzTarget, judge } from './target.ts';
import { loadTarget, targetNames } from './targets.ts';

/** Always the same inputs here, so that a change is blamed for what it did; `npm run fuzz` takes others each time. */
const seed = 20_261_125;

/** The problem, and the input as text that can be pasted into a case. */
const findIn = async (target: FuzzTarget, bytes: Uint8Array): Promise<string | null> => {
  const verdict = await judge(target, bytes);
  return verdict.kind === 'find' ? `${verdict.problem}\n${verdict.stack}\nbase64 ${Buffer.from(bytes).toString('base64')}` : null;
};

for (const name of targetNames) {
  describe(`the decoder "${name}" takes or refuses by code whatever comes`, async () => {
    const target = await loadTarget(name);
    const kept = keptCorpus(name);
    afterAll(() => target.close?.());

    for (const { file, bytes } of foundCases(name)) {
      test(`what was found once: ${file}`, async () => {
        expect(await findIn(target, bytes)).toBeNull();
      });
    }

    test(`${target.boundedInputs} mutated inputs, seed ${seed}`, async () => {
      const corpus = [...target.corpus, ...kept];
      for (const bytes of corpus) expect(await findIn(target, bytes)).toBeNull();
      const dice = createDice(seed);
      let taken = 0;
      for (let count = 0; count < target.boundedInputs; count += 1) {
        const bytes = mutate(target, corpus, dice);
        expect(await findIn(target, bytes)).toBeNull();
        taken += 1;
      }
      expect(taken).toBe(target.boundedInputs);
    });
  });
}

describe('the fuzzer itself', () => {
  const broken = (run: FuzzTarget['run']): FuzzTarget => ({
    ...{
      name: 'broken',
      corpus: [Buffer.from('ab')],
      words: [],
      inputBytesMax: 64,
      refusals: ['FRAME_INVALID'],
      workMax: 3,
      boundedInputs: 0,
    },
    run,
  });

  test('sees an error without a code, and too much work', async () => {
    expect(
      (
        await judge(
          broken(() => JSON.parse('{')),
          Buffer.alloc(0),
        )
      ).kind,
    ).toBe('find');
    expect(
      (
        await judge(
          broken(() => 4),
          Buffer.alloc(0),
        )
      ).kind,
    ).toBe('find');
    expect(
      (
        await judge(
          broken(() => 3),
          Buffer.alloc(0),
        )
      ).kind,
    ).toBe('taken');
  });

  test('reaches a bug behind four bytes of a keyword within a thousand inputs', async () => {
    const target = { ...broken((bytes) => (Buffer.from(bytes).includes('BUG!') ? Number.NaN : 0)), words: ['BUG!'] };
    const dice = createDice(seed);
    const verdicts = await Promise.all(Array.from({ length: 1_000 }, () => judge(target, mutate(target, target.corpus, dice))));
    expect(verdicts.some(({ kind }) => kind === 'find')).toBe(true);
  });

  const heaps: readonly { readonly why: string; readonly looksMib: readonly number[]; readonly finds: number }[] = [
    { why: 'as much as before is nothing', looksMib: [60, 60], finds: 0 },
    { why: 'a little more is nothing', looksMib: [60, 68], finds: 0 },
    { why: 'more, and then no more, is a cache that filled', looksMib: [60, 69, 77], finds: 0 },
    { why: 'more and more is a find', looksMib: [60, 69, 78], finds: 1 },
  ];
  test.each(heaps)('memory: $why', async ({ looksMib, finds }) => {
    let ms = 0;
    const looks = [...looksMib];
    const found = await explore(
      broken(() => 0),
      {
        ...{
          seed,
          seconds: 1,
          coverage: { take: () => [], pause: () => undefined, resume: () => undefined, stop: () => undefined },
        },
        nowMs: () => {
          ms += 1;
          return ms;
        },
        collectedHeapBytes: () => (looks.shift() ?? Number.NaN) * 1_048_576,
        ...{ onInput: () => undefined, log: () => undefined },
      },
    );
    expect(looks).toEqual([]);
    expect(found.finds).toHaveLength(finds);
  });
});
