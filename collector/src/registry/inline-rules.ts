import { dirname, isAbsolute, join } from 'node:path';
import { isSeq, parseDocument } from 'yaml';
import { mapOf } from './collect.ts';
import type { FileText } from './file-text.ts';

/** The path of a rule file named in a declaration: relative ones lie beside it. */
export const ruleFilePath = (declarationFile: string, named: string): string =>
  isAbsolute(named) ? named : join(dirname(declarationFile), named);

/**
 * The declaration with the groups of its rule files written into it, so that what is stored is whole and a restart needs no other file.
 * Comments stay. Without rule files the text is returned as it is.
 * @param text a declaration that parseDeclaration accepts with the same files
 */
export const withRulesInline = (text: string, fileName: string, readRuleFile: (path: string) => FileText): string => {
  const document = parseDocument(text, { stringKeys: true });
  const files: unknown = mapOf(document.toJS()).get('ruleFiles');
  if (!Array.isArray(files) || files.length === 0) return text;
  document.delete('ruleFiles');
  if (!isSeq(document.get('groups'))) document.set('groups', document.createNode([]));
  for (const file of files) {
    const rules = readRuleFile(ruleFilePath(fileName, String(file)));
    const groups: unknown = 'error' in rules ? [] : mapOf(parseDocument(rules.text, { stringKeys: true }).toJS()).get('groups');
    for (const group of Array.isArray(groups) ? groups : []) document.addIn(['groups'], document.createNode(group));
  }
  return document.toString({ lineWidth: 0 });
};
