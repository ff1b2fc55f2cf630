import type { Dial, Transport, TransportEvents } from '@jiwei/agent/link/transport.ts';
import type { AgentSocket, AgentSocketEvents, OpenAgentSocket } from '../../../collector/src/ingest/agent-socket.ts';
import type { Random } from '../random.ts';
import type { Loop } from './loop.ts';

/** What the network does to one agent just now. */
export interface Weather {
  /** One way, ms; up to half as much again is added by chance. */
  latencyMs: number;
  /** Nothing passes; what was sent waits, as TCP sends it again until it arrives or somebody gives up. */
  isCut: boolean;
  /** A broken box in between gives whole frames twice, or in another order; 0 to 1. */
  repeatShare: number;
  reorderShare: number;
}

/** Where connections arrive; null while the collector is down. */
type Door = ((openSocket: OpenAgentSocket, address: string) => void) | null;

/** What passed, seen from outside. */
export interface Tap {
  sent(agent: string, bytes: Uint8Array): void;
  heardByAgent(agent: string, text: string): void;
}

export interface Network {
  weatherOf(agent: string): Weather;
  /** Changes the weather; what waited goes on when it clears. */
  change(agent: string, change: Partial<Weather>): void;
  dialOf(agent: string, address: string): Dial;
  setDoor(door: Door): void;
  /** The agent's process is gone; its machine says so to the other side unless that is gone too. */
  killAgent(agent: string, isMachineGone: boolean): void;
  /** The collector's process is gone: every connection to it breaks. */
  killCollector(): void;
  /** Connections of the agent break; of what was on the way to the collector only a part arrives. */
  reset(agent: string): void;
  /** From now on nothing of the agent's present connection arrives on either side, and nobody is told. */
  forget(agent: string): void;
}

type Direction = 'up' | 'down';
type Side = 'agent' | 'collector';

/** A kernel takes so much of what the network does not yet; bytes. */
const kernelBytes = 64 * 1024;

interface Message {
  readonly sizeBytes: number;
  deliver(): void;
  /** Tells of the beginning or the end; it is never lost with the tail. */
  readonly isEnd: boolean;
  /** What the broken box repeats and reorders; were it the handshake, the agent would take the collector for another build and wait an hour. */
  readonly isFrame?: boolean;
}

/** A message on its way. */
interface Travelling extends Message {
  hasArrived: boolean;
}

interface Connection {
  readonly agent: string;
  /** Sides whose process holds it open. */
  readonly open: Set<Side>;
  /** Whom nothing is told any more. */
  readonly deaf: Set<Side>;
  /** In the order in which they will be given: TCP gives nothing out of order, however late the first one is. */
  readonly line: Record<Direction, Travelling[]>;
  isForgotten: boolean;
  agentEvents: TransportEvents;
  collectorEvents: AgentSocketEvents | null;
  isPaused: boolean;
}

/** A network in which all is well. */
export const createNetwork = (loop: Loop, random: Random, tap: Tap): Network => {
  const weather = new Map<string, Weather>();
  const connections = new Set<Connection>();
  let door: Door = null;

  const weatherOf = (agent: string): Weather => {
    const known = weather.get(agent);
    if (known !== undefined) return known;
    const fresh: Weather = { latencyMs: 5, isCut: false, repeatShare: 0, reorderShare: 0 };
    weather.set(agent, fresh);
    return fresh;
  };

  /** Gives what has arrived, in order, while nothing stops it. */
  const flow = (connection: Connection, direction: Direction): void => {
    const line = connection.line[direction];
    for (;;) {
      if (connection.isForgotten) line.length = 0;
      const [first] = line;
      const mustWait = weatherOf(connection.agent).isCut || (direction === 'up' && connection.isPaused);
      if (first === undefined || !first.hasArrived || mustWait) return;
      line.shift();
      first.deliver();
    }
  };

  const schedule = (connection: Connection, direction: Direction, message: Message): void => {
    const { latencyMs } = weatherOf(connection.agent);
    const travelling: Travelling = { ...message, hasArrived: false };
    connection.line[direction].push(travelling);
    loop.at(loop.nowMs() + latencyMs * (1 + random.next() / 2), () => {
      travelling.hasArrived = true;
      flow(connection, direction);
    });
  };

  /** A broken box keeps it for a while and lets others pass. */
  const scheduleOutOfOrder = (connection: Connection, message: Message): void => {
    loop.at(loop.nowMs() + weatherOf(connection.agent).latencyMs * (2 + random.next() * 4), () => {
      if (!connection.isForgotten && !weatherOf(connection.agent).isCut) message.deliver();
    });
  };

  const post = (connection: Connection, direction: Direction, message: Message): void => {
    if (connection.isForgotten) return;
    const { repeatShare, reorderShare } = weatherOf(connection.agent);
    const isOrdinary = message.isFrame === true;
    if (isOrdinary && random.chance(repeatShare)) schedule(connection, direction, message);
    if (isOrdinary && random.chance(reorderShare)) scheduleOutOfOrder(connection, message);
    else schedule(connection, direction, message);
  };

  const release = (connection: Connection): void => {
    for (const direction of ['up', 'down'] as const) {
      loop.at(loop.nowMs() + weatherOf(connection.agent).latencyMs * random.next(), () => flow(connection, direction));
    }
  };

  const drop = (connection: Connection): void => {
    if (connection.open.size === 0) connections.delete(connection);
  };

  const endAgent = (connection: Connection, closeCode: number | null, problem: string): void => {
    if (!connection.open.delete('agent') || connection.deaf.has('agent')) return drop(connection);
    connection.agentEvents.closed(closeCode, problem);
    drop(connection);
  };

  const endCollector = (connection: Connection): void => {
    if (!connection.open.delete('collector') || connection.deaf.has('collector')) return drop(connection);
    connection.collectorEvents?.closed();
    drop(connection);
  };

  /** Of what is on the way from a side that is gone, the first messages arrive and the rest is lost. */
  const loseTail = (connection: Connection, direction: Direction): void => {
    const line = connection.line[direction];
    const onTheWay = line.filter((message) => !message.isEnd);
    for (const message of onTheWay.slice(random.whole(0, onTheWay.length))) line.splice(line.indexOf(message), 1);
  };

  /** One side's process let go of it: the other side hears of it after what was still on the way, or after a part of that. */
  const abandon = (connection: Connection, side: Side): void => {
    if (random.chance(0.5)) loseTail(connection, side === 'agent' ? 'up' : 'down');
    const tell = (): void => (side === 'agent' ? endCollector(connection) : endAgent(connection, null, 'connection reset'));
    post(connection, side === 'agent' ? 'up' : 'down', { sizeBytes: 0, deliver: tell, isEnd: true });
  };

  const collectorSide =
    (connection: Connection): OpenAgentSocket =>
    (events) => {
      connection.collectorEvents = events;
      const isOpen = (): boolean => connection.open.has('collector');
      const socket: AgentSocket = {
        isOpen,
        unsentBytes: () => sumBytes(connection.line.down),
        sendText: (text) => {
          if (!isOpen()) return;
          const deliver = (): void => {
            if (!connection.open.has('agent') || connection.deaf.has('agent')) return;
            tap.heardByAgent(connection.agent, text);
            connection.agentEvents.text(text);
          };
          post(connection, 'down', { sizeBytes: text.length, deliver, isEnd: false });
        },
        ping: () => {
          const pong = (): void => {
            if (isOpen() && !connection.deaf.has('collector')) events.pong();
          };
          const echo = (): void => {
            if (connection.open.has('agent')) post(connection, 'up', { sizeBytes: 0, deliver: pong, isEnd: true });
          };
          post(connection, 'down', { sizeBytes: 0, deliver: echo, isEnd: true });
        },
        close: (closeCode, reason) => {
          if (!isOpen()) return;
          const answer = (): void => {
            endAgent(connection, closeCode, reason);
            post(connection, 'up', { sizeBytes: 0, deliver: () => endCollector(connection), isEnd: true });
          };
          post(connection, 'down', { sizeBytes: 0, deliver: answer, isEnd: true });
        },
        terminate: () => {
          if (!isOpen()) return;
          abandon(connection, 'collector');
          loop.at(loop.nowMs(), () => endCollector(connection));
        },
        pause: () => {
          connection.isPaused = true;
        },
        resume: () => {
          connection.isPaused = false;
          if (!weatherOf(connection.agent).isCut) release(connection);
        },
      };
      return socket;
    };

  const connect = (connection: Connection, address: string): void => {
    if (!connection.open.has('agent')) return drop(connection);
    if (door === null) {
      post(connection, 'down', { sizeBytes: 0, deliver: () => endAgent(connection, null, 'connection refused'), isEnd: true });
      return;
    }
    connection.open.add('collector');
    const opened = (): void => {
      if (connection.open.has('agent') && !connection.deaf.has('agent')) connection.agentEvents.opened();
    };
    post(connection, 'down', { sizeBytes: 0, deliver: opened, isEnd: true });
    door(collectorSide(connection), address);
  };

  const agentSide = (connection: Connection): Transport => {
    const isOpen = (): boolean => connection.open.has('agent') && !connection.deaf.has('agent');
    const send = (sizeBytes: number, isFrame: boolean, give: (events: AgentSocketEvents) => void): void => {
      if (!isOpen()) return;
      const wasFull = unsentBytes() > 0;
      const deliver = (): void => {
        if (connection.open.has('collector') && !connection.deaf.has('collector') && connection.collectorEvents !== null)
          give(connection.collectorEvents);
        if (wasFull && unsentBytes() === 0 && isOpen()) connection.agentEvents.drained();
      };
      post(connection, 'up', { sizeBytes, deliver, isFrame, isEnd: false });
    };
    const unsentBytes = (): number => Math.max(0, sumBytes(connection.line.up) - kernelBytes);
    return {
      sendText: (text) => send(text.length, false, (events) => events.text(text)),
      sendBinary: (bytes) => {
        if (isOpen()) tap.sent(connection.agent, bytes);
        send(bytes.length, true, (events) => events.binary(bytes));
      },
      unsentBytes,
      close: (closeCode, reason) => {
        if (!isOpen()) return;
        const answer = (): void => {
          endCollector(connection);
          post(connection, 'down', { sizeBytes: 0, deliver: () => endAgent(connection, closeCode, reason), isEnd: true });
        };
        post(connection, 'up', { sizeBytes: 0, deliver: answer, isEnd: true });
      },
      terminate: () => {
        if (!isOpen()) return;
        abandon(connection, 'agent');
        loop.at(loop.nowMs(), () => endAgent(connection, null, 'cut off'));
      },
    };
  };

  return {
    weatherOf,
    change: (agent, change) => {
      const now = weatherOf(agent);
      const wasCut = now.isCut;
      Object.assign(now, change);
      if (!wasCut || now.isCut) return;
      for (const connection of connections) if (connection.agent === agent) release(connection);
    },
    dialOf: (agent, address) => (events) => {
      const connection: Connection = {
        agent,
        open: new Set<Side>(['agent']),
        deaf: new Set(),
        line: { up: [], down: [] },
        isForgotten: false,
        agentEvents: events,
        collectorEvents: null,
        isPaused: false,
      };
      connections.add(connection);
      post(connection, 'up', { sizeBytes: 0, deliver: () => connect(connection, address), isEnd: true });
      return agentSide(connection);
    },
    setDoor: (next) => {
      door = next;
    },
    killAgent: (agent, isMachineGone) => {
      for (const connection of [...connections]) {
        if (connection.agent !== agent || !connection.open.has('agent')) continue;
        connection.deaf.add('agent');
        if (isMachineGone) {
          loseTail(connection, 'up');
          connection.isForgotten = true;
        } else abandon(connection, 'agent');
        endAgent(connection, null, 'the process is gone');
      }
    },
    killCollector: () => {
      door = null;
      for (const connection of [...connections]) {
        if (!connection.open.has('collector')) continue;
        connection.deaf.add('collector');
        abandon(connection, 'collector');
        endCollector(connection);
      }
    },
    reset: (agent) => {
      for (const connection of [...connections]) {
        if (connection.agent !== agent) continue;
        loseTail(connection, 'up');
        loseTail(connection, 'down');
        loop.at(loop.nowMs() + random.next() * 5, () => endAgent(connection, null, 'connection reset'));
        loop.at(loop.nowMs() + random.next() * 50, () => endCollector(connection));
      }
    },
    forget: (agent) => {
      for (const connection of connections) if (connection.agent === agent) connection.isForgotten = true;
    },
  };
};

const sumBytes = (messages: Iterable<Message>): number => {
  let sum = 0;
  for (const message of messages) sum += message.sizeBytes;
  return sum;
};
