import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
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
  /**
   * The share of packets the cable swallows both ways, without a word to either end: 1 is a link that is half open, 0 a good one. For this
   * share of the time the ends send to an address nobody has; so it needs nothing of the kernel (netem is not in all of them).
   */
  setLoss(lossRatio: number): Promise<void>;
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
  const loss = await openLoss([
    { words: ['-force', '-batch', '-'], device: near, peerAddress: farAddress, peerMac: await macOf(['-n', name], far) },
    { words: ['-force', '-n', name, '-batch', '-'], device: far, peerAddress: nearAddress, peerMac: await macOf([], near) },
  ]);
  return {
    nearAddress,
    farAddress,
    inside: ['ip', 'netns', 'exec', name],
    setPlugged: async (isPlugged) => {
      await ip('-n', name, 'link', 'set', far, isPlugged ? 'up' : 'down');
    },
    setLoss: (lossRatio) => loss.set(lossRatio),
    remove: async () => {
      loss.close();
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

interface CableEnd {
  readonly words: readonly string[];
  readonly device: string;
  readonly peerAddress: string;
  readonly peerMac: string;
}
const nobodysMac = '02:00:00:00:00:01';
/** Shorter than TCP waits before it sends again, so that some of what is repeated arrives. */
const sliceMs = 10;

/** One `ip` for each end takes its lines; starting one for each line would keep the machine busy. */
const openLoss = async (ends: readonly CableEnd[]) => {
  const tools = ends.map((end) => ({ end, tool: spawn('ip', [...end.words]) as ChildProcessWithoutNullStreams }));
  const set = (isLost: boolean): void => {
    for (const { end, tool } of tools) {
      tool.stdin.write(
        `neigh replace ${end.peerAddress} lladdr ${isLost ? nobodysMac : end.peerMac} dev ${end.device} nud permanent\n`,
      );
    }
  };
  let slices: NodeJS.Timeout | null = null;
  return {
    set: async (lossRatio: number): Promise<void> => {
      if (slices !== null) clearInterval(slices);
      slices = lossRatio > 0 && lossRatio < 1 ? setInterval(() => set(Math.random() < lossRatio), sliceMs) : null;
      set(lossRatio === 1);
    },
    close: (): void => {
      if (slices !== null) clearInterval(slices);
      for (const { tool } of tools) tool.kill();
    },
  };
};

/** A long way to a server: every byte takes `delayMs` there, and as long back. */
export const openLongWay = async (
  target: { readonly host: string; readonly port: number },
  delayMs: number,
): Promise<{ readonly port: number; close(): void }> => {
  const sockets = new Set<Socket>();
  const carry = (from: Socket, to: Socket): void => {
    from.on('data', (chunk) => setTimeout(() => to.write(chunk), delayMs));
    from.on('close', () => setTimeout(() => to.destroy(), delayMs));
    from.on('error', () => undefined);
    sockets.add(from);
  };
  const server = createServer((socket) => {
    const onward = connect(target.port, target.host);
    carry(socket, onward);
    carry(onward, socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, target.host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the way has no port');
  return {
    port: address.port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};
