import type { Severity } from '@jiwei/shared/status.ts';
import type { NoticeKind } from '../engine/effect.ts';
import type { InEach } from '../words/language.ts';

export const noticeWords: Readonly<Record<NoticeKind, InEach>> = {
  firing: { 'zh-CN': '故障', en: 'Fault' },
  resolved: { 'zh-CN': '恢复', en: 'Resolved' },
  warning: { 'zh-CN': '响应即将超时', en: 'Response due soon' },
  overdue: { 'zh-CN': '响应超时', en: 'Overdue' },
  flapping: { 'zh-CN': '抖动', en: 'Flapping' },
};

export const severityWords: Readonly<Record<Severity, InEach>> = {
  catastrophic: { 'zh-CN': '特别重大', en: 'catastrophic' },
  critical: { 'zh-CN': '重大', en: 'critical' },
  major: { 'zh-CN': '较大', en: 'major' },
  minor: { 'zh-CN': '一般', en: 'minor' },
};
