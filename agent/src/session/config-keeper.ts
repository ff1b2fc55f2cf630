import { messageOf } from '@jiwei/shared/errors.ts';
import type { AgentConfig } from '@jiwei/shared/protocol/control.ts';
import type { ConfigMessage } from '../link/message.ts';
import type { NextCalendarTime } from '../schedule/schedule.ts';

/**
 * What speaks against a configuration whose form is right.
 * @param nextTime throws for an expression or time zone that does not exist
 * @returns sentences for the collector; none when it can be put in force
 */
export const problemsOf = (config: AgentConfig, nextTime: NextCalendarTime): readonly string[] => {
  const problems: string[] = [];
  const ids = new Set<string>();
  for (const { id, schedule } of config.checks) {
    if (ids.has(id)) problems.push(`checks: ${id} is there twice`);
    ids.add(id);
    if (!('cron' in schedule)) continue;
    try {
      if (nextTime(schedule.cron, schedule.timeZone, 0) === null)
        problems.push(`checks: the cron "${schedule.cron}" of ${id} names no time`);
    } catch (error) {
      problems.push(`checks: ${id}: ${messageOf(error)}`);
    }
  }
  return problems.map((problem) => problem.slice(0, 500)).slice(0, 20);
};

/** The configuration that the message brings, or why the one before stays in force. */
export const judgeConfig = (
  message: ConfigMessage,
  nextTime: NextCalendarTime,
):
  | { readonly config: AgentConfig; readonly errors: readonly [] }
  | { readonly config: null; readonly errors: readonly string[] } => {
  const errors = message.config === null ? message.errors : problemsOf(message.config, nextTime);
  if (message.config === null || errors.length > 0) return { config: null, errors };
  return { config: message.config, errors: [] };
};
