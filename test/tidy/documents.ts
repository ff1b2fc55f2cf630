/** Compares a list in code with the list its document shows. */
export const missingOrExtra = (
  inCode: readonly string[],
  inDocument: readonly string[],
): { missing: string[]; extra: string[] } => ({
  missing: inCode.filter((name) => !inDocument.includes(name)),
  extra: inDocument.filter((name) => !inCode.includes(name)),
});

/** First cells of a document's tables that are one name in backticks, as lists of metrics and codes have them. */
export const namesInTables = (document: string): string[] =>
  [...document.matchAll(/^\| `([A-Za-z_][\w]*)` \|/gm)].map((match) => match[1] ?? '');

/** Addresses of a document's links that lead into the repository, without their anchors. */
export const linksOf = (document: string): string[] =>
  [...document.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map((match) => match[1] ?? '');

/** Keys of a declaration as docs/registry.md shows them: what stands in backticks in the row of `list`. */
export const registryKeys = (document: string, list: string): string[] => {
  const row = document.split('\n').find((line) => line.startsWith(`| \`${list}\` |`)) ?? '';
  return wordsInBackticks((row.split(' | ')[1] ?? '').replace(/\([^)]*\)/g, ''));
};

// A key whose own keys follow (`confirm: {…}`) counts as well.
const wordsInBackticks = (text: string): string[] => [...text.matchAll(/`([a-zA-Z]+)(?:`|: \{)/g)].map((match) => match[1] ?? '');

/** Keys of a check as docs/registry.md shows them: those of the first line of the section, of its table, and those that stand for another. */
export const checkKeys = (document: string): string[] => {
  const section = document.split(/^## /m).find((text) => text.startsWith('Checks\n')) ?? '';
  const [first = ''] = section.split('\n').slice(1);
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  const named = [
    first,
    ...rows.map((row) => row.split(' | ')[0] ?? ''),
    ...rows.map((row) => /; or (.*) \|$/.exec(row)?.[1] ?? ''),
  ];
  return [...new Set(named.flatMap(wordsInBackticks))];
};

/**
 * What is wrong with the numbers of the decisions: each has its own, from 0001 on without a gap, in its file's name as in its heading.
 * @param pages text by path
 */
export const decisionNumbers = (pages: Readonly<Record<string, string>>): string[] =>
  Object.keys(pages)
    .sort()
    .flatMap((path, index) => {
      const wanted = String(index + 1).padStart(4, '0');
      const isRight =
        path.split('/').at(-1)?.startsWith(`${wanted}-`) === true && pages[path]?.startsWith(`# ${wanted} `) === true;
      return isRight ? [] : [`${path}: by its place its number is ${wanted}, in the name and in the heading`];
    });

// Written in pieces, so that this file does not break its own rule.
const foreign = new RegExp(
  `(^|[^a-z])/(${'work'}|${'farm'})/[a-z.]|bash_${'jobs'}|[.]${'library'}/|registry[.]${'npmjs'}|deb[.]${'debian'}`,
);

/** Lines that speak of the place where the product was written instead of the product. */
export const foreignWords = (path: string, text: string): string[] =>
  text.split('\n').flatMap((line, index) => (foreign.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : []));

/** Download addresses a lock file must not carry: they tie it to one mirror. */
export const lockFileHosts = (text: string): string[] =>
  [...text.matchAll(/"resolved":\s*"(https?:[^"]*)"/g)].map((match) => match[1] ?? '');
