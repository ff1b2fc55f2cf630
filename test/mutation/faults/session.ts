import type { Fault } from '../fault.ts';

const ingest = 'collector/src/ingest';

/** Rules of the collector's side of a connection. */
export const sessionFaults: readonly Fault[] = [
  {
    id: 'proof-not-checked',
    rule: 'only the holder of the key gets in',
    file: `${ingest}/session.ts`,
    find: 'if (!isProofValid(handshake, proof.signature))',
    replace: 'if (handshake.bootId < 0)',
  },
  {
    id: 'second-hello',
    rule: 'each message of the handshake comes once',
    file: `${ingest}/session.ts`,
    find: "if (session.phase.kind !== 'hello') return violation(session, 'a second hello');",
    replace: '',
  },
  {
    id: 'frames-before-welcome',
    rule: 'frames before the welcome are refused',
    file: `${ingest}/session.ts`,
    find: "if (session.phase.kind !== 'streaming') return violation(session, 'a frame came before the welcome');",
    replace: '',
  },
  {
    id: 'silent-agent-kept',
    rule: 'an agent that is silent for the heartbeat timeout is given up',
    file: `${ingest}/session.ts`,
    find: '? session.lastHeardMonotonicMs + session.options.heartbeatTimeoutMs',
    replace: '? session.lastHeardMonotonicMs + 1_000 * session.options.heartbeatTimeoutMs',
  },
  {
    id: 'overdue-for-ever',
    rule: 'an agent that speaks again is no longer overdue',
    file: `${ingest}/session.ts`,
    find: "return [{ kind: 'overdue', isOverdue: false }];",
    replace: 'return [];',
  },
  {
    id: 'overdue-told-again',
    rule: 'an agent is said to be overdue once',
    file: `${ingest}/session.ts`,
    find: 'session.isOverdue = true;',
    replace: '',
  },
  {
    id: 'handshake-kept-for-ever',
    rule: 'a handshake that takes too long is ended',
    file: `${ingest}/session.ts`,
    find: ': session.options.openedMonotonicMs + limits.handshakeMsMax;',
    replace: ': session.options.openedMonotonicMs + 1_000 * limits.handshakeMsMax;',
  },
  {
    id: 'version-not-negotiated',
    rule: 'an agent of another version is refused',
    file: `${ingest}/session.ts`,
    find: 'const version = protocolVersions.find((own) => hello.versions.includes(own));',
    replace: 'const version = protocolVersions.find((own) => own > 0);',
  },
  {
    id: 'asks-whoever',
    rule: 'an agent without the capability is not asked',
    file: `${ingest}/session.ts`,
    find: "if (!isAble(session, 'probe-request')) return [];",
    replace: '',
  },
  {
    id: 'series-with-holes',
    rule: 'a dictionary that leaves a hole is refused',
    file: `${ingest}/delivery.ts`,
    find: 'if (firstIndex > known)',
    replace: 'if (firstIndex > known + limits.seriesPerAgentMax)',
  },
  {
    id: 'limits-are-violations',
    rule: 'an agent past a documented limit is told so, not that its frames are malformed',
    file: `${ingest}/session.ts`,
    find: "if (error instanceof AppError && error.code === 'TOO_LARGE') return close(session, 'LIMIT_EXCEEDED', error.message);",
    replace: "if (error instanceof AppError && error.code === 'TOO_LARGE') return violation(session, error.message);",
  },
  {
    id: 'samples-of-unnamed-series',
    rule: 'samples of series that were never named are refused',
    file: `${ingest}/delivery.ts`,
    find: 'if (last !== undefined && last >= known) {',
    replace: 'if (last !== undefined && last >= known + 1_000) {',
  },
  {
    id: 'clock-not-corrected',
    rule: 'instants of an agent whose clock is wrong are set right',
    file: `${ingest}/clock-skew.ts`,
    find: 'return { observedMs, skewMs, offsetMs: isSettled ? skew.offsetMs : -skewMs };',
    replace: 'return { observedMs, skewMs, offsetMs: 0 };',
  },
  {
    id: 'clock-corrected-twice-over',
    rule: 'a clock within tolerance is not corrected',
    file: `${ingest}/clock-skew.ts`,
    find: 'if (Math.abs(skewMs) <= limits.clockToleranceMs) return { observedMs, skewMs, offsetMs: 0 };',
    replace: '',
  },
  {
    id: 'delay-taken-for-skew',
    rule: 'the heartbeat that was delayed least says most about the clock',
    file: `${ingest}/clock-skew.ts`,
    find: 'const skewMs = Math.max(...observedMs);',
    replace: 'const skewMs = Math.min(...observedMs);',
  },
];
