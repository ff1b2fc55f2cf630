/** A pattern that is not accepted, with the reason as the end of a sentence that begins with the pattern. */
export interface RegexRefusal {
  readonly problem: string;
}

const patternCharactersMax = 1_000;
const repetitionMax = 1_000;

/** POSIX classes of RE2, as they stand inside brackets. */
const posixClasses: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/** A piece of the pattern at the reader's place: how many characters it takes and what it becomes. */
interface Piece {
  readonly length: number;
  readonly text: string;
}

const refuse = (problem: string): RegexRefusal => ({ problem });
const isRefusal = (piece: Piece | RegexRefusal): piece is RegexRefusal => 'problem' in piece;

/** One escape, from its backslash on. RE2 and ECMAScript agree on some, differ on others, and each has its own. */
const escapeAt = (rest: string, isInClass: boolean): Piece | RegexRefusal => {
  const letter = rest[1];
  if (letter === undefined) return refuse('ends with a backslash');
  if (/[1-9]/.test(letter) || letter === 'k') return refuse('has a back-reference, which RE2 does not know');
  if (/[dDwWtnrfv]/.test(letter)) return { length: 2, text: rest.slice(0, 2) };
  // RE2's \s is these five; ECMAScript's has all of Unicode.
  if (letter === 's') return { length: 2, text: isInClass ? '\\t\\n\\f\\r ' : '[\\t\\n\\f\\r ]' };
  if (letter === 'S') return isInClass ? refuse('has \\S inside brackets') : { length: 2, text: '[^\\t\\n\\f\\r ]' };
  if (letter === 'a') return { length: 2, text: '\\x07' };
  if (!isInClass) {
    if (letter === 'b' || letter === 'B') return { length: 2, text: rest.slice(0, 2) };
    if (letter === 'A') return { length: 2, text: '^' };
    if (letter === 'z') return { length: 2, text: '$' };
  }
  const hex = /^\\x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})/.exec(rest);
  if (hex !== null) return { length: hex[0].length, text: `\\u{${hex[1] ?? hex[2]}}` };
  const property = /^\\([pP])(?:([A-Z])|\{(\^?)([A-Za-z_]+)\})/.exec(rest);
  if (property !== null) return propertyPiece(property);
  if (/[A-Za-z0-9]/.test(letter)) return refuse(`has the escape \\${letter}`);
  if (letter.charCodeAt(0) > 0x7f) return refuse('escapes a character that is not ASCII');
  return { length: 2, text: literal(letter) };
};

const propertyPiece = (match: RegExpExecArray): Piece => {
  const name = match[2] ?? match[4] ?? '';
  const isNegated = (match[1] === 'P') !== (match[3] === '^');
  // Names of one or two letters are general categories, longer ones scripts; an unknown one is refused when the pattern is compiled.
  return { length: match[0].length, text: `\\${isNegated ? 'P' : 'p'}{${name.length <= 2 ? name : `Script=${name}`}}` };
};

/** The character itself, whatever it means in a pattern. */
const literal = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** A bracket expression, from its `[` to its `]`. */
const classAt = (rest: string): Piece | RegexRefusal => {
  const opening = rest.startsWith('[^') ? '[^' : '[';
  let at = opening.length;
  let text = opening;
  // A `]` right after the opening stands for itself in RE2.
  if (rest[at] === ']') {
    text += '\\]';
    at += 1;
  }
  while (at < rest.length && rest[at] !== ']') {
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(rest.slice(at));
    const character = rest[at] ?? '';
    if (posix !== null) {
      const members = posixClasses[posix[2] ?? ''];
      if (members === undefined || posix[1] === '^') return refuse(`has the class ${posix[0]}`);
      text += members;
      at += posix[0].length;
    } else if (character === '\\') {
      const piece = escapeAt(rest.slice(at), true);
      if (isRefusal(piece)) return piece;
      text += piece.text;
      at += piece.length;
    } else {
      text += character === '[' ? '\\[' : character;
      at += 1;
    }
  }
  return at < rest.length ? { length: at + 1, text: `${text}]` } : refuse('has an open bracket [');
};

/** The opening of a group: capturing makes no difference to a comparison, so names are dropped. */
const groupAt = (rest: string): Piece | RegexRefusal => {
  if (/^\(\?<?[=!]/.test(rest)) return refuse('has look-around, which RE2 does not know');
  const opening = /^\((\?:|\?P?<[A-Za-z_]\w*>)?/.exec(rest)?.[0] ?? '(';
  if (opening === '(' && rest[1] === '?') return refuse('has a group flag other than a leading (?i) or (?s)');
  return { length: opening.length, text: '(?:' };
};

const pieceAt = (rest: string): Piece | RegexRefusal => {
  const character = rest[0] ?? '';
  if (character === '\\') return escapeAt(rest, false);
  if (character === '[') return classAt(rest);
  if (character === '(') return groupAt(rest);
  const repetition = /^\{(\d+)(?:,(\d*))?\}/.exec(rest);
  if (repetition !== null) {
    if (Number(repetition[1]) > repetitionMax || Number(repetition[2] ?? 0) > repetitionMax) {
      return refuse(`repeats more than ${repetitionMax} times`);
    }
    return { length: repetition[0].length, text: repetition[0] };
  }
  // Lone brackets stand for themselves in RE2.
  if (/[{}\]]/.test(character)) return { length: 1, text: `\\${character}` };
  return { length: 1, text: character };
};

/**
 * Whether the open group, closed and repeated without end, could make a backtracking matcher take exponential time: it holds a
 * repetition or a choice. RE2 would be linear; here such a pattern is refused, since one rule must not be able to stop the engine.
 */
const isRepeatedAt = (rest: string): boolean => /^(?:[*+]|\{\d+,\d*\}|\{[2-9]|\{\d{2,})/.test(rest);

/** Rewrites an RE2 pattern for ECMAScript (flags u and s). */
const translate = (pattern: string): { readonly source: string } | RegexRefusal => {
  const openGroups: { isRisky: boolean }[] = [];
  let source = '';
  for (let at = 0; at < pattern.length; ) {
    const rest = pattern.slice(at);
    const piece = pieceAt(rest);
    if (isRefusal(piece)) return piece;
    source += piece.text;
    at += piece.length;
    const group = openGroups.at(-1);
    if (rest[0] === '(') openGroups.push({ isRisky: false });
    else if (rest[0] === ')') {
      openGroups.pop();
      const isRepeated = isRepeatedAt(pattern.slice(at));
      if (group?.isRisky && isRepeated) {
        return refuse(
          'repeats a group that holds a choice or a repetition, which can take exponential time; use [ab] or name the values',
        );
      }
      const outer = openGroups.at(-1);
      if (outer !== undefined && (isRepeated || group?.isRisky)) outer.isRisky = true;
    } else if (group !== undefined && (rest[0] === '|' || isRepeatedAt(rest) || rest[0] === '?')) group.isRisky = true;
  }
  return { source };
};

/**
 * A whole-value test with the meaning RE2 gives the pattern, `.` matching line breaks as in Prometheus 3.
 *
 * Accepted: literals, `.`, classes (with POSIX classes), groups (capturing, named or not), `|`, `* + ? {n,m}` and their lazy forms,
 * `^ $ \A \z \b \B`, `\d \w \s` and their opposites, `\x` escapes, `\p` properties, and a leading `(?i)` or `(?s)`. Refused: look-around,
 * back-references, other flags, escapes RE2 does not know, repeated groups that can take exponential time, and more than 1,000 characters.
 * Source: https://github.com/google/re2/wiki/Syntax
 */
export const compileRegex = (pattern: string): ((value: string) => boolean) | RegexRefusal => {
  if (pattern.length > patternCharactersMax) return refuse(`has more than ${patternCharactersMax} characters`);
  const flags = /^\(\?([is]{1,2})\)/.exec(pattern);
  const body = translate(flags === null ? pattern : pattern.slice(flags[0].length));
  if ('problem' in body) return body;
  try {
    const regex = new RegExp(`^(?:${body.source})$`, flags?.[1]?.includes('i') ? 'isu' : 'su');
    return (value) => regex.test(value);
  } catch (error) {
    if (error instanceof SyntaxError) return refuse('is not a valid regular expression');
    throw error;
  }
};
