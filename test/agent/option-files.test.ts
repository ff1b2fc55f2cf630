import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readAuthorityFile, readClientFiles, readTokenFile } from '@jiwei/agent/option-files.ts';
import { AppError } from '@jiwei/shared/errors.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from './probes/support/certificates.ts';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates.remove());

const fileOf = async (name: string, text: string): Promise<string> => {
  const path = join(dirname(certificates.caFile), name);
  await writeFile(path, text);
  return path;
};
/** What is thrown, as people read it. */
const refusalOf = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (error instanceof AppError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'nothing';
};

test('authorities are taken as they are, several in one file, with words between them', async () => {
  const { cert } = certificates.good;
  const text = `# ours\n${cert}\n# theirs\n${cert}`;
  expect(readAuthorityFile(await fileOf('two.pem', text))).toBe(text);
});

test('a file without authorities, or with one that is damaged, is refused before the start', async () => {
  const none = await fileOf('none.pem', 'hello');
  expect(refusalOf(() => readAuthorityFile(none))).toMatch(
    /^CONFIG_INVALID --ca names \S+none\.pem, which holds no certificate in PEM form/,
  );
  const { cert } = certificates.good;
  const damaged = await fileOf('damaged.pem', `${cert}\n${cert.replace(/\n.{8}/, '\nAAAAAAAA')}`);
  expect(refusalOf(() => readAuthorityFile(damaged))).toMatch(
    /damaged\.pem, which has as number 2 a certificate that cannot be read/,
  );
  expect(refusalOf(() => readAuthorityFile('/no/such.pem'))).toMatch(/^CONFIG_UNREADABLE --ca names \/no\/such\.pem.*ENOENT/);
});

test('a client certificate goes with its own key alone', async () => {
  const { good, otherName } = certificates;
  const cert = await fileOf('c.pem', good.cert);
  const key = await fileOf('k.pem', good.key);
  const foreignKey = await fileOf('f.pem', otherName.key);
  expect(readClientFiles(cert, key)).toEqual({ certificate: good.cert, key: good.key });
  expect(refusalOf(() => readClientFiles(cert, foreignKey))).toMatch(/--key names \S+f\.pem, which is not the key of .*c\.pem/);
  expect(refusalOf(() => readClientFiles(cert, cert))).toMatch(/--key names \S+c\.pem, which holds no private key/);
  expect(refusalOf(() => readClientFiles(key, key))).toMatch(/--cert names \S+k\.pem, which holds no certificate/);
});

test('a token is read without the blanks around it, and what can be none is not sent', async () => {
  expect(readTokenFile(await fileOf('t', '  jw_token\n'))).toBe('jw_token');
  const empty = await fileOf('empty', '\n');
  expect(refusalOf(() => readTokenFile(empty))).toMatch(
    /--join-token-file names \S+empty, which is empty; put the token into it/,
  );
  const long = await fileOf('long', 'x'.repeat(129));
  const words = await fileOf('words', 'jw_secret: the token');
  for (const path of [long, words]) {
    const refusal = refusalOf(() => readTokenFile(path));
    expect(refusal).toContain('holds more than one token');
    expect(refusal).not.toMatch(/xxx|jw_secret/);
  }
});
