/** A piece of HTML that is safe to send: made only by `html`, so that text cannot be taken for markup by accident. */
export interface Html {
  readonly markup: string;
}

/** What may stand in a hole of the template; null and false are nothing. */
export type HtmlPart = Html | string | number | null | false | readonly HtmlPart[];

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for an element or a quoted attribute. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character] ?? character);

const markupOf = (part: HtmlPart): string => {
  if (part === null || part === false) return '';
  if (typeof part === 'string') return escapeHtml(part);
  if (typeof part === 'number') return String(part);
  if ('markup' in part) return part.markup;
  return part.map(markupOf).join('');
};

/** `html\`<td>${name}</td>\``: everything in a hole is escaped, but for other pieces of Html. Attributes must be quoted. */
export const html = (texts: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html => ({
  markup: texts.reduce((markup, text, place) => markup + text + (place < parts.length ? markupOf(parts[place] ?? null) : ''), ''),
});
