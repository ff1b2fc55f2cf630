import type { Incident } from '../engine/incident.ts';
import { colonOf, type InEach, type Language } from './language.ts';
import { knownReasonText } from './reasons.ts';

/** One thing that was found, for people: `检查：http http://oa.example/（oa-web）：the status is 503`. */
export interface Fact {
  readonly label: InEach;
  readonly value: string;
}

type FactsFrom = Pick<Incident, 'problem' | 'reason' | 'details' | 'summary'>;

/** Checks that one message names; of more only their number is told. */
const namedMax = 5;

const labels = {
  check: { 'zh-CN': '检查', en: 'Check' },
  rule: { 'zh-CN': '规则', en: 'Rule' },
  value: { 'zh-CN': '当前值', en: 'Value' },
  summary: { 'zh-CN': '说明', en: 'Summary' },
  agent: { 'zh-CN': '代理', en: 'Agent' },
  agents: { 'zh-CN': '代理', en: 'Agents' },
  address: { 'zh-CN': '来源地址', en: 'From' },
  assets: { 'zh-CN': '相关资产', en: 'Assets' },
  attached: { 'zh-CN': '一并发生故障的资产', en: 'Failed with them' },
} as const satisfies Record<string, InEach>;

/**
 * What an incident was opened for, from its details: targets with what they answered, the rule and its value, the agents. Texts of targets and of
 * rules are as they came, in whatever language; all else is in the reader's. Where details say nothing, the summary of the engine.
 */
export const factsOf = (incident: FactsFrom, language: Language): readonly Fact[] => {
  const { problem, details, summary } = incident;
  const checks = checkFacts(incident, language);
  if (checks.length > 0) return checks;
  const told = problem.startsWith('rule:')
    ? [
        fact('summary', details['summary'] ?? details['description']),
        fact('rule', details['rule']),
        fact('value', details['value']),
      ]
    : (['agent', 'agents', 'address', 'assets', 'attached'] as const).map((label) => fact(label, details[label]));
  const facts = told.filter((one) => one !== null);
  return facts.length > 0 ? facts : [{ label: labels.summary, value: summary }];
};

const fact = (label: keyof typeof labels, value: string | undefined): Fact | null =>
  value === undefined || value === '' ? null : { label: labels[label], value };

const checkFacts = (incident: FactsFrom, language: Language): readonly Fact[] => {
  const { details } = incident;
  const ids = Object.keys(details).flatMap((key) => (key.endsWith('.reason') ? [key.slice(0, -'.reason'.length)] : []));
  const named = ids.slice(0, namedMax).map((id) => ({ label: labels.check, value: checkText(id, incident, language) }));
  const moreCount = ids.length - named.length;
  const more = language === 'zh-CN' ? `另有 ${moreCount} 项` : `and ${moreCount} more`;
  return moreCount === 0 ? named : [...named, { label: labels.check, value: more }];
};

const checkText = (id: string, { details, reason: told }: FactsFrom, language: Language): string => {
  const target = details[`${id}.target`];
  const who = target === undefined ? id : language === 'zh-CN' ? `${target}（${id}）` : `${target} (${id})`;
  // What every reader of an incident has read already is not said again.
  const code = details[`${id}.reason`] ?? '';
  const reason = code === told ? '' : knownReasonText(code, language);
  const answer = [reason, details[`${id}.detail`] ?? ''].filter((text) => text !== '').join(language === 'zh-CN' ? '，' : ', ');
  return answer === '' ? who : `${who}${colonOf[language]}${answer}`;
};
