import type { DeclarationError } from './declaration.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const replacement = '\ufffd';
const replacementBytes = Buffer.from(replacement);
const byteOrderMark = '\ufeff';

/**
 * A text from its bytes, which must be UTF-8; a byte order mark is left off. In another encoding (GBK, UTF-16) names would be stored and told garbled,
 * and nobody would see it but those who get the message.
 * @param file named in the error
 */
export const decodeUtf8 = (bytes: Uint8Array, file: string): { readonly text: string } | { readonly error: DeclarationError } => {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { error: { file, line: 1, column: 1, path: '', message: 'is UTF-16; needs UTF-8: save it in that encoding' } };
  }
  const text = decoder.decode(bytes);
  const at = firstBadAt(text, bytes);
  if (at === null) return { text: text.startsWith(byteOrderMark) ? text.slice(1) : text };
  const line = text.slice(0, at.character).split('\n');
  const byte = `0x${(bytes[at.byte] ?? 0).toString(16).padStart(2, '0')}`;
  const message = `is not UTF-8: byte ${at.byte} is ${byte}, which is no part of a character there; needs UTF-8: save it in that encoding`;
  return { error: { file, line: line.length, column: (line.at(-1) ?? '').length + 1, path: '', message } };
};

/** Where bytes stand that are no character, or a zero, which no text has but UTF-16 is full of. Linear, also in a text of replacement characters. */
const firstBadAt = (text: string, bytes: Uint8Array): { readonly character: number; readonly byte: number } | null => {
  const bad = /[\0\ufffd]/g;
  let byte = 0;
  let seen = 0;
  for (let match = bad.exec(text); match !== null; match = bad.exec(text)) {
    byte += Buffer.byteLength(text.slice(seen, match.index));
    seen = match.index;
    // A replacement character may as well have been written.
    const isWritten =
      match[0] === replacement && replacementBytes.every((expected, position) => bytes[byte + position] === expected);
    if (!isWritten) return { character: match.index, byte };
  }
  return null;
};
