import type { EpochMs } from '@jiwei/shared/time.ts';
import { zoneOfAsset } from '../engine/subject.ts';
import { factsOf } from '../words/incident-facts.ts';
import { colonOf, type InEach, type Language } from '../words/language.ts';
import { reasonText } from '../words/reasons.ts';
import { durationText, instantText } from './message-time.ts';
import type { Notice } from './notifier.ts';
import { noticeWords, severityWords } from './words.ts';

/** A notice in words, for whatever a channel can show. */
export interface Message {
  /** One line without markup. */
  readonly title: string;
  /** Lines of plain text; the title is the first. */
  readonly text: string;
  /** The same for channels that know headings, lists, bold and links, and nothing more. */
  readonly markdown: string;
  /** The same as a fragment of HTML, everything from outside escaped. */
  readonly html: string;
  /** Address of the incident in the console, when there is one. */
  readonly url: string | null;
}

export interface Wording {
  readonly language: Language;
  readonly timeZone: string;
  readonly consoleUrl?: string | undefined;
}

const labels = {
  asset: { 'zh-CN': '资产', en: 'Asset' },
  unit: { 'zh-CN': '单位', en: 'Unit' },
  zone: { 'zh-CN': '片区', en: 'Zone' },
  crew: { 'zh-CN': '运维小组', en: 'Crew' },
  severity: { 'zh-CN': '级别', en: 'Severity' },
  reason: { 'zh-CN': '原因', en: 'Reason' },
  faultFrom: { 'zh-CN': '故障开始', en: 'Fault since' },
  faultTo: { 'zh-CN': '恢复时间', en: 'Fault until' },
  downtime: { 'zh-CN': '持续时长', en: 'Duration' },
  respondDue: { 'zh-CN': '响应期限', en: 'Respond by' },
  incident: { 'zh-CN': '故障编号', en: 'Incident' },
  open: { 'zh-CN': '查看详情', en: 'Open in the console' },
} as const satisfies Record<string, InEach>;

type Line = readonly [label: string, value: string];

/** Says the notice in words. Pure: instants come from the notice, the time zone from the wording. */
export const messageOf = (notice: Notice, wording: Wording): Message => {
  const { incident } = notice;
  const title = titleOf(notice, wording.language);
  const lines = linesOf(notice, wording);
  const url = wording.consoleUrl === undefined ? null : incidentUrl(wording.consoleUrl, incident.id);
  const open = labels.open[wording.language];
  const colon = colonOf[wording.language];
  const textLines = [title, '', ...lines.map(([label, value]) => `${label}${colon}${value}`)];
  return {
    title,
    url,
    text: [...textLines, ...(url === null ? [] : [`${open}${colon}${url}`])].join('\n'),
    markdown: [
      `### ${escapeMarkdown(title)}`,
      '',
      ...lines.map(([label, value]) => `- **${label}**${colon}${escapeMarkdown(value)}`),
      ...(url === null ? [] : ['', `[${open}](${url})`]),
    ].join('\n'),
    html: [
      `<h3>${escapeHtml(title)}</h3>`,
      '<table>',
      ...lines.map(([label, value]) => `<tr><th align="left">${label}</th><td>${escapeHtml(value)}</td></tr>`),
      '</table>',
      ...(url === null ? [] : [`<p><a href="${escapeHtml(url)}">${open}</a></p>`]),
    ].join('\n'),
  };
};

const titleOf = ({ notice, incident, names }: Notice, language: Language): string => {
  const who = oneLine(
    [names.unit ?? incident.unitId ?? '', names.asset ?? incident.assetId].filter((name) => name !== '').join(' '),
  );
  const what = noticeWords[notice][language];
  const severity = severityWords[incident.severity][language];
  return language === 'zh-CN' ? `【${what}】[${severity}] ${who}` : `[${what}] ${who} (${severity})`;
};

const linesOf = ({ notice, incident, names }: Notice, { language, timeZone }: Wording): readonly Line[] => {
  const at = (atMs: EpochMs): string => instantText(atMs, language, timeZone);
  const line = (label: keyof typeof labels, value: string | null): readonly Line[] =>
    value === null || value === '' ? [] : [[labels[label][language], oneLine(value)]];
  const cycle = incident.cycles.at(-1);
  const isWaiting = notice !== 'resolved' && cycle !== undefined && cycle.respondedAtMs === null;
  return [
    // An incident of a zone itself names it as the zone.
    ...(zoneOfAsset(incident.assetId) === null ? line('asset', named(names.asset, incident.assetId)) : []),
    ...line('unit', named(names.unit, incident.unitId)),
    ...line('zone', named(names.zone, incident.zoneId)),
    ...line('crew', incident.crew),
    ...line('severity', severityWords[incident.severity][language]),
    ...line('reason', reasonText(incident.reason, language)),
    ...factsOf(incident, language).map(({ label, value }): Line => [label[language], oneLine(value)]),
    ...line('faultFrom', at(incident.faultFromMs)),
    ...(incident.faultToMs === null
      ? []
      : [
          ...line('faultTo', at(incident.faultToMs)),
          ...line('downtime', durationText(incident.faultToMs - incident.faultFromMs, language)),
        ]),
    ...line('respondDue', isWaiting ? at(cycle.respondDueAtMs) : null),
    ...line('incident', incident.id),
  ];
};

/** `政务服务网 (web-portal)`; the id alone when it has no name. */
const named = (name: string | null, id: string | null): string | null =>
  name === null || id === null || name === id ? (name ?? id) : `${name} (${id})`;

const incidentUrl = (consoleUrl: string, id: string): string =>
  new URL(`incidents/${encodeURIComponent(id)}`, consoleUrl.endsWith('/') ? consoleUrl : `${consoleUrl}/`).href;

/** Line ends and control characters would break subjects, headers and lists. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const oneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ').trim();
const escapeMarkdown = (text: string): string => text.replace(/[\\`*_[\]<>#|~]/g, '\\$&');
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
