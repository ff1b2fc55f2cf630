import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostCollectors } from '../../shared/src/host-collectors.ts';
import { collectRecording } from '../agent/host/support/collect.ts';
import { freePort } from '../bench/support/free-port.ts';
import { lacks } from '../support/components.ts';
import { type District, openDistrict } from '../support/district.ts';
import { type ExposedFamily, readExposition } from '../support/exposition.ts';
import { eventually, root, startProcess, type TestProcess, testFolder } from '../support/processes.ts';

type Exposition = ReadonlyMap<string, ExposedFamily>;

const document = await readFile(join(root, 'docs/host-metrics.md'), 'utf8');
const [, differences = ''] = /\n## Differences from node_exporter 1\.5\n(.*?)\n## /s.exec(document) ?? [];
const [, familyTable = ''] = document.split('\n## Families\n');

/** A name of the document with its `*` or `<field>`, as a pattern. */
const patternOf = (name: string): RegExp => new RegExp(`^${name.replaceAll(/\*|<field>/g, '\\w*')}$`);
/** Names that the document says are left out, and of which collector. */
const leftOut = [...differences.matchAll(/^\| `([^`]+)` \| (\w+) \| \S/gm)].map(([, name = '', collector = '']) => ({
  name,
  collector,
}));
const collectorsLeftOut = [...differences.matchAll(/^\| (\w+) \| \S/gm)].map(([, collector = '']) => collector);
const ownFamilies = [...familyTable.matchAll(/^\| `([^`]+)` /gm)].map(([, name = '']) => name);

const isOurs = (name: string): boolean => ownFamilies.some((family) => patternOf(family).test(name));
const isLeftOut = (name: string): boolean => !isOurs(name) && leftOut.some((row) => patternOf(row.name).test(name));
/** What an exporter tells of itself: the document leaves it out as a whole. */
const isOfExporter = (name: string): boolean => /^(go_|process_|promhttp_)|^node_exporter_build_info$/.test(name);
/** The agent names its own readers beside node_exporter's, and `stat` is in `cpu`. */
const isOfOneSide = (name: string, labels: string): boolean =>
  name.startsWith('node_scrape_collector_') && /collector="(agent|agent_work|stat)"/.test(labels);
/** A state that hardly ever a process is in (uninterruptible, dead, stopped) has a series for the moment, and the agent looks every two minutes. */
const isPassing = (name: string, labels: string): boolean => name === 'node_processes_state' && !/^state="[SIR]"$/.test(labels);

const labelsOf = (name: string, family: ExposedFamily | undefined): readonly string[] =>
  [...(family?.series.keys() ?? [])].filter((labels) => !isOfOneSide(name, labels) && !isPassing(name, labels)).toSorted();

/** Everything in which the two differ but values: names, types, help texts and labels; a line each. */
const differencesOf = (ours: Exposition, theirs: Exposition): readonly string[] => [
  ...[...theirs].flatMap(([name, their]) => {
    if (isOfExporter(name) || isLeftOut(name)) return [];
    const our = ours.get(name);
    if (our === undefined) return [`${name}: is told by node_exporter alone, and not on the list of what is left out`];
    const [ourLabels, theirLabels] = [labelsOf(name, our), labelsOf(name, their)];
    return [
      ...(our.type === their.type ? [] : [`${name}: ours is a ${our.type}, theirs a ${their.type}`]),
      ...(our.help === their.help ? [] : [`${name}: our help is "${our.help}", theirs "${their.help}"`]),
      ...ourLabels.filter((labels) => !theirLabels.includes(labels)).map((labels) => `${name}{${labels}}: ours alone`),
      ...theirLabels.filter((labels) => !ourLabels.includes(labels)).map((labels) => `${name}{${labels}}: theirs alone`),
    ];
  }),
  ...[...ours.keys()]
    .filter((name) => name.startsWith('node_') && !theirs.has(name))
    .map((name) => `${name}: bears node_exporter's prefix, and node_exporter does not tell it`),
];

/** Debian's package leaves more mount points out than the project itself does. */
const excluded = '^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)';
/** With what is off by default and the agent has. */
const startExporter = async (args: readonly string[]): Promise<{ exporter: TestProcess; url: string }> => {
  const port = await freePort();
  const exporter = startProcess('prometheus-node-exporter', [
    ...[`--web.listen-address=127.0.0.1:${port}`, '--log.level=error', '--collector.processes', '--collector.systemd'],
    ...[`--collector.filesystem.mount-points-exclude=${excluded}`, ...args],
  ]);
  const url = `http://127.0.0.1:${port}/metrics`;
  await eventually('node_exporter answers', async () => (await fetch(url)).ok || null);
  return { exporter, url };
};
const covered = `?${[...hostCollectors, 'stat'].map((collector) => `collect[]=${collector}`).join('&')}`;
const readFrom = async (url: string): Promise<Exposition> => readExposition(await (await fetch(url)).text(), ['instance']);

test('the lists of what is left out are read, and name nothing that the agent tells', () => {
  expect(leftOut.length).toBeGreaterThan(10);
  expect(collectorsLeftOut.length).toBeGreaterThan(10);
  expect(leftOut.filter(({ name }) => isOurs(name))).toEqual([]);
  expect(leftOut.filter(({ collector }) => !hostCollectors.some((known) => known === collector))).toEqual([]);
});

test('a name, a type, a help text or a label that differs is seen', () => {
  const theirs = readExposition(
    '# HELP node_load1 Load.\n# TYPE node_load1 gauge\nnode_load1{a="1"} 1\n# TYPE go_info gauge\ngo_info 1\n',
  );
  const differ = (ours: string): readonly string[] => differencesOf(readExposition(ours), theirs);
  expect(differ('# HELP node_load1 Load.\n# TYPE node_load1 gauge\nnode_load1{a="1"} 5\njiwei_agent_up 1\n')).toEqual([]);
  expect(differ('')).toEqual(['node_load1: is told by node_exporter alone, and not on the list of what is left out']);
  expect(differ('# HELP node_load1 L.\n# TYPE node_load1 counter\nnode_load1{a="2"} 1\nnode_load2 1\n')).toEqual([
    'node_load1: ours is a counter, theirs a gauge',
    'node_load1: our help is "L.", theirs "Load."',
    'node_load1{a="2"}: ours alone',
    'node_load1{a="1"}: theirs alone',
    "node_load2: bears node_exporter's prefix, and node_exporter does not tell it",
  ]);
});

describe.skipIf(lacks('prometheus-node-exporter'))('a real node_exporter beside the agent', () => {
  let district: District;
  let exporter: TestProcess;
  let url = '';
  beforeAll(async () => {
    district = await openDistrict(`
host: { interval: 1s }
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets: [{ id: host, name: 主机, kind: server, unit: tax, address: 127.0.0.1 }]
agents: [{ id: local, asset: host }]
`);
    await district.startAgent('local');
    ({ exporter, url } = await startExporter([]));
    await eventually('the first row of the agent', async () => ((await fleet()).has('node_load1') ? true : null), 60_000);
  }, 120_000);
  afterAll(async () => {
    await exporter.kill('SIGTERM');
    await district.close();
  });
  const fleet = (): Promise<Exposition> => readFrom(`${district.url}/metrics/fleet`);
  const theirs = (): Promise<Exposition> => readFrom(`${url}${covered}`);
  const timeOf = (exposition: Exposition): number => exposition.get('node_time_seconds')?.series.get('') ?? Number.NaN;

  /** Network devices are looked at every minute, and other tests make and remove some. */
  const patienceMs = 150_000;

  /** A row of the agent, and what node_exporter said before and after it. */
  const lookAround = async (): Promise<{ before: Exposition; ours: Exposition; after: Exposition }> => {
    const before = await theirs();
    const ours = await eventually('a row later than that', async () => {
      const row = await fleet();
      return timeOf(row) > timeOf(before) ? row : null;
    });
    return { before, ours, after: await theirs() };
  };

  test('every collector of node_exporter is one of ours, or on the list of those that are not', async () => {
    const all = [...((await readFrom(url)).get('node_scrape_collector_success')?.series.keys() ?? [])].map(
      (labels) => /collector="(\w+)"/.exec(labels)?.[1] ?? '',
    );
    expect(all.filter((name) => !hostCollectors.some((known) => known === name)).toSorted()).toEqual(
      collectorsLeftOut.toSorted(),
    );
    expect(hostCollectors.filter((name) => !all.includes(name))).toEqual([]);
  });

  test(
    'names, types, help texts and labels are the same, but for what is on the list',
    async () => {
      // Devices, mounts and states of processes come and go: at some moment both see the same.
      let last: readonly string[] = [];
      await eventually(
        'no difference',
        async () => {
          const { before, ours, after } = await lookAround();
          last = differencesOf(ours, after);
          return last.length === 0 || differencesOf(ours, before).length === 0 ? true : null;
        },
        patienceMs,
      ).catch(() => expect(last).toEqual([]));
    },
    2 * patienceMs,
  );

  test(
    'every value lies between what node_exporter said before and after it',
    async () => {
      // A gauge that moves may have been anywhere between; each series has to fit once.
      const open = new Map<string, string>();
      for (const [name, { series }] of await theirs())
        for (const labels of series.keys())
          if (isOurs(name) && !isOfOneSide(name, labels) && !isPassing(name, labels) && !name.endsWith('_duration_seconds'))
            open.set(`${name}{${labels}}`, 'not seen');
      expect(open.size).toBeGreaterThan(300);
      const look = async (): Promise<true | null> => {
        const { before, ours, after } = await lookAround();
        for (const key of [...open.keys()]) {
          const [, name = '', labels = ''] = /^(\w+)\{(.*)\}$/s.exec(key) ?? [];
          const [low, our, high] = [before, ours, after].map((one) => one.get(name)?.series.get(labels));
          // What has gone meanwhile cannot be compared.
          const fits = high === undefined || (low !== undefined && our !== undefined && isBetween(name, our, low, high));
          if (fits) open.delete(key);
          else open.set(key, `${low} … ours ${our} … ${high}`);
        }
        return open.size === 0 ? true : null;
      };
      await eventually('all values fit', look, patienceMs).catch(() => expect(Object.fromEntries(open)).toEqual({}));
    },
    2 * patienceMs,
  );

  /** Read every two minutes, while processes come and go. */
  const isSlow = (name: string): boolean => /^node_processes_(state|pids|threads)$/.test(name);
  /**
   * Counters and whatever stands still: exactly, but for the last bits of a quotient. Gauges that move may leave the two values by a tenth,
   * those that are read seldom by their half and some.
   */
  const isBetween = (name: string, our: number, one: number, other: number): boolean => {
    const [low, high] = [Math.min(one, other), Math.max(one, other)];
    const slack = isSlow(name) ? 0.5 * high + 50 : low === high ? 1e-9 * Math.abs(high) : 0.1 * Math.abs(high);
    return our >= low - slack && our <= high + slack;
  };
});

describe.skipIf(lacks('prometheus-node-exporter'))('a real node_exporter on the files of a recorded host', () => {
  let folder: Awaited<ReturnType<typeof testFolder>>;
  let theirs: Exposition;
  let ours: Exposition;

  /** A line of /proc/PID/stat with all its 52 columns. */
  const process = (pid: number, name: string, state: string, threads: number): string =>
    `${pid} (${name}) ${state} ${Array.from({ length: 49 }, (_, index) => (index === 16 ? threads : 0)).join(' ')}`;
  /** Hardware that is rare among the machines tests run on, and what node_exporter needs in the places where it looks. */
  const files: Readonly<Record<string, string>> = {
    'proc/1/stat': process(1, 'init (x) y', 'S', 2),
    'proc/1/task/1/stat': process(1, 'init (x) y', 'S', 2),
    'proc/1/task/9/stat': process(9, 'worker', 'R', 2),
    'proc/22/stat': process(22, 'kworker/0:1', 'I', 1),
    'proc/22/task/22/stat': process(22, 'kworker/0:1', 'I', 1),
    'sys/class/thermal/thermal_zone0/policy': 'step_wise',
    'sys/class/thermal/cooling_device0/cur_state': '1',
    'sys/class/thermal/cooling_device0/max_state': '10',
    'sys/class/hwmon/hwmon3/temp1_crit_alarm': '0',
    'sys/class/hwmon/hwmon3/in0_input': '1104',
    'sys/class/hwmon/hwmon3/cpu0_vid': '1100',
    'sys/class/hwmon/hwmon3/curr1_input': '500',
    'sys/class/hwmon/hwmon3/power1_average': '65000000',
    'sys/class/hwmon/hwmon3/energy1_input': '5000000',
    'sys/class/hwmon/hwmon3/pwm1': '120',
    'sys/class/hwmon/hwmon3/humidity1_input': '45000',
    'sys/class/hwmon/hwmon3/intrusion0_alarm': '0',
    'sys/class/hwmon/hwmon3/vrm': '120',
    'sys/class/hwmon/hwmon3/beep_enable': '1',
    'sys/class/hwmon/hwmon3/update_interval': '1000',
    // Old drivers keep their sensors in the folder of the device.
    'sys/devices/platform/coretemp.0/temp2_input': '47000',
    'sys/devices/platform/coretemp.0/temp2_label': 'Core 0',
    'sys/devices/system/cpu/isolated': '1',
    'sys/devices/system/cpu/cpu0/topology/physical_package_id': '0',
    'sys/devices/system/cpu/cpu0/topology/core_id': '0',
    'sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count': '3',
    'sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count': '4',
  };
  const udev = [
    ...['ID_FS_TYPE=ext4', 'ID_FS_USAGE=filesystem', 'DM_NAME=vg-root', 'ID_ATA=1', 'ID_ATA_WRITE_CACHE=1'],
    ...['ID_ATA_WRITE_CACHE_ENABLED=1', 'ID_ATA_ROTATION_RATE_RPM=7200', 'ID_REVISION=A1'],
  ];

  beforeAll(async () => {
    folder = await testFolder();
    await cp(join(root, 'test/fixtures/proc/debian12-two-cpus'), folder.path, { recursive: true, verbatimSymlinks: true });
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder.path, path)), { recursive: true });
      await writeFile(join(folder.path, path), `${text}\n`);
    }
    await writeFile(join(folder.path, 'run/udev/data/b254:0'), udev.map((line) => `E:${line}\n`).join(''), { flag: 'a' });
    await symlink('self/net', join(folder.path, 'proc/net'));
    // Of these node_exporter gives up the whole collector: a process whose line is cut, and a zone without a temperature.
    await rm(join(folder.path, 'proc/23'), { recursive: true });
    await rm(join(folder.path, 'sys/class/thermal/thermal_zone1'), { recursive: true });
    const { exporter, url } = await startExporter([
      ...[`--path.procfs=${folder.path}/proc`, `--path.sysfs=${folder.path}/sys`, `--path.rootfs=${folder.path}`],
      ...[`--path.udev.data=${folder.path}/run/udev/data`, '--no-collector.netdev.netlink'],
    ]);
    theirs = await readFrom(`${url}${covered}`);
    await exporter.kill('SIGTERM');
    const roots = {
      proc: `${folder.path}/proc`,
      sys: `${folder.path}/sys`,
      run: `${folder.path}/run`,
      etc: `${folder.path}/etc`,
    };
    const { values } = await collectRecording('debian12-two-cpus', { roots });
    ours = readExposition([...values].map(([series, value]) => `${series} ${value}`).join('\n'));
  });
  afterAll(() => folder.remove());

  /** What node_exporter asks the kernel for and not the files: clock, name of the host, space, systemd; and what it reads elsewhere with netlink. */
  const isOfKernel = (name: string): boolean =>
    /^node_(time_seconds|uname_info|filesystem_|systemd_|scrape_collector_)|^node_network_receive_nohandler_total$/.test(name);

  test('every series has the same value', () => {
    const valuesOf = (exposition: Exposition): Readonly<Record<string, number>> =>
      Object.fromEntries(
        [...exposition]
          .filter(([name]) => name.startsWith('node_') && !isOfKernel(name) && !isOfExporter(name) && !isLeftOut(name))
          .flatMap(([name, { series }]) =>
            [...series].map(([labels, value]): [string, number] => [`${name}{${labels}}`, Number(value.toPrecision(12))]),
          )
          .toSorted(([left], [right]) => (left < right ? -1 : 1)),
      );
    expect(Object.keys(valuesOf(theirs)).length).toBeGreaterThan(250);
    expect(valuesOf(ours)).toEqual(valuesOf(theirs));
  });

  test('what the list says is left out is there to be left out', () => {
    const told = [...theirs.keys()].filter((name) => !isOurs(name));
    // No systemd answers here.
    const rows = leftOut.filter(({ collector }) => collector !== 'systemd');
    expect(rows.filter((row) => !told.some((name) => patternOf(row.name).test(name)))).toEqual([]);
  });
});
