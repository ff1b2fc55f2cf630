/**
 * Every operating error the product can report. `httpStatus` is what the API answers; `help` is what to do next.
 * Documented in docs/errors.md, which a test compares with this table both ways.
 */
export const errorTable = {
  CONFIG_INVALID: { httpStatus: 400, help: 'mend the named value and apply the file again' },
  CONFIG_UNREADABLE: { httpStatus: 500, help: 'check that the file exists and can be read by the service user' },
  REQUEST_INVALID: { httpStatus: 400, help: 'mend the request; the details name each field' },
  UNAUTHENTICATED: { httpStatus: 401, help: 'send "Authorization: Bearer <token>"' },
  FORBIDDEN: { httpStatus: 403, help: 'ask for a token or an address with that permission' },
  NOT_FOUND: { httpStatus: 404, help: 'check the id' },
  CONFLICT: { httpStatus: 409, help: 'read the present state and decide again' },
  TOO_LARGE: { httpStatus: 413, help: 'send less at once' },
  RATE_LIMITED: { httpStatus: 429, help: 'wait for the time in Retry-After' },
  INTERNAL: { httpStatus: 500, help: 'look for the request id in the collector log' },
  OVERLOADED: { httpStatus: 503, help: 'try again later' },
  STORE_UNAVAILABLE: { httpStatus: 503, help: 'check the disk and the database; nothing was acknowledged' },
  STORE_CORRUPT: { httpStatus: 500, help: 'stop the collector and restore the last backup (collector restore)' },
  STORE_TOO_NEW: { httpStatus: 500, help: 'run the version that wrote the database, or restore a backup' },
  BACKUP_INVALID: { httpStatus: 400, help: 'choose another backup; nothing was changed' },
  FRAME_INVALID: { httpStatus: 400, help: 'update the agent; the frame was refused and counted' },
  SPOOL_UNAVAILABLE: { httpStatus: 500, help: 'check disk space and permissions of the state folder' },
  SPOOL_CORRUPT: { httpStatus: 500, help: 'nothing to do: the readable rest was kept and the gap is reported' },
  LINK_REFUSED: { httpStatus: 403, help: 'see the refusal code in shared/PROTOCOL.md' },
  PROXY_FAILED: {
    httpStatus: 502,
    help: 'do what the message says with the proxy or its environment variable; the link is tried again',
  },
  LOCKED: { httpStatus: 409, help: 'another process uses this folder; stop it or choose another folder' },
  LISTEN_FAILED: { httpStatus: 500, help: 'stop what uses the address, or choose another one with --listen' },
  NOTIFY_FAILED: { httpStatus: 502, help: 'check the channel; the notification is tried again' },
} as const satisfies Record<string, { readonly httpStatus: number; readonly help: string }>;

export type ErrorCode = keyof typeof errorTable;

/** An operating error: something outside the program's control went wrong. Expected outcomes are values, bugs are assertions. */
export class AppError extends Error {
  readonly code: ErrorCode;
  /**
   * @param message what was tried, with which value, and what is needed; never a secret
   */
  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'AppError';
    this.code = code;
  }
}

/** The message of anything thrown, for a log line or a result's detail. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
