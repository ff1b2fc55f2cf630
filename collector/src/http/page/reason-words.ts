import { type ReasonCode, reasons } from '@jiwei/shared/reasons.ts';
import type { FaultCode, Incident } from '../../engine/incident.ts';
import type { Language } from './words.ts';

const chinese: Readonly<Record<Incident['reason'], string>> = {
  OK: '一切正常',
  SLOW: '响应过慢',
  TIMEOUT: '超时无应答',
  CONNECTION_REFUSED: '连接被拒绝，端口无服务',
  CONNECTION_RESET: '连接被对方中断',
  HOST_UNREACHABLE: '主机不可达',
  NETWORK_UNREACHABLE: '网络不可达',
  DNS_NOT_FOUND: '域名不存在',
  DNS_NO_DATA: '域名没有所查类型的记录',
  DNS_FAILED: '域名服务器故障或拒绝应答',
  DNS_UNEXPECTED_ANSWER: '域名解析结果与预期不符',
  TLS_HANDSHAKE_FAILED: 'TLS 握手失败',
  CERTIFICATE_INVALID: '证书不受信任',
  CERTIFICATE_EXPIRED: '证书已过期或尚未生效',
  CERTIFICATE_NAME_MISMATCH: '证书域名不符',
  CERTIFICATE_EXPIRING: '证书即将到期',
  HTTP_STATUS: 'HTTP 状态码不在允许范围',
  HTTP_PROTOCOL: '应答不是有效的 HTTP',
  HTTP_TOO_MANY_REDIRECTS: '重定向次数过多',
  HTTP_BODY_TOO_LARGE: '页面内容超过限制',
  HTTP_HEADER_MISMATCH: '响应头缺失或与预期不符',
  KEYWORD_MISSING: '页面缺少预期内容',
  KEYWORD_FORBIDDEN: '页面出现禁止内容',
  JSON_MISMATCH: 'JSON 内容与预期不符',
  UNEXPECTED_REPLY: '应答与预期不符',
  NO_REPLY: '无回显应答',
  PACKET_LOSS: '有丢包',
  PROCESS_NOT_FOUND: '进程数少于预期',
  PROCESS_TOO_MANY: '进程数多于预期',
  UNIT_NOT_FOUND: '系统服务不存在',
  UNIT_FAILED: '系统服务失败',
  UNIT_INACTIVE: '系统服务未运行',
  HEARTBEAT_MISSED: '未按时收到心跳',
  HEARTBEAT_REPORTED_DOWN: '心跳自报故障',
  NOT_PERMITTED: '代理缺少探测权限或工具',
  PROBE_ERROR: '探测本身出错',
  AGENT_STOPPED: '代理停止运行，未发现主机故障',
  AGENT_CLONED: '代理密钥被复制，另有程序在使用',
  AGENT_SILENT: '代理失联，无法从别处核实主机',
  HOST_DOWN: '主机失联',
  ZONE_OUTAGE: '片区大面积失联',
  ZONE_STORM: '片区内多项资产同时发生故障',
  RULE: '触发告警规则',
};

const english: Readonly<Record<FaultCode, string>> = {
  AGENT_STOPPED: 'the agent stopped; nothing says that its host is at fault',
  AGENT_SILENT: 'the agent is silent and nobody else can ask for its host',
  AGENT_CLONED: 'somebody else uses a copy of the key of its agent',
  HOST_DOWN: 'the host is gone',
  ZONE_OUTAGE: 'many hosts of the zone are gone at once',
  ZONE_STORM: 'many assets of the zone failed at once',
  RULE: 'an alerting rule fires',
};

const isProbeReason = (reason: Incident['reason']): reason is ReasonCode => Object.hasOwn(reasons, reason);

/** The reason of an incident in words. */
export const reasonText = (reason: Incident['reason'], language: Language): string => {
  if (language === 'zh-CN') return chinese[reason];
  return isProbeReason(reason) ? reasons[reason].text : english[reason];
};
