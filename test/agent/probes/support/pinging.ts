import { createLog } from '../../../../agent/src/log.ts';
import { createEcho } from '../../../../agent/src/probes/icmp/echo.ts';
import type { EchoTool } from '../../../../agent/src/probes/icmp/echo-tool.ts';
import { runProbe } from '../../../../agent/src/probes/run-probe.ts';
import { createCalendar } from '../../../../agent/src/schedule/calendar.ts';
import { createSchedule, type Schedule } from '../../../../agent/src/schedule/schedule.ts';
import { createCheckRunner } from '../../../../agent/src/session/check-runner.ts';
import { createProbeBatches } from '../../../../agent/src/session/probe-batches.ts';
import { createStamps } from '../../../../agent/src/stamps.ts';
import type { CheckAssignment, CheckResult } from '../../../../shared/src/check.ts';
import type { Clock } from '../../../../shared/src/clock.ts';
import { asId } from '../../../../shared/src/ids.ts';
import { limits } from '../../../../shared/src/limits.ts';
import { probeOf, toolsWith } from './run.ts';

/** A result, and when it was there by the same clock. */
export interface TimedResult extends CheckResult {
  readonly arrivedAtMs: number;
}

/** The name all of it goes by. */
export const pingingAgentId = asId<'agent'>('agent-1');

/** What an agent is made of that concerns checks of kind icmp: schedule, runner, probe and gathering are the product's. */
export interface Pinging {
  readonly schedule: Schedule;
  readonly results: TimedResult[];
  apply(checks: readonly CheckAssignment[]): void;
  stop(): void;
}

/** @param world the clock, and the programs that ping */
export const startPinging = ({ clock, ping, fping }: { clock: Clock; ping: EchoTool; fping: EchoTool }): Pinging => {
  const stamps = createStamps(clock, () => undefined);
  const tools = toolsWith({ echo: createEcho({ clock, ping, fping }) }, clock);
  const batches = createProbeBatches(tools);
  const schedule = createSchedule({
    ...{ runsAtOnceMax: limits.probesAtOnceMax, nextCalendarTime: createCalendar(), batches },
  });
  const results: TimedResult[] = [];
  const runner = createCheckRunner({
    ...{ schedule, clock, stamps },
    ask: (probe, timeoutMs, signal) => runProbe(probe, timeoutMs, { signal, clock, tools }),
    onResult: (result) => results.push({ ...result, arrivedAtMs: stamps.nowMs() }),
    log: createLog({ clock, level: 'error', write: (_level, line) => console.error(line) }),
  });
  return { schedule, results, apply: (checks) => runner.apply(checks, pingingAgentId), stop: runner.stop };
};

/** A check of one address with the usual confirmation. */
export const pingCheck = (host: string, { intervalMs = 20_000, timeoutMs = 5_000, count = 3 } = {}): CheckAssignment => ({
  id: asId<'check'>(`ping-${host}`),
  probe: probeOf('icmp', { host, count }),
  schedule: { intervalMs },
  timeoutMs,
  confirm: { failures: 3, successes: 2, retryMs: 1_000 },
});

/** So many addresses of the loopback network: 127.0.1.1, 127.0.1.2 … */
export const loopbackAddresses = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `127.0.${1 + Math.floor(index / 200)}.${1 + (index % 200)}`);
