/** One agent's connection as the collector holds it, whatever carries it: a WebSocket, or a simulated network. */
export interface AgentSocket {
  /** What is sent now may still arrive. */
  isOpen(): boolean;
  /** Bytes handed over and not yet taken by the network. */
  unsentBytes(): number;
  sendText(text: string): void;
  /** Asks for a sign of life; `pong` tells of it. */
  ping(): void;
  /** Begins an orderly close; `closed` comes when it is done. */
  close(closeCode: number, reason: string): void;
  /** Cuts it off; `closed` comes soon after. */
  terminate(): void;
  /** Nothing more is read until `resume`. */
  pause(): void;
  resume(): void;
}

/** What happens on such a connection. After `closed` nothing more comes. */
export interface AgentSocketEvents {
  text(text: string): void;
  binary(bytes: Uint8Array): void;
  pong(): void;
  /** A message was longer than limits.messageBytesMax; `failed` and `closed` follow. */
  tooLarge(): void;
  /** For the log; `closed` follows. */
  failed(problem: string): void;
  closed(): void;
}

/** Takes over a connection that has just been made. */
export type OpenAgentSocket = (events: AgentSocketEvents) => AgentSocket;
