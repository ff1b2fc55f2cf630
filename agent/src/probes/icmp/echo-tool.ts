/** What a tool tells of one address while it runs. */
export type EchoNews =
  | {
      readonly kind: 'echo';
      readonly address: string;
      /** ms; null: no reply came for as long as was waited. */
      readonly roundTripMs: number | null;
      /** From the start of the tool to the sending of this request, ms. */
      readonly sentAfterMs: number;
    }
  /** What the network or the tool itself said of an address, for people. */
  | { readonly kind: 'said'; readonly address: string; readonly text: string };

/** What a tool is to do. */
export interface EchoOrder {
  /** IPv4 or IPv6 text, none twice, all of one family, at most `targetsMax`. */
  readonly addresses: readonly string[];
  /** Requests to each address, `spacingMs` apart. */
  readonly count: number;
  /** Time for all of it, ms. */
  readonly waitMs: number;
  /** Ends the tool at once; what it had found is still told. */
  readonly signal: AbortSignal;
  readonly onNews: (news: EchoNews) => void;
}

/** A program that can ping. */
export interface EchoTool {
  readonly name: 'ping' | 'fping';
  /** Addresses one process takes. */
  readonly targetsMax: number;
  /**
   * Asks all addresses; news come as the tool has them, and none after the answer. A request without news stayed without a reply.
   * @returns false when the tool is missing or may not ping: then nothing is known of any address
   * @throws when the tool could not be started, was killed by others, failed or hung: then nothing is known of addresses without news
   */
  run(order: EchoOrder): Promise<boolean>;
  /** Whether the tool is there and has the privilege, found out on the loopback address. */
  isPermitted(signal: AbortSignal): Promise<boolean>;
}

/** Between two requests to one target, ms: the least that iputils grants to everyone. */
export const spacingMs = 200;
