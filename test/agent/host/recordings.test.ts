import { describe, expect, test } from 'vitest';
import { collectRecording, startAtMs } from './support/collect.ts';

const filesystem = (device: string, fstype: string, mountpoint: string) =>
  `{device="${device}",fstype="${fstype}",mountpoint="${mountpoint}"}`;

const modern: readonly (readonly [why: string, series: string, value: number])[] = [
  ['ticks are hundredths of a second', 'node_cpu_seconds_total{cpu="1",mode="idle"}', 3089.62],
  ['guest time is told apart', 'node_cpu_guest_seconds_total{cpu="0",mode="user"}', 0],
  ['counts come as they are', 'node_memory_HugePages_Total', 0],
  ['kB are bytes', 'node_memory_MemTotal_bytes', 24_684_096 * 1024],
  ['sectors are 512 bytes', 'node_disk_read_bytes_total{device="vda"}', 7_520_754 * 512],
  ['milliseconds are seconds', 'node_disk_io_time_seconds_total{device="vda"}', 69.636],
  [
    'what udev knows is in the labels',
    'node_disk_info{device="vda",major="254",minor="0",model="Virtio Disk",path="pci-0000:00:05.0",revision="",serial="S1",wwn="0x5"}',
    1,
  ],
  ['blocks are multiplied', `node_filesystem_avail_bytes${filesystem('/dev/vda', 'ext4', '/')}`, 30 * 4_096],
  ['a space in a mount point is unescaped', `node_filesystem_readonly${filesystem('/dev/vdb', 'xfs', '/data one')}`, 1],
  ['network file systems count', `node_filesystem_files_free${filesystem('server:/export', 'nfs4', '/mnt/nfs')}`, 10],
  ['no error is told as 0', `node_filesystem_device_error${filesystem('/dev/vda', 'ext4', '/')}`, 0],
  ['traffic received', 'node_network_receive_bytes_total{device="eth0"}', 447_680_665],
  ['traffic sent is after eight columns', 'node_network_transmit_packets_total{device="eth0"}', 5_370],
  ['flags are hexadecimal', 'node_network_flags{device="eth0"}', 0x1003],
  ['an unknown speed stays -1 Mbit/s', 'node_network_speed_bytes{device="eth0"}', -125_000],
  ['operstate is up', 'node_network_up{device="eth0"}', 1],
  ['columns are found by their header', 'node_netstat_Tcp_ActiveOpens', 5_597],
  ['microseconds are seconds', 'node_pressure_io_stalled_seconds_total', 36.90915],
  ['the third number of file-nr', 'node_filefd_maximum', 2_466_193],
  ['neighbours by device', 'node_arp_entries{device="eth0"}', 1],
  ['hexadecimal counters per CPU', 'node_softnet_processed_total{cpu="1"}', 0x90da],
  ['UDP queues, received', 'node_udp_queues{ip="v4",queue="rx"}', 0x2a0],
  ['thermal zones in degrees', 'node_thermal_zone_temp{type="x86_pkg_temp",zone="0"}', 43.5],
  ['a chip is called by its bus and device', 'node_hwmon_temp_celsius{chip="platform_coretemp_0",sensor="temp1"}', 51],
  ['a limit of a sensor', 'node_hwmon_temp_crit_celsius{chip="platform_coretemp_0",sensor="temp1"}', 100],
  ['the label of a sensor', 'node_hwmon_sensor_label{chip="platform_coretemp_0",label="Package id 0",sensor="temp1"}', 1],
  ['the human name of a chip', 'node_hwmon_chip_names{chip="platform_coretemp_0",chip_name="coretemp"}', 1],
  ['names with brackets do not confuse', 'node_processes_state{state="S"}', 1],
  ['processes whose line is cut are not counted', 'node_processes_pids', 2],
  ['threads are summed', 'node_processes_threads', 4],
  ['the major version', 'node_os_version{id="debian",id_like="",name="Debian GNU/Linux"}', 12],
  ['wall time', 'node_time_seconds', startAtMs / 1_000],
  ['the clock in use', 'node_time_clocksource_current_info{clocksource="tsc",device="0"}', 1],
  ['a reader that read says so', 'node_scrape_collector_success{collector="cpu"}', 1],
  ['a host without systemd says so', 'node_scrape_collector_success{collector="systemd"}', 0],
];

const odd: readonly (readonly [why: string, series: string, value: number | undefined])[] = [
  ['a counter above 2^53 keeps what a double can hold', 'node_cpu_seconds_total{cpu="2",mode="user"}', 2 ** 54 / 100],
  ['the largest counter of 64 bits', 'node_context_switches_total', 2 ** 64],
  ['a CPU that is offline has no series', 'node_cpu_seconds_total{cpu="1",mode="user"}', undefined],
  ['columns a line does not have give no series', 'node_cpu_seconds_total{cpu="2",mode="steal"}', undefined],
  ['nor does a line cut in the middle', 'node_cpu_seconds_total{cpu="3",mode="user"}', undefined],
  ['what stands after is read', 'node_forks_total', 42],
  ['a name cut short gives nothing', 'node_procs_running', undefined],
  ['a value cut before its unit gives nothing', 'node_memory_DirectMap4k_bytes', undefined],
  ['huge pages are counts', 'node_memory_HugePages_Total', 12],
  ['brackets in names become underscores', 'node_memory_Active_anon_bytes', 1024],
  ['old kernels have eleven columns', 'node_disk_io_time_weighted_seconds_total{device="sda"}', 0.008],
  ['and no discards', 'node_disk_discards_completed_total{device="sda"}', undefined],
  ['newer ones fifteen', 'node_disk_discard_time_seconds_total{device="nvme0n1"}', 0.015],
  ['partitions are left out', 'node_disk_reads_completed_total{device="sda1"}', undefined],
  ['a device whose numbers are cut off gives nothing', 'node_disk_reads_completed_total{device="sr"}', undefined],
  ['old kernels write no space after the colon', 'node_network_receive_bytes_total{device="eth0"}', 4_294_967_296],
  ['the loop-back is left out', 'node_network_receive_bytes_total{device="lo"}', undefined],
  ['a line cut short gives what it has', 'node_network_receive_packets_total{device="eth0.10"}', 2],
  ['and nothing else', 'node_network_receive_errs_total{device="eth0.10"}', undefined],
  ['CPUs are counted where the line does not number them', 'node_softnet_processed_total{cpu="1"}', 255],
  ['pages are bytes as well', 'node_sockstat_TCP_mem_bytes', 8_192],
  ['no pressure information: no series', 'node_pressure_cpu_waiting_seconds_total', undefined],
  ['and said so', 'node_scrape_collector_success{collector="pressure"}', 0],
  ['only the chosen fields of vmstat', 'node_vmstat_pgmigrate_success', undefined],
  ['and those', 'node_vmstat_oom_kill', 2],
  ['a mount cut short is none', 'node_filesystem_size_bytes{device="/dev/sdb1",fstype="",mountpoint="/cut"}', undefined],
];

describe('a Debian 12 host', () => {
  test.each(modern)('%s: %s', async (_, series, value) => {
    const { values } = await collectRecording('debian12-two-cpus');
    expect(values.get(series)).toBeCloseTo(value, 6);
  });
  test('reports no error, leaves out what holds no data, and gives a series once', async () => {
    const { row, series, values } = await collectRecording('debian12-two-cpus');
    expect(row.errors).toEqual([]);
    expect(row.atMs).toBe(startAtMs);
    expect([...values.keys()].filter((name) => /mountpoint="\/(dev|proc|sys)/.test(name))).toEqual([]);
    expect([...values.keys()].filter((name) => /device="loop/.test(name))).toEqual([]);
    expect(values.size).toBe(row.indexes.length);
    expect(series.length).toBe(row.indexes.length);
    expect(Math.min(...row.indexes.subarray(1).map((index, at) => index - (row.indexes[at] ?? 0)))).toBeGreaterThan(0);
  });
});

describe('an old and broken host', () => {
  test.each(odd)('%s: %s', async (_, series, value) => {
    const { values } = await collectRecording('centos7-odd');
    expect(values.get(series)).toBe(value);
  });
  test('reports no error for what it does not have', async () => {
    expect((await collectRecording('centos7-odd')).row.errors).toEqual([]);
  });
});
