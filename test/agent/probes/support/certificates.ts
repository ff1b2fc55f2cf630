import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** A certificate with its key, PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What the TLS tests need: an authority of their own, and what it signed. */
export interface Certificates {
  readonly caFile: string;
  /** For localhost and 127.0.0.1, valid for 90 days. */
  readonly good: KeyPair;
  /** For another name. */
  readonly otherName: KeyPair;
  /** For localhost and 127.0.0.1, its time long over. */
  readonly expired: KeyPair;
  /** For localhost and 127.0.0.1, signed by nobody else. */
  readonly selfSigned: KeyPair;
  remove(): Promise<void>;
}

const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';

/** Has openssl make them in a temporary folder. */
export const makeCertificates = async (): Promise<Certificates> => {
  const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
  const openssl = (...args: readonly string[]) => exec('openssl', args, { cwd: folder });
  const makeKey = (name: string) => openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  const read = async (name: string): Promise<KeyPair> => ({
    cert: await readFile(join(folder, `${name}.pem`), 'utf8'),
    key: await readFile(join(folder, `${name}.key`), 'utf8'),
  });
  await writeFile(join(folder, 'index.txt'), '');
  await writeFile(
    join(folder, 'ca.cnf'),
    [
      ['[ca]', 'default_ca = own', '[own]', 'database = index.txt', 'new_certs_dir = .', 'rand_serial = yes', 'policy = any'],
      ['unique_subject = no', 'default_md = sha256', 'copy_extensions = copy', '[any]', 'commonName = supplied'],
    ]
      .flat()
      .join('\n'),
  );
  const selfSign = async (name: string, extension: string): Promise<void> => {
    await makeKey(name);
    const subject = ['-subj', `/CN=${name}`, '-days', '90', '-addext', extension];
    await openssl('req', '-x509', '-new', '-key', `${name}.key`, '-out', `${name}.pem`, ...subject);
  };
  const sign = async (name: string, extension: string, dates: readonly string[]): Promise<void> => {
    await makeKey(name);
    await openssl('req', '-new', '-key', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`, '-addext', extension);
    const signer = ['-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-batch', '-notext'];
    await openssl('ca', ...signer, '-in', `${name}.csr`, '-out', `${name}.pem`, ...dates);
  };
  await selfSign('ca', 'keyUsage=keyCertSign');
  await selfSign('self', names);
  await sign('good', names, ['-days', '90']);
  await sign('other', 'subjectAltName=DNS:other.example', ['-days', '90']);
  await sign('expired', names, ['-startdate', '200101000000Z', '-enddate', '200201000000Z']);
  return {
    caFile: join(folder, 'ca.pem'),
    good: await read('good'),
    otherName: await read('other'),
    expired: await read('expired'),
    selfSigned: await read('self'),
    remove: () => rm(folder, { recursive: true }),
  };
};
