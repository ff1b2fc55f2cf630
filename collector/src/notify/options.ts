import { limits } from '@jiwei/shared/limits.ts';
import { z } from 'zod';
import { languages } from '../words/language.ts';
import { isTimeZone } from './message-time.ts';

/** Options every kind that writes to people has. */
export const wordingOptions = {
  language: z.enum(languages).default('zh-CN').describe('Language of the text.'),
  timeZone: z
    .string()
    .refine(isTimeZone, { error: 'no such time zone; an IANA name such as Asia/Shanghai is needed' })
    .default('Asia/Shanghai')
    .describe('Time zone of the instants in the text, as an IANA name.'),
  consoleUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address of the console; with it messages link to their incident.'),
};

/** Deadline of one try. */
export const timeoutOption = z
  .int()
  .min(100)
  .max(limits.notificationMsMax)
  .default(limits.notificationMsMax)
  .describe('Deadline of one try in ms, name look-up and TLS included.');

/** A file on the collector's host. */
export const filePath = z.string().min(1).max(4_096);
