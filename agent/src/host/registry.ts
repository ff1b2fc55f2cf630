import { uptime } from 'node:os';
import { agentReader } from './agent-process.ts';
import { arpReader } from './linux/arp.ts';
import { conntrackReader } from './linux/conntrack.ts';
import { cpuReader } from './linux/cpu.ts';
import { diskReader } from './linux/disk.ts';
import { entropyReader } from './linux/entropy.ts';
import { filefdReader } from './linux/filefd.ts';
import { filesystemReader } from './linux/filesystem.ts';
import { hwmonReader } from './linux/hwmon.ts';
import { loadReader } from './linux/load.ts';
import { memoryReader } from './linux/memory.ts';
import { netstatReader } from './linux/netstat.ts';
import { networkClassReader } from './linux/network-class.ts';
import { networkDeviceReader } from './linux/network-device.ts';
import { osReader } from './linux/os-release.ts';
import { pressureReader } from './linux/pressure.ts';
import { processesReader } from './linux/processes.ts';
import { sockstatReader } from './linux/sockstat.ts';
import { softnetReader } from './linux/softnet.ts';
import { systemdReader } from './linux/systemd-units.ts';
import { thermalReader } from './linux/thermal.ts';
import { timeReader } from './linux/time.ts';
import { udpQueuesReader } from './linux/udp-queues.ts';
import { unameReader } from './linux/uname.ts';
import { vmstatReader } from './linux/vmstat.ts';
import { createOtherSystemReaders, systemSource } from './other-systems.ts';
import type { Reader } from './reader.ts';

/** What Linux hosts are asked: one line per reader. */
export const linuxReaders: readonly Reader[] = [
  arpReader,
  conntrackReader,
  cpuReader,
  diskReader,
  entropyReader,
  filefdReader,
  filesystemReader,
  hwmonReader,
  loadReader,
  memoryReader,
  networkClassReader,
  networkDeviceReader,
  netstatReader,
  osReader,
  pressureReader,
  processesReader,
  sockstatReader,
  softnetReader,
  systemdReader,
  thermalReader,
  timeReader,
  udpQueuesReader,
  unameReader,
  vmstatReader,
  agentReader,
];

/** The readers of a platform, as process.platform names it. */
export const readersFor = (platform: string): readonly Reader[] =>
  platform === 'linux' ? linuxReaders : [...createOtherSystemReaders(systemSource(platform, uptime)), agentReader];
