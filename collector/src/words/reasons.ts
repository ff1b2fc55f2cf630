import { type ReasonCode, reasons } from '@jiwei/shared/reasons.ts';
import type { FaultCode, Incident } from '../engine/incident.ts';
import type { Language } from './language.ts';

type IncidentReason = Incident['reason'];

/** The reason of an incident in the reader's language. */
export const reasonText = (reason: IncidentReason, language: Language): string =>
  language === 'zh-CN' ? reasonsInChinese[reason] : reasonInEnglish(reason);

const reasonInEnglish = (reason: IncidentReason): string =>
  isProbeReason(reason) ? reasons[reason].text : engineReasons[reason];
const isProbeReason = (reason: IncidentReason): reason is ReasonCode => Object.hasOwn(reasons, reason);

const engineReasons: Readonly<Record<FaultCode, string>> = {
  AGENT_STOPPED: 'the agent stopped; nothing says that its host is at fault',
  AGENT_SILENT: 'the agent is silent, and nobody else can ask its host',
  AGENT_CLONED: 'somebody else uses a copy of the key of its agent',
  HOST_DOWN: 'the agent is gone and nobody can reach its host',
  ZONE_OUTAGE: 'many agents of the zone were lost at once',
  ZONE_STORM: 'many assets of the zone failed at once',
  RULE: 'an alerting rule holds',
};

const reasonsInChinese: Readonly<Record<IncidentReason, string>> = {
  OK: '检查内容全部符合',
  SLOW: '响应正确，但超过慢响应阈值',
  TIMEOUT: '在期限内没有得到完整响应',
  CONNECTION_REFUSED: '主机拒绝连接，端口无服务监听',
  CONNECTION_RESET: '连接被对方中断',
  HOST_UNREACHABLE: '主机不可达',
  NETWORK_UNREACHABLE: '网络不可达',
  DNS_NOT_FOUND: '域名不存在',
  DNS_NO_DATA: '域名存在，但没有所查类型的记录',
  DNS_FAILED: '域名服务器故障或拒绝查询',
  DNS_UNEXPECTED_ANSWER: '域名解析结果与预期不符',
  TLS_HANDSHAKE_FAILED: 'TLS 握手失败',
  CERTIFICATE_INVALID: '证书不受信任',
  CERTIFICATE_EXPIRED: '证书已过期或尚未生效',
  CERTIFICATE_NAME_MISMATCH: '证书与域名不符',
  CERTIFICATE_EXPIRING: '证书即将到期',
  HTTP_STATUS: 'HTTP 状态码不在允许范围内',
  HTTP_PROTOCOL: '响应不是有效的 HTTP',
  HTTP_TOO_MANY_REDIRECTS: '重定向次数过多',
  HTTP_BODY_TOO_LARGE: '响应正文过大',
  HTTP_HEADER_MISMATCH: '响应头缺失或与预期不符',
  KEYWORD_MISSING: '响应中缺少应有的关键字',
  KEYWORD_FORBIDDEN: '响应中出现禁止的关键字',
  JSON_MISMATCH: 'JSON 响应中的值与预期不符',
  UNEXPECTED_REPLY: '响应内容与预期不符',
  NO_REPLY: '没有收到 ICMP 应答',
  PACKET_LOSS: '部分 ICMP 应答丢失',
  PROCESS_NOT_FOUND: '运行中的进程少于预期',
  PROCESS_TOO_MANY: '运行中的进程多于预期',
  UNIT_NOT_FOUND: '服务管理器中没有该服务',
  UNIT_FAILED: '服务运行失败',
  UNIT_INACTIVE: '服务未运行',
  HEARTBEAT_MISSED: '未按时收到心跳',
  HEARTBEAT_REPORTED_DOWN: '心跳自身报告异常',
  NOT_PERMITTED: '代理缺少探测所需的权限或工具',
  PROBE_ERROR: '探测自身出错，不能说明目标状态',
  AGENT_STOPPED: '代理已停止，未发现主机故障',
  AGENT_CLONED: '代理密钥被复制，另有程序在使用',
  AGENT_SILENT: '代理失去联系，且没有其他代理可以核实主机',
  HOST_DOWN: '代理失去联系，主机不可达',
  ZONE_OUTAGE: '片区内多个代理同时失去联系',
  ZONE_STORM: '片区内多项资产同时发生故障',
  RULE: '告警规则成立',
};

/** The same of a code that stands in an incident's details; one of another version stays as it is. */
export const knownReasonText = (code: string, language: Language): string =>
  isIncidentReason(code) ? reasonText(code, language) : code;
const isIncidentReason = (code: string): code is IncidentReason => Object.hasOwn(reasonsInChinese, code);
