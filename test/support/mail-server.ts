import { text } from 'node:stream/consumers';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { portOf } from './ports.ts';

interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly source: string;
  readonly user: string | null;
  readonly isEncrypted: boolean;
}

interface Failure {
  readonly at: 'greeting' | 'recipient' | 'data';
  readonly code: number;
  readonly text: string;
}

/** A mail server on port 0 that keeps what it gets and refuses as told. */
export const openMailServer = async (options: SMTPServerOptions & { readonly account?: { user: string; pass: string } } = {}) => {
  const received: ReceivedMail[] = [];
  const { account, ...rest } = options;
  let failure: Failure | null = null;
  const failing = (at: Failure['at']): Error | null =>
    failure?.at === at ? Object.assign(new Error(failure.text), { responseCode: failure.code }) : null;
  const server = new SMTPServer({
    authOptional: account === undefined,
    disabledCommands: [
      ...(account === undefined ? ['AUTH'] : []),
      ...(rest.key === undefined || rest.secure ? ['STARTTLS'] : []),
    ],
    disableReverseLookup: true,
    closeTimeout: 100,
    ...rest,
    onConnect: (_session, callback) => callback(failing('greeting')),
    onRcptTo: (_address, _session, callback) => callback(failing('recipient')),
    onAuth: (auth, _session, callback) =>
      auth.username === account?.user && auth.password === account?.pass
        ? callback(null, { user: auth.username })
        : callback(Object.assign(new Error('wrong password'), { responseCode: 535 })),
    onData: (stream, session, callback) => {
      text(stream).then((source) => {
        const refused = failing('data');
        if (refused !== null) return callback(refused);
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          source,
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          user: typeof session.user === 'string' ? session.user : null,
          isEncrypted: session.secure,
        });
        callback();
        // A client that hung up in the middle has sent no mail.
      }, callback);
    },
  });
  // Clients that hang up in the middle are part of the tests.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server.server),
    received,
    setFailure: (next: Failure | null): void => {
      failure = next;
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
};
export type MailServer = Awaited<ReturnType<typeof openMailServer>>;
