import { z } from 'zod';

/**
 * Characters with which a text says to a terminal, a log or a page other things than it shows: controls (line ends, tabs, escape sequences), line and
 * paragraph separators, and those that turn the direction of what follows.
 */
const unplain = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The text with a space for each run of such characters. */
export const cleaned = (text: string): string => text.replace(new RegExp(`${unplain.source}+`, 'gu'), ' ');

/** The text with such characters written as \u{…}, so that one line stays one line and everything in it is seen. */
export const visible = (text: string): string =>
  text.replace(unplain, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

/** A text of one line that shows all it holds; any other is refused. */
export const plainTextSchema = (charactersMax: number) =>
  z
    .string()
    .max(charactersMax)
    .refine((text) => cleaned(text) === text, { error: 'must have no control characters, line ends or marks of direction' });

/** A text for people, which is cleaned when it is read: what it quotes may be anybody's. */
export const cleanedTextSchema = (charactersMax: number) => z.string().max(charactersMax).transform(cleaned);
