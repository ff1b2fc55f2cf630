import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type CableEnd, openSlices } from './bad-cable.ts';
import { openLongWay } from './long-way.ts';
import { hasNetem, openNetem } from './netem.ts';

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
  /** The share of packets the cable swallows both ways, without a word to either end: 1 is a link that is half open, 0 a good one. */
  setLoss(lossRatio: number): Promise<void>;
  /** A way from there to a server here that can be made long. */
  openWay(port: number): Promise<Way>;
  remove(): Promise<void>;
}

interface Way {
  /** At `nearAddress`. */
  readonly port: number;
  /** Everything takes as long there, and as long back. */
  setDelay(delayMs: number): Promise<void>;
  close(): Promise<void>;
}

/** How networks are made bad here; netem is not in all kernels. */
export type BadNetworkMeans = 'tc netem' | 'misdirected packets and a relay';
export const badNetworkMeans = (): BadNetworkMeans => (hasNetem() ? 'tc netem' : 'misdirected packets and a relay');

/** Makes a host; its addresses are made of this process's number, so that runs beside each other do not meet. */
export const openSecondHost = async (means: BadNetworkMeans = badNetworkMeans()): Promise<SecondHost> => {
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
  const ends: readonly CableEnd[] = [
    { namespace: null, device: near, peerAddress: farAddress, peerMac: await macOf(['-n', name], far) },
    { namespace: name, device: far, peerAddress: nearAddress, peerMac: await macOf([], near) },
  ];
  const netem = means === 'tc netem' ? openNetem(ends) : null;
  const cable = netem ?? openSlices(ends);
  return {
    nearAddress,
    farAddress,
    inside: ['ip', 'netns', 'exec', name],
    setPlugged: async (isPlugged) => {
      await ip('-n', name, 'link', 'set', far, isPlugged ? 'up' : 'down');
    },
    setLoss: (lossRatio) => cable.setLoss(lossRatio),
    openWay: async (port) => {
      if (netem !== null) return { port, setDelay: netem.setDelay, close: () => netem.setDelay(0) };
      const way = await openLongWay({ host: nearAddress, port });
      return { port: way.port, setDelay: async (delayMs) => way.setDelay(delayMs), close: async () => way.close() };
    },
    remove: async () => {
      cable.close();
      await ip('netns', 'delete', name);
    },
  };
};

const macOf = async (where: readonly string[], device: string): Promise<string> => {
  const { stdout } = await run('ip', [...where, '-j', 'link', 'show', device]);
  const [link] = JSON.parse(stdout) as { address: string }[];
  if (link === undefined) throw new Error(`there is no ${device}`);
  return link.address;
};
