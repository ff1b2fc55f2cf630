import { describe, type Reader } from './reader.ts';

const cpuSeconds = describe(
  'jiwei_agent_process_cpu_seconds_total',
  'counter',
  'Total user and system CPU time the agent spent in seconds.',
);
const residentBytes = describe('jiwei_agent_process_resident_memory_bytes', 'gauge', 'Resident memory of the agent in bytes.');
const startSeconds = describe(
  'jiwei_agent_process_start_time_seconds',
  'gauge',
  'Start time of the agent since unix epoch in seconds.',
);
const microsecondsPerSecond = 1_000_000;

/** What the agent itself costs the host; Node tells it on every system. */
export const agentReader: Reader = {
  name: 'agent',
  metrics: [cpuSeconds, residentBytes, startSeconds],
  everyMs: 0,
  open: ({ clock }) => {
    const startedAtMs = clock.nowMs() - process.uptime() * 1_000;
    return (sink) => {
      const { user, system } = process.cpuUsage();
      sink.put(cpuSeconds, (user + system) / microsecondsPerSecond);
      sink.put(residentBytes, process.memoryUsage.rss());
      sink.put(startSeconds, Math.round(startedAtMs) / 1_000);
      return true;
    };
  },
};
