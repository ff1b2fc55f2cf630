import { expect, test } from 'vitest';
import { createOtherSystemReaders, type SystemSource } from '../../../agent/src/host/other-systems.ts';
import { collectRecording, startAtMs } from './support/collect.ts';

/** What systeminformation 5.33 answers on a Windows Server; -1 and null are its words for "not known". */
const windows: SystemSource = {
  platform: 'win32',
  cpus: () => [{ model: 'x', speed: 2_500, times: { user: 1_500, nice: 0, sys: 500, idle: 90_000, irq: 10 } }],
  loadavg: () => [0, 0, 0],
  machine: () => 'x86_64',
  uptimeSeconds: () => 100,
  mem: async () => ({
    total: 8_000,
    free: 3_000,
    used: 5_000,
    active: 5_000,
    available: 3_000,
    buffcache: 0,
    buffers: 0,
    cached: 0,
    slab: 0,
    reclaimable: 0,
    swaptotal: 1_000,
    swapused: 200,
    swapfree: 800,
    writeback: null,
    dirty: null,
  }),
  fileSystems: async () => [
    { fs: 'C:', type: 'NTFS', size: 1_000, used: 400, available: 600, use: 40, mount: 'C:', rw: true },
    { fs: 'D:', type: 'CDFS', size: 700, used: 700, available: 0, use: 100, mount: 'D:', rw: null },
  ],
  networkStats: async () => [
    {
      iface: 'Ethernet0',
      operstate: 'up',
      rx_bytes: 11,
      rx_dropped: 0,
      rx_errors: -1,
      tx_bytes: 22,
      tx_dropped: 0,
      tx_errors: 0,
      rx_sec: 0,
      tx_sec: 0,
      ms: 0,
    },
    {
      iface: 'Unknown1',
      operstate: 'unknown',
      rx_bytes: 0,
      rx_dropped: 0,
      rx_errors: 0,
      tx_bytes: 0,
      tx_dropped: 0,
      tx_errors: 0,
      rx_sec: 0,
      tx_sec: 0,
      ms: 0,
    },
  ],
  osInfo: async () => ({
    platform: 'Windows',
    distro: 'Microsoft Windows Server 2022 Standard',
    release: '10.0.20348',
    codename: '',
    kernel: '10.0.20348',
    arch: 'x64',
    hostname: 'srv1',
    fqdn: 'srv1',
    codepage: '936',
    logofile: 'windows',
    serial: '00454-1',
    build: '20348',
    servicepack: '0.0',
    uefi: true,
  }),
};
const collect = async (source: SystemSource) =>
  (await collectRecording('none', { readers: createOtherSystemReaders(source) })).values;

test.each<readonly [why: string, series: string, value: number | undefined]>([
  ['milliseconds are seconds', 'node_cpu_seconds_total{cpu="0",mode="user"}', 1.5],
  ['sys is called system', 'node_cpu_seconds_total{cpu="0",mode="system"}', 0.5],
  ['boot time from uptime', 'node_boot_time_seconds', startAtMs / 1_000 - 100],
  ['no load on Windows', 'node_load1', undefined],
  ['memory in bytes', 'node_memory_MemAvailable_bytes', 3_000],
  ['free space', 'node_filesystem_free_bytes{device="C:",fstype="NTFS",mountpoint="C:"}', 600],
  ['writable', 'node_filesystem_readonly{device="C:",fstype="NTFS",mountpoint="C:"}', 0],
  ['not known is not told', 'node_filesystem_readonly{device="D:",fstype="CDFS",mountpoint="D:"}', undefined],
  ['traffic', 'node_network_receive_bytes_total{device="Ethernet0"}', 11],
  ['-1 is not told', 'node_network_receive_errs_total{device="Ethernet0"}', undefined],
  ['link up', 'node_network_up{device="Ethernet0"}', 1],
  ['link not known is not told', 'node_network_up{device="Unknown1"}', undefined],
  [
    'names',
    'node_uname_info{domainname="",machine="x86_64",nodename="srv1",release="10.0.20348",sysname="Windows",version="Microsoft Windows Server 2022 Standard"}',
    1,
  ],
])('Windows, %s: %s', async (_, series, value) => {
  expect((await collect(windows)).get(series)).toBe(value);
});

test('macOS has a load average', async () => {
  const values = await collect({ ...windows, platform: 'darwin', loadavg: () => [1, 2, 3] });
  expect([values.get('node_load1'), values.get('node_load15')]).toEqual([1, 3]);
});
