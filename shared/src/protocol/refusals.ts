/**
 * What the refused side should do: `retry-now` (at once, a race), `retry-later` (with back-off), `give-up` (never with this build or this
 * data), `ask-a-person` (only somebody with rights can mend it; try again rarely).
 */
export const refusalClasses = ['retry-now', 'retry-later', 'give-up', 'ask-a-person'] as const;
export type RefusalClass = (typeof refusalClasses)[number];

/**
 * Every way the collector ends a link. `closeCode` is the WebSocket close code (RFC 6455, 7.4.2: 4000–4999 are for applications); the
 * close reason is the code word. Documented in shared/PROTOCOL.md, which a test compares with this table.
 */
export const refusals = {
  PROTOCOL_VIOLATION: {
    closeCode: 4400,
    class: 'give-up',
    text: 'a message was malformed, of unknown kind, or not allowed at this point',
  },
  AUTHENTICATION_FAILED: { closeCode: 4401, class: 'ask-a-person', text: 'the signature does not fit the key and the challenge' },
  AGENT_UNKNOWN: {
    closeCode: 4402,
    class: 'ask-a-person',
    text: 'the key is not registered and no valid join token came with it',
  },
  AGENT_REVOKED: { closeCode: 4403, class: 'ask-a-person', text: 'the key was revoked' },
  JOIN_TOKEN_INVALID: { closeCode: 4404, class: 'ask-a-person', text: 'the join token is unknown, used up or expired' },
  CHANNEL_UNBOUND: {
    closeCode: 4405,
    class: 'ask-a-person',
    text: 'the proof must be bound to the TLS connection, and cannot be on this one',
  },
  VERSION_UNSUPPORTED: { closeCode: 4406, class: 'give-up', text: 'no protocol version is common to both sides' },
  HANDSHAKE_TIMEOUT: { closeCode: 4408, class: 'retry-later', text: 'the handshake took too long' },
  REPLACED: { closeCode: 4409, class: 'retry-later', text: 'a newer connection of the same agent took over' },
  AGENT_CLONED: { closeCode: 4410, class: 'ask-a-person', text: 'two live agents use the same key' },
  APPROVAL_PENDING: {
    closeCode: 4411,
    class: 'retry-later',
    text: 'the agent is registered and waits for the approval of a person',
  },
  RATE_LIMITED: { closeCode: 4412, class: 'retry-later', text: 'too many tries to enrol failed from this address' },
  MESSAGE_TOO_LARGE: { closeCode: 4413, class: 'give-up', text: 'a message is larger than the limit' },
  LIMIT_EXCEEDED: { closeCode: 4414, class: 'give-up', text: 'a documented limit was exceeded (series, labels, checks …)' },
  FLOODING: { closeCode: 4429, class: 'retry-later', text: 'more came in than the flow control allows' },
  SILENT: { closeCode: 4430, class: 'retry-now', text: 'no heartbeat came in time' },
  SHUTTING_DOWN: { closeCode: 4500, class: 'retry-later', text: 'the collector stops or restarts' },
  OVERLOADED: { closeCode: 4503, class: 'retry-later', text: 'the collector has no room for more agents at the moment' },
  STORE_UNAVAILABLE: { closeCode: 4504, class: 'retry-later', text: 'the collector cannot store; nothing was acknowledged' },
} as const satisfies Record<string, { readonly closeCode: number; readonly class: RefusalClass; readonly text: string }>;

export type RefusalCode = keyof typeof refusals;
export const refusalCodes = Object.keys(refusals) as readonly RefusalCode[];

/** The refusal a WebSocket close code stands for, or null for a code that is not ours (network loss, normal closure). */
export const refusalOfCloseCode = (closeCode: number): RefusalCode | null =>
  refusalCodes.find((code) => refusals[code].closeCode === closeCode) ?? null;
