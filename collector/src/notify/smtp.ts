import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { messageOf as errorText } from '@jiwei/shared/errors.ts';
import { createTransport } from 'nodemailer';
import { z } from 'zod';
import { type Message, messageOf } from './message.ts';
import { type Channel, defineNotifier, type Notice, readSecret, type SendOutcome } from './notifier.ts';
import { filePath, timeoutOption, wordingOptions } from './options.ts';

const mailAddress = z.email().max(254);

const schema = z
  .strictObject({
    host: z.string().min(1).max(253).describe('Mail server.'),
    port: z.int().min(1).max(65_535).optional().describe('Its port; by default 465 with tls, 587 with starttls, 25 with none.'),
    security: z
      .enum(['tls', 'starttls', 'none'])
      .default('starttls')
      .describe('tls: encrypted from the first byte; starttls: from the greeting on, required; none: readable on the way.'),
    caFile: filePath
      .optional()
      .describe("PEM file of the authority that signed the server's certificate; else those of the system."),
    serverName: z.string().min(1).max(253).optional().describe('Name the certificate must have, when it is not host.'),
    username: z.string().min(1).max(256).optional().describe('Left out: no authentication, as many internal relays want it.'),
    passwordFile: filePath.optional().describe('File with the password.'),
    password: z.string().min(1).max(1_024).optional().describe('The password itself; passwordFile is better.'),
    from: mailAddress.describe('Sender.'),
    fromName: z.string().max(64).default('集维').describe('Name shown with the sender.'),
    to: z.array(mailAddress).min(1).max(100).describe('Recipients.'),
    timeoutMs: timeoutOption,
    ...wordingOptions,
  })
  .refine(({ password, passwordFile }) => password === undefined || passwordFile === undefined, {
    path: ['password'],
    error: 'password and passwordFile say the same; leave one out',
  })
  .refine(
    ({ username, password, passwordFile }) => (username === undefined) === (password === undefined && passwordFile === undefined),
    {
      path: ['username'],
      error: 'username and passwordFile (or password) go together',
    },
  );
type SmtpOptions = z.output<typeof schema>;

/** Sends each notice as a mail; those of one incident form one thread. */
export const smtpNotifier = defineNotifier({
  kind: 'smtp',
  summary: 'Sends each notice as a mail through an SMTP server.',
  schema,
  open: async (options, world) => {
    const password =
      options.passwordFile === undefined ? (options.password ?? null) : await readSecret(world, options.passwordFile);
    const ca = options.caFile === undefined ? null : await world.readFile(options.caFile);
    return channelOf(options, password, ca);
  },
});

const defaultPorts = { tls: 465, starttls: 587, none: 25 } as const;

const channelOf = (options: SmtpOptions, password: string | null, ca: string | null): Channel => {
  const { host, security, username, timeoutMs } = options;
  const transportOptions = {
    host,
    port: options.port ?? defaultPorts[security],
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: {
      minVersion: 'TLSv1.2' as const,
      ...(options.serverName === undefined ? {} : { servername: options.serverName }),
      ...(ca === null ? {} : { ca }),
    },
    // forceAuth: a server that offers no authentication is then refused, rather than used without it.
    ...(username === undefined || password === null ? {} : { auth: { user: username, pass: password }, forceAuth: true }),
    dnsTimeout: timeoutMs,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  return {
    send: async (notice, signal) => {
      let isUnderWay = false;
      // A transport is options and nothing else: each mail has its own connection anyway, and this one says how far it got.
      const transport = createTransport(transportOptions);
      transport.use('stream', (mail, done) => {
        mail.message.processFunc((source) =>
          noticeReading(source, () => {
            isUnderWay = true;
          }),
        );
        done();
      });
      try {
        const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
        const info = await transport.sendMail({ ...mailOf(notice, messageOf(notice, options), options), signal: deadline });
        const refused = info.rejected.length;
        return { kind: 'sent', detail: refused === 0 ? 'accepted' : `accepted, but refused for ${refused} of the recipients` };
      } catch (thrown) {
        return outcomeOf(thrown, host, isUnderWay);
      }
    },
  };
};

/** The same bytes; says when the first of them is asked for, which is when the server has agreed to take the mail (354). */
const noticeReading = (source: Readable, onReading: () => void): Readable => {
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    onReading();
    yield* source;
  };
  return Readable.from(bytes(), { objectMode: false });
};

/** The mail's content, with the headers that make a thread of an incident's mails (RFC 5322, 3.6.4). */
const mailOf = (notice: Notice, message: Message, options: SmtpOptions) => {
  const domain = options.from.slice(options.from.lastIndexOf('@') + 1);
  // No mail has the thread's id itself: whichever arrives first, all of them name it.
  const thread = `<incident.${idPart(notice.incident.id)}@${domain}>`;
  return {
    from: { name: options.fromName, address: options.from },
    to: [...options.to],
    subject: message.title,
    messageId: `<notice.${idPart(notice.id)}@${domain}>`,
    inReplyTo: thread,
    references: [thread],
    // RFC 3834: keeps out-of-office answers away.
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Jiwei-Incident': idPart(notice.incident.id) },
    text: message.text,
    html: message.html,
    textEncoding: 'base64' as const,
  };
};

/** Ids may hold anything; a Message-ID's left side holds this. What does not fit is replaced by its hash, which is as unique. */
const idPart = (id: string): string =>
  /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/.test(id) && id.length <= 128 ? id : createHash('sha256').update(id).digest('hex');

/**
 * The reply's first digit decides (RFC 5321, 4.2.1); without a reply it was the connection, and later may help. A server that refuses has taken
 * nothing (6.1); one that says nothing once it was sent the mail may have taken it.
 */
const outcomeOf = (thrown: unknown, host: string, isUnderWay: boolean): SendOutcome => {
  const reply = replyCodeOf(thrown);
  // Replies may quote what was sent to them, credentials not among it: nodemailer never puts those into its errors.
  const error = `${host}: ${errorText(thrown).replace(/\s+/g, ' ').slice(0, 300)}`;
  const isRefused = reply !== null && reply >= 400 && reply < 600;
  if (isRefused && reply >= 500) return { kind: 'failed', error };
  return { kind: 'retry', error, mayHaveArrived: isUnderWay && !isRefused };
};

const replyCodeOf = (thrown: unknown): number | null =>
  thrown instanceof Error && 'responseCode' in thrown && typeof thrown.responseCode === 'number' ? thrown.responseCode : null;
