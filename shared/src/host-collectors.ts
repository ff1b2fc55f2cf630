import { z } from 'zod';

/**
 * Parts of host metrics that can be chosen, under node_exporter's words where it has one. What the agent tells of itself is in every row.
 * The readers are in agent/src/host; a test holds both lists side by side.
 */
export const hostCollectors = [
  'arp',
  'conntrack',
  'cpu',
  'diskstats',
  'entropy',
  'filefd',
  'filesystem',
  'hwmon',
  'loadavg',
  'meminfo',
  'netclass',
  'netdev',
  'netstat',
  'os',
  'pressure',
  'processes',
  'sockstat',
  'softnet',
  'systemd',
  'thermal_zone',
  'time',
  'udp_queues',
  'uname',
  'vmstat',
] as const;

/** Words that stand for more than one part: everything; the families one looks at first, about 100 series of a usual host. */
export const collectorSets = ['all', 'essential'] as const;

/** What of its host an agent reads. A name the agent does not know (of a later version) is none of its own, and is passed over. */
export const collectorChoiceSchema = z.array(z.string().max(64)).max(100);
