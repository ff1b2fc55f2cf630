import { createServer, type Socket } from 'node:net';
import { portOf } from './ports.ts';

/** A step of the conversation (RFC 5321). `data`: the DATA command; `end`: the mail is there whole, with the dot at its end. */
export type MailStep = 'greeting' | 'sender' | 'recipient' | 'data' | 'end';

/** What the server does in place of its answer: hangs up, says nothing any more, or says this. */
export type MailFault = 'reset' | 'silence' | `${number} ${string}`;

/** A mail server of the fewest words that goes along up to one step. */
export const openBrokenMailServer = async (at: MailStep, fault: MailFault) => {
  const mails: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined); // clients hang up too
    let unread = '';
    let isMail = false;
    const answer = (step: MailStep, usual: string): void => {
      if (step !== at) socket.write(`${usual}\r\n`);
      else if (fault === 'reset') socket.resetAndDestroy();
      else if (fault !== 'silence') socket.write(`${fault}\r\n`);
    };
    const readMail = (): void => {
      const end = unread.indexOf('\r\n.\r\n');
      if (end < 0) return;
      mails.push(unread.slice(0, end));
      unread = unread.slice(end + 5);
      isMail = false;
      answer('end', '250 taken');
    };
    const readCommand = (line: string): void => {
      if (/^EHLO/i.test(line)) socket.write('250 broken.invalid\r\n');
      else if (/^MAIL/i.test(line)) answer('sender', '250 ok');
      else if (/^RCPT/i.test(line)) answer('recipient', '250 ok');
      else if (/^DATA/i.test(line)) {
        isMail = true;
        answer('data', '354 go on');
      } else socket.end('221 bye\r\n');
    };
    socket.setEncoding('utf8').on('data', (text: string) => {
      unread += text;
      for (let end = unread.indexOf('\r\n'); end >= 0 && !isMail; end = unread.indexOf('\r\n')) {
        const line = unread.slice(0, end);
        unread = unread.slice(end + 2);
        readCommand(line);
      }
      if (isMail) readMail();
    });
    answer('greeting', '220 broken.invalid');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server),
    /** Mails that came whole, whatever was answered. */
    mails,
    close: async (): Promise<void> => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};
