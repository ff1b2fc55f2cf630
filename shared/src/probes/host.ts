import { isIP } from 'node:net';
import { z } from 'zod';

const nameLabelPattern = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;

/**
 * A host as a probe target: an IPv4 or IPv6 address, or a DNS name (RFC 1123, underscores allowed; Unicode names in their xn-- form).
 * A text that begins with '-' is refused: helper programs would take it for an option.
 */
export const isHost = (text: string): boolean => {
  if (isIP(text) !== 0) return true;
  if (text.length > 253) return false;
  const labels = text.replace(/\.$/, '').split('.');
  // A last label of digits only is a mistyped IPv4 address (WHATWG URL, "ends in a number").
  return labels.every((label) => nameLabelPattern.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
};

export const hostSchema = z.string().refine(isHost, { error: 'needs an IP address or a DNS name' });
export const portSchema = z.int().min(1).max(65_535);
/** A regular expression, compiled once here so that a bad one is refused when it is written, not when it is used. */
export const patternSchema = z
  .string()
  .min(1)
  .max(1_000)
  .refine(
    (text) => {
      try {
        new RegExp(text, 'u');
        return true;
      } catch (error) {
        // Anything but a syntax error would be a bug here.
        if (error instanceof SyntaxError) return false;
        throw error;
      }
    },
    { error: 'needs a valid regular expression (ECMAScript, flag u)' },
  );
