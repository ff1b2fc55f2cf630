import type { Clock } from '@jiwei/shared/clock.ts';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { minuteMs } from '@jiwei/shared/time.ts';

/** Least urgent first. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** What is told beside the message: plain values, never a secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Writes one line of JSON per entry. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** The same message is written again at most this often at these levels; what was held back is counted in `repeated`. */
const repeatMs = 1 * minuteMs;
/** Different messages remembered for that; the program has far fewer. */
const rememberedMax = 200;

/**
 * @param write takes a line without its line feed
 * @param level entries below it are not written
 */
export const createLog = (options: {
  readonly clock: Clock;
  readonly level: LogLevel;
  readonly write: (level: LogLevel, line: string) => void;
}): Log => {
  const least = logLevels.indexOf(options.level);
  const remembered = new Map<string, { untilMs: number; held: number }>();
  const entry = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (logLevels.indexOf(level) < least) return;
    let repeated = 0;
    if (level === 'warn' || level === 'error') {
      const nowMs = options.clock.monotonicMs();
      const known = remembered.get(message);
      if (known !== undefined && nowMs < known.untilMs) {
        known.held += 1;
        return;
      }
      repeated = known?.held ?? 0;
      remembered.delete(message);
      const oldest = remembered.keys().next();
      if (remembered.size >= rememberedMax && oldest.done !== true) remembered.delete(oldest.value);
      remembered.set(message, { untilMs: nowMs + repeatMs, held: 0 });
    }
    const time = new Date(options.clock.nowMs()).toISOString();
    options.write(level, JSON.stringify({ time, level, message, ...fields, ...(repeated > 0 ? { repeated } : {}) }));
  };
  return {
    debug: (message, fields) => entry('debug', message, fields),
    info: (message, fields) => entry('info', message, fields),
    warn: (message, fields) => entry('warn', message, fields),
    error: (message, fields) => entry('error', message, fields),
  };
};

/** What a thrown value tells, as log fields. */
export const errorFields = (thrown: unknown): LogFields =>
  thrown instanceof AppError ? { code: thrown.code, error: thrown.message } : { error: messageOf(thrown) };
