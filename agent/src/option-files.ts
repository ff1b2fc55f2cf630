import { createPrivateKey, X509Certificate } from 'node:crypto';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { readPlainFileSync } from '@jiwei/shared/plain-file.ts';

/** Reads a file that an option names. @throws CONFIG_UNREADABLE naming option and file */
const readFileOf = (option: string, path: string): string => {
  try {
    return readPlainFileSync(path, limits.namedFileBytesMax).toString();
  } catch (error) {
    throw new AppError('CONFIG_UNREADABLE', `${option} names ${path}, which cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
};

/** What the file should hold is not there; said at the start, not by a link that never comes about. */
const refuse = (option: string, path: string, problem: string): AppError =>
  new AppError('CONFIG_INVALID', `${option} names ${path}, which ${problem}`);

const pemPattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** PEM of the authorities of `--ca`. @throws CONFIG_UNREADABLE; CONFIG_INVALID when a certificate in it cannot be read, or none is there */
export const readAuthorityFile = (path: string): string => {
  const text = readFileOf('--ca', path);
  const certificates = text.match(pemPattern) ?? [];
  if (certificates.length === 0) throw refuse('--ca', path, 'holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)');
  for (const [index, pem] of certificates.entries()) {
    try {
      new X509Certificate(pem);
    } catch (error) {
      throw refuse('--ca', path, `has as number ${index + 1} a certificate that cannot be read: ${messageOf(error)}`);
    }
  }
  return text;
};

/**
 * PEM of a client certificate and its key.
 * @throws CONFIG_UNREADABLE; CONFIG_INVALID for what is no PEM, and for a key of another certificate
 */
export const readClientFiles = (
  certificateFile: string,
  keyFile: string,
): { readonly certificate: string; readonly key: string } => {
  const certificate = readFileOf('--cert', certificateFile);
  const key = readFileOf('--key', keyFile);
  let owner: X509Certificate;
  try {
    owner = new X509Certificate(certificate);
  } catch (error) {
    throw refuse('--cert', certificateFile, `holds no certificate in PEM form: ${messageOf(error)}`);
  }
  let isFitting: boolean;
  try {
    isFitting = owner.checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw refuse('--key', keyFile, `holds no private key in PEM form without a passphrase: ${messageOf(error)}`);
  }
  if (!isFitting) throw refuse('--key', keyFile, `is not the key of the certificate in ${certificateFile}`);
  return { certificate, key };
};

/** The token of `--join-token-file`. @throws CONFIG_UNREADABLE; CONFIG_INVALID when it can be no token; the message does not show it */
export const readTokenFile = (path: string): string => {
  const token = readFileOf('--join-token-file', path).trim();
  if (token === '') throw refuse('--join-token-file', path, 'is empty; put the token into it');
  if (token.length > limits.joinTokenCharactersMax || /\s/.test(token))
    throw refuse(
      '--join-token-file',
      path,
      'holds more than one token; put into it what "collector join-token" printed, and nothing else',
    );
  return token;
};
