/** Languages people are written to in; the first is the default. */
export const languages = ['zh-CN', 'en'] as const;
export type Language = (typeof languages)[number];

/** A text in each language. */
export type InEach = Readonly<Record<Language, string>>;

/** Between a label and what it labels. */
export const colonOf = { 'zh-CN': '：', en: ': ' } as const satisfies InEach;
