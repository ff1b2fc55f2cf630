import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { onTestFinished } from 'vitest';

/** Response codes of RFC 1035, 4.1.1. */
export const responseCodes = { ok: 0, formatError: 1, serverFailure: 2, noSuchName: 3, notImplemented: 4, refused: 5 } as const;

/** What the server answers: a code, and the data of each record of the type asked for. */
export interface NameAnswer {
  readonly code?: number;
  readonly records?: readonly Buffer[];
  /** Where the name is an alias (CNAME) to another one, before the records. */
  readonly alias?: string;
}

const typeNumbers = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33 } as const;

/** A question as it came. */
export interface Question {
  readonly name: string;
  readonly type: string;
}

/** A name server over UDP on a free port; answers `address:port`. Null as an answer is silence. */
export const nameServer = async (answer: (question: Question) => NameAnswer | null): Promise<string> => {
  const socket = createSocket('udp4');
  socket.on('message', (message, remote) => {
    const { question, end } = readQuestion(message);
    const given = answer(question);
    if (given === null) return;
    const records = given.records ?? [];
    const head = Buffer.from(message.subarray(0, 12));
    // QR, RD, RA and the code; one question, the answers, nothing else.
    head.writeUInt16BE(0x8180 | (given.code ?? responseCodes.ok), 2);
    head.writeUInt16BE(1, 4);
    const aliases = given.alias === undefined ? [] : [record(typeNumbers.CNAME, nameData(given.alias))];
    head.writeUInt16BE(aliases.length + records.length, 6);
    head.writeUInt32BE(0, 8);
    const type = message.readUInt16BE(end - 4);
    socket.send(
      Buffer.concat([head, message.subarray(12, end), ...aliases, ...records.map((data) => record(type, data))]),
      remote.port,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(async () => {
    socket.close();
    await once(socket, 'close');
  });
  return `127.0.0.1:${socket.address().port}`;
};

const readQuestion = (message: Buffer): { question: Question; end: number } => {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const number = message.readUInt16BE(at + 1);
  const type = Object.entries(typeNumbers).find(([, value]) => value === number)?.[0] ?? String(number);
  return { question: { name: labels.join('.'), type }, end: at + 5 };
};

/** A record of the name asked for (a pointer to the question), class IN, 60 s to live. */
const record = (type: number, data: Buffer): Buffer => {
  const head = Buffer.from([0xc0, 0x0c, 0, type, 0, 1, 0, 0, 0, 60, 0, 0]);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
};

const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const uint32 = (value: number): Buffer => Buffer.concat([uint16(value >>> 16), uint16(value & 0xffff)]);

/** A name as record data. */
export const nameData = (name: string): Buffer =>
  Buffer.concat([...name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.from([0])]);

/** An address as record data; IPv6 written in full. */
export const addressData = (address: string): Buffer =>
  isIPv6(address)
    ? Buffer.concat(address.split(':').map((part) => uint16(Number.parseInt(part, 16))))
    : Buffer.from(address.split('.').map(Number));

/** Texts as the data of one TXT record. */
export const textData = (...texts: readonly string[]): Buffer =>
  Buffer.concat(texts.map((text) => Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)])));

export const mxData = (priority: number, name: string): Buffer => Buffer.concat([uint16(priority), nameData(name)]);
export const srvData = (priority: number, weight: number, port: number, name: string): Buffer =>
  Buffer.concat([uint16(priority), uint16(weight), uint16(port), nameData(name)]);
export const soaData = (server: string, mailbox: string, ...numbers: readonly number[]): Buffer =>
  Buffer.concat([nameData(server), nameData(mailbox), ...numbers.map(uint32)]);
