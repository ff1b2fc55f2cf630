/** One connection to the collector, whatever carries it: a WebSocket, or a simulated network. */
export interface Transport {
  sendText(text: string): void;
  sendBinary(bytes: Uint8Array): void;
  /** Bytes handed over and not yet taken by the network. */
  unsentBytes(): number;
  /** Begins an orderly close; `closed` comes when it is done. */
  close(closeCode: number, reason: string): void;
  /** Cuts it off; `closed` may or may not come after. */
  terminate(): void;
  /** What proofs are bound to (`channelBindingOf`); null or left out where the connection has nothing of the kind. */
  channelBinding?(): string | null;
}

/** What happens on a connection. After `closed` nothing more comes. */
export interface TransportEvents {
  opened(): void;
  text(text: string): void;
  /** The collector sends no binary messages in this version. */
  binary(): void;
  /** What was handed over has gone out, after there was much of it. */
  drained(): void;
  /** Also when the connection was never made; `closeCode` is then null. */
  closed(closeCode: number | null, problem: string): void;
}

/** Begins to connect. Never throws: what goes wrong comes as `closed`, later. */
export type Dial = (events: TransportEvents) => Transport;
