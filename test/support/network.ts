import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A second host on this machine: a network namespace of the test's own, joined by one cable. Needs root and iproute2. */
export interface SecondHost {
  /** This machine's end of the cable. */
  readonly nearAddress: string;
  readonly farAddress: string;
  /** Words before a command that is to run there. */
  readonly inside: readonly string[];
  /** Pulls the cable at the far end, or plugs it in again. */
  setPlugged(isPlugged: boolean): Promise<void>;
  remove(): Promise<void>;
}

/** Whether a test may make hosts: only root may, and only Linux has them. */
export const canMakeHosts = process.platform === 'linux' && process.getuid?.() === 0;

/** Makes a host; its addresses are made of this process's number, so that runs beside each other do not meet. */
export const openSecondHost = async (): Promise<SecondHost> => {
  const name = `jiwei-${process.pid}`;
  const near = `jwn${process.pid % 100_000}`;
  const far = `jwf${process.pid % 100_000}`;
  const network = `10.${200 + (process.pid % 50)}.${(process.pid >> 6) % 250}`;
  const [nearAddress, farAddress] = [`${network}.1`, `${network}.2`];
  const ip = (...words: readonly string[]) => run('ip', words);
  await ip('netns', 'add', name);
  await ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name);
  await ip('addr', 'add', `${nearAddress}/30`, 'dev', near);
  await ip('link', 'set', near, 'up');
  await ip('-n', name, 'addr', 'add', `${farAddress}/30`, 'dev', far);
  await ip('-n', name, 'link', 'set', far, 'up');
  await ip('-n', name, 'link', 'set', 'lo', 'up');
  return {
    nearAddress,
    farAddress,
    inside: ['ip', 'netns', 'exec', name],
    setPlugged: async (isPlugged) => {
      await ip('-n', name, 'link', 'set', far, isPlugged ? 'up' : 'down');
    },
    remove: async () => {
      await ip('netns', 'delete', name);
    },
  };
};
