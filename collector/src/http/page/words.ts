import type { Severity, Status } from '@jiwei/shared/status.ts';
import type { AssetKind } from '../../engine/config.ts';
import type { IncidentState } from '../../engine/incident.ts';
import type { Language } from '../../words/language.ts';

/** Everything the page says. */
export interface Words {
  readonly title: string;
  readonly subtitle: string;
  readonly asOf: string;
  readonly refreshes: string;
  readonly isStale: string;
  readonly otherLanguage: string;
  readonly status: Readonly<Record<Status, string>>;
  readonly severity: Readonly<Record<Severity, string>>;
  readonly state: Readonly<Record<IncidentState, string>>;
  readonly kind: Readonly<Record<AssetKind, string>>;
  readonly connection: Readonly<Record<'connected' | 'lost' | 'never' | 'pending' | 'revoked', string>>;
  readonly allUp: string;
  readonly someUp: (count: number) => string;
  readonly someDown: (count: number) => string;
  readonly someDegraded: (count: number) => string;
  readonly someUnknown: (count: number) => string;
  readonly nothingDeclared: string;
  readonly incidents: string;
  readonly noIncidents: string;
  readonly asset: string;
  readonly unit: string;
  readonly severityColumn: string;
  readonly stateColumn: string;
  readonly reason: string;
  readonly lasts: string;
  readonly respond: string;
  readonly onsite: string;
  readonly left: (lasted: string) => string;
  readonly overdue: (lasted: string) => string;
  readonly doneAfter: (lasted: string) => string;
  readonly doneLate: (lasted: string) => string;
  readonly notNeeded: string;
  readonly noData: string;
  readonly flapping: string;
  readonly held: string;
  readonly attached: Readonly<Record<'below' | 'closed', string>>;
  readonly maintenance: string;
  readonly availability: string;
  readonly windows: Readonly<Record<'hour' | 'day' | 'week' | 'month', string>>;
  readonly windowColumn: string;
  readonly observed: string;
  readonly coverage: string;
  readonly worst: string;
  readonly notEnoughData: string;
  readonly noDataYet: string;
  readonly availabilityNote: string;
  readonly assets: string;
  readonly noAssets: string;
  readonly statusColumn: string;
  readonly since: string;
  readonly kindColumn: string;
  readonly andMore: (count: number) => string;
  readonly agents: string;
  readonly noAgents: string;
  readonly agent: string;
  readonly host: string;
  readonly connectionColumn: string;
  readonly key: string;
  readonly approve: string;
  readonly refuse: string;
  readonly askToken: string;
  readonly adminToken: string;
  readonly go: string;
  readonly cancel: string;
  readonly skew: string;
  readonly roundTrip: string;
  readonly spool: string;
  readonly frames: (count: number) => string;
  readonly declarationRefused: string;
  readonly runningFor: (lasted: string) => string;
  readonly ahead: (lasted: string) => string;
  readonly behind: (lasted: string) => string;
  readonly inStep: string;
}

const zh: Words = {
  title: '集维 · 运行总览',
  subtitle: '集约运维监控',
  asOf: '截至',
  refreshes: '每 5 秒自动刷新',
  isStale: '连接已中断，以下数据不再更新。',
  otherLanguage: 'English',
  status: { down: '故障', degraded: '性能下降', up: '正常', unknown: '未知' },
  severity: { catastrophic: '特别重大', critical: '重大', major: '较大', minor: '一般' },
  state: { open: '待响应', acknowledged: '处理中', resolved: '已恢复' },
  kind: {
    server: '服务器',
    pc: '计算机',
    camera: '摄像机',
    nvr: '录像机',
    screen: '大屏',
    app: '应用系统',
    website: '网站',
    api: '接口',
    database: '数据库',
    switch: '交换机',
    router: '路由器',
    firewall: '防火墙',
    printer: '打印机',
    ups: '不间断电源',
    storage: '存储',
    iot: '物联设备',
    other: '其他',
  },
  connection: { connected: '已连接', lost: '已断开', never: '从未连接', pending: '等待批准', revoked: '已吊销' },
  allUp: '全部正常',
  someUp: (count) => `${count} 项正常`,
  someDown: (count) => `${count} 项故障`,
  someDegraded: (count) => `${count} 项性能下降`,
  someUnknown: (count) => `${count} 项未知`,
  nothingDeclared: '尚未登记资产',
  incidents: '未恢复的故障',
  noIncidents: '当前没有未恢复的故障。',
  asset: '资产',
  unit: '单位',
  severityColumn: '等级',
  stateColumn: '状态',
  reason: '原因',
  lasts: '已持续',
  respond: '响应（3 分钟）',
  onsite: '到场（15 分钟）',
  left: (lasted) => `剩余 ${lasted}`,
  overdue: (lasted) => `超时 ${lasted}`,
  doneAfter: (lasted) => `已完成，用时 ${lasted}`,
  doneLate: (lasted) => `超时完成，用时 ${lasted}`,
  notNeeded: '无需到场',
  noData: '暂无数据',
  flapping: '反复波动',
  held: '已由人工关闭，故障仍在',
  attached: { below: '并入上方故障', closed: '并入已由人工关闭的故障' },
  maintenance: '维护中',
  availability: '可用率',
  windows: { hour: '近 1 小时', day: '近 1 天', week: '近 7 天', month: '近 30 天' },
  windowColumn: '时段',
  observed: '可用率',
  coverage: '数据覆盖率',
  worst: '最低的资产',
  notEnoughData: '数据不足',
  noDataYet: '无数据',
  availabilityNote: '可用率按已知时间计算，未知时间不计入；数值一律截断，不四舍五入。数据覆盖率低于 95 % 时标注“数据不足”。',
  assets: '资产',
  noAssets: '尚未登记资产，也没有代理接入。',
  statusColumn: '状态',
  since: '已持续',
  kindColumn: '类型',
  andMore: (count) => `另有 ${count} 项未列出`,
  agents: '代理',
  noAgents: '还没有代理接入。',
  agent: '代理',
  host: '主机',
  connectionColumn: '连接',
  key: '密钥指纹',
  approve: '批准',
  refuse: '拒绝',
  askToken: '此操作需要管理员令牌。',
  adminToken: '管理员令牌',
  go: '确定',
  cancel: '取消',
  skew: '时钟偏差',
  roundTrip: '往返时延',
  spool: '待传数据',
  frames: (count) => `${count} 帧`,
  declarationRefused: '最近一次登记文件未被采用，仍按上一版本运行：',
  runningFor: (lasted) => `已运行 ${lasted}`,
  ahead: (lasted) => `快 ${lasted}`,
  behind: (lasted) => `慢 ${lasted}`,
  inStep: '一致',
};

const en: Words = {
  title: 'Jiwei · Overview',
  subtitle: 'Monitoring for consolidated operation',
  asOf: 'As of',
  refreshes: 'refreshes every 5 seconds',
  isStale: 'The connection is lost; the figures below are no longer updated.',
  otherLanguage: '中文',
  status: { down: 'Down', degraded: 'Degraded', up: 'Up', unknown: 'Unknown' },
  severity: { catastrophic: 'Catastrophic', critical: 'Critical', major: 'Major', minor: 'Minor' },
  state: { open: 'Open', acknowledged: 'Acknowledged', resolved: 'Resolved' },
  kind: {
    server: 'server',
    pc: 'PC',
    camera: 'camera',
    nvr: 'video recorder',
    screen: 'screen',
    app: 'application',
    website: 'website',
    api: 'API',
    database: 'database',
    switch: 'switch',
    router: 'router',
    firewall: 'firewall',
    printer: 'printer',
    ups: 'UPS',
    storage: 'storage',
    iot: 'IoT device',
    other: 'other',
  },
  connection: {
    connected: 'Connected',
    lost: 'Lost',
    never: 'Never connected',
    pending: 'Waits for approval',
    revoked: 'Revoked',
  },
  allUp: 'Everything is up',
  someUp: (count) => `${count} up`,
  someDown: (count) => `${count} down`,
  someDegraded: (count) => `${count} degraded`,
  someUnknown: (count) => `${count} unknown`,
  nothingDeclared: 'No assets yet',
  incidents: 'Open incidents',
  noIncidents: 'No open incidents.',
  asset: 'Asset',
  unit: 'Unit',
  severityColumn: 'Severity',
  stateColumn: 'State',
  reason: 'Reason',
  lasts: 'For',
  respond: 'Response (3 min)',
  onsite: 'On site (15 min)',
  left: (lasted) => `${lasted} left`,
  overdue: (lasted) => `overdue by ${lasted}`,
  doneAfter: (lasted) => `done after ${lasted}`,
  doneLate: (lasted) => `late, done after ${lasted}`,
  notNeeded: 'not needed',
  noData: 'no data',
  flapping: 'flapping',
  held: 'closed by hand, still failing',
  attached: { below: 'part of the incident above', closed: 'part of an incident closed by hand' },
  maintenance: 'maintenance',
  availability: 'Availability',
  windows: { hour: '1 hour', day: '1 day', week: '7 days', month: '30 days' },
  windowColumn: 'Period',
  observed: 'Availability',
  coverage: 'Coverage',
  worst: 'Lowest asset',
  notEnoughData: 'insufficient data',
  noDataYet: 'no data',
  availabilityNote:
    'Availability is measured over the time whose state is known; unknown time is left out. Figures are truncated, never rounded up. ' +
    'With a coverage below 95 % there is “insufficient data”.',
  assets: 'Assets',
  noAssets: 'No assets are declared and no agent has joined yet.',
  statusColumn: 'Status',
  since: 'For',
  kindColumn: 'Kind',
  andMore: (count) => `${count} more are not shown`,
  agents: 'Agents',
  noAgents: 'No agent has joined yet.',
  agent: 'Agent',
  host: 'Host',
  connectionColumn: 'Connection',
  key: 'key',
  approve: 'Approve',
  refuse: 'Refuse',
  askToken: 'This needs the admin token.',
  adminToken: 'Admin token',
  go: 'Do it',
  cancel: 'Cancel',
  skew: 'Clock',
  roundTrip: 'Round trip',
  spool: 'Waiting to be sent',
  frames: (count) => `${count} ${count === 1 ? 'frame' : 'frames'}`,
  declarationRefused: 'The last declaration was refused; the one before is still in force:',
  runningFor: (lasted) => `running for ${lasted}`,
  ahead: (lasted) => `${lasted} ahead`,
  behind: (lasted) => `${lasted} behind`,
  inStep: 'in step',
};

export const wordsOf: Readonly<Record<Language, Words>> = { 'zh-CN': zh, en };

const languageOf = (tag: string): Language | null => {
  const primary = tag.trim().toLowerCase().split('-', 1)[0];
  if (primary === 'zh') return 'zh-CN';
  return primary === 'en' ? 'en' : null;
};

/**
 * The language asked for in the query, else the best of Accept-Language (RFC 9110, 12.5.4), else Chinese.
 * @param asked `zh`, `zh-CN`, `en` …; anything else counts as not asked
 */
export const chooseLanguage = (asked: string | undefined, acceptLanguage: string | undefined): Language => {
  const wanted = asked === undefined ? null : languageOf(asked);
  if (wanted !== null) return wanted;
  const accepted = (acceptLanguage ?? '')
    .split(',')
    .map((entry) => {
      const [tag = '', ...parameters] = entry.split(';');
      const quality = parameters.map((parameter) => /^\s*q=([\d.]+)\s*$/.exec(parameter)?.[1]).find((text) => text !== undefined);
      return { language: languageOf(tag), quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ quality }) => quality > 0)
    .sort((left, right) => right.quality - left.quality);
  return accepted.find(({ language }) => language !== null)?.language ?? 'zh-CN';
};
