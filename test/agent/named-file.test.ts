import { createNamedFileReader } from '@jiwei/agent/probes/named-file.ts';
import { expect, test } from 'vitest';

/** Files that come when they are told to. */
const slowFiles = () => {
  const asked: string[] = [];
  const answers = new Map<string, PromiseWithResolvers<Buffer>>();
  const read = (path: string): Promise<Buffer> => {
    asked.push(path);
    const answer = Promise.withResolvers<Buffer>();
    answers.set(path, answer);
    return answer.promise;
  };
  return {
    asked,
    read: createNamedFileReader(read),
    come: (path: string, text: string) => answers.get(path)?.resolve(Buffer.from(text)),
  };
};
const patient = new AbortController().signal;

test('a file is read once for all who ask meanwhile, and anew for who asks later', async () => {
  const { asked, read, come } = slowFiles();
  const both = Promise.all([read('a', patient), read('a', patient)]);
  come('a', 'text');
  expect(await both).toEqual(['text', 'text']);
  const later = read('a', patient);
  come('a', 'changed');
  expect(await later).toBe('changed');
  expect(asked).toEqual(['a', 'a']);
});

test('one file at a time is read; whoever waits for one that hangs is let go by the signal', async () => {
  const { asked, read, come } = slowFiles();
  const impatient = new AbortController();
  const hanging = read('hangs', impatient.signal);
  const behind = read('b', impatient.signal);
  const patientOne = read('c', patient);
  impatient.abort(new Error('the deadline'));
  await expect(hanging).rejects.toThrow('the deadline');
  await expect(behind).rejects.toThrow('the deadline');
  // Nobody waits for it any more, and its thread is still taken.
  expect(asked).toEqual(['hangs']);
  come('hangs', 'at last');
  await expect.poll(() => asked).toEqual(['hangs', 'c']);
  come('c', 'text');
  expect(await patientOne).toBe('text');
});

test('one that cannot be read is no obstacle for the next', async () => {
  const read = createNamedFileReader(async (path) => {
    if (path === 'bad') throw new Error('EACCES');
    return Buffer.from('text');
  });
  await expect(read('bad', patient)).rejects.toThrow('EACCES');
  expect(await read('good', patient)).toBe('text');
});
