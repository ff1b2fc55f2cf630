import { join } from 'node:path';
import type { District } from './district.ts';
import { bytesInUse, expectLevel } from './heap.ts';
import { type AcknowledgedRun, expectInvariants, type IncidentInstants } from './invariants.ts';
import { expectNoneMissing } from './no-loss.ts';
import type { TestProcess } from './processes.ts';

/** What is to be said is said by now, or with the next heartbeat. */
const sayingMsMax = 20_000;

/** How processes are while nothing is wrong, to be compared with how a fault leaves them. */
export interface Calm {
  readonly levelsBytes: ReadonlyMap<TestProcess, number>;
  /** What a process said before the fault proves nothing. */
  readonly saidCharacters: ReadonlyMap<TestProcess, number>;
}

/** @param processes started so that their heap can be looked at, in a state like the one they are to come back to */
export const calmOf = async (...processes: readonly TestProcess[]): Promise<Calm> => {
  const levelsBytes = new Map<TestProcess, number>();
  for (const one of processes) levelsBytes.set(one, await bytesInUse(one));
  return { levelsBytes, saidCharacters: new Map(processes.map((one) => [one, one.output().length])) };
};

/** A process that was started in the place of one that ended is to hold no more than that one did. */
export const succeeded = (calm: Calm, ended: TestProcess, next: TestProcess): Calm => {
  const levelsBytes = new Map([...calm.levelsBytes].map(([one, bytes]) => [one === ended ? next : one, bytes]));
  return { ...calm, levelsBytes };
};

/**
 * What must hold after every fault, once it is over and all is caught up: who noticed it said so in plain words, no frame is missing, the stored
 * data is whole, and every process that lived through it holds what it held before.
 */
export const expectUnharmed = async (
  district: District,
  calm: Calm,
  after: {
    /** Who said what since it was calm; for one that was started since, from its beginning. */
    readonly said: readonly (readonly [who: TestProcess, line: RegExp])[];
    /** Frames that cannot come any more; none by default. */
    readonly missing?: number;
    readonly runs?: readonly AcknowledgedRun[];
    readonly incidents?: readonly IncidentInstants[];
  },
): Promise<void> => {
  for (const [who, line] of after.said) await who.line(line, sayingMsMax, calm.saidCharacters.get(who));
  await expectNoneMissing(district, after.missing);
  for (const [who, levelBytes] of calm.levelsBytes) await expectLevel(who, levelBytes);
  expectInvariants(join(district.folder, 'data'), after.runs ?? [], after.incidents);
};
