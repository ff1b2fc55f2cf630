import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';

/** What the watcher is given: a counter of inputs, the length of the present one, and its bytes. */
export interface Watched {
  readonly counts: SharedArrayBuffer;
  readonly bytes: SharedArrayBuffer;
  readonly hangMs: number;
  /** Where the input that hung is left. */
  readonly file: string;
  readonly processId: number;
}

/** A thread beside the fuzzer: an input that never ends would else end nothing. Leaves the input in a file and ends the process. */
const watch = ({ counts, bytes, hangMs, file, processId }: Watched): void => {
  const [inputs, length] = [0, 1];
  const seen = new Int32Array(counts);
  let last = -1;
  setInterval(() => {
    const now = Atomics.load(seen, inputs);
    if (now !== last) {
      last = now;
      return;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from(bytes).subarray(0, Atomics.load(seen, length)));
    console.error(`an input hangs for more than ${hangMs} ms: ${file}`);
    process.kill(processId, 'SIGKILL');
  }, hangMs);
};

if (parentPort !== null) watch(workerData);
