import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { AppError } from '@jiwei/shared/errors.ts';
import { certificateValues, judgeCertificate, judgeExpiry } from '../../../agent/src/probes/certificate.ts';
import { toOutcome } from '../../../agent/src/probes/outcome.ts';
import { toDetail } from '../../../agent/src/probes/probe.ts';
import { assertOutcome } from '../server.ts';
import type { FuzzTarget } from '../target.ts';

/** For localhost, signed by itself; without its key good for nothing but being read. */
const certificate = Buffer.from(
  'MIIBwTCCAWigAwIBAgIUTP2tfTJq/DXo1Wvg0N7VQCUXmyUwCgYIKoZIzj0EAwIwIzESMBAGA1UEAwwJbG9jYWxob3N0MQ0wCwYDVQQKDAR0ZXN0MB4XDTI2MTEyNTE4NDQ1NVoXDTM2MTEyMjE4NDQ1NVowIzESMBAGA1UEAwwJbG9jYWxob3N0MQ0wCwYDVQQKDAR0ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtyFFPD31imbLLsrYLaWs216XjSqu61wpcA8qEkrnsxHt9f4ctlvwzOyBlBCPn5cj1EKGVoyjKLV+PeCNVGIDbqN6MHgwHQYDVR0OBBYEFLWB1uPHooYoyRVQOImwO8YVP/oMMB8GA1UdIwQYMBaAFLWB1uPHooYoyRVQOImwO8YVP/oMMA8GA1UdEwEB/wQFMAMBAf8wJQYDVR0RBB4wHIIJbG9jYWxob3N0hwR/AAABhglodHRwOi8vYS8wCgYIKoZIzj0EAwIDRwAwRAIgRN4JJKvE4f7mtOif/GcITW/8+ZhkhY4iXrRVeXyyDv8CIDfbMbGXNi89tyR/JUcgdrf2fU4ySI8KX9dnIpWx0JwN',
  'base64',
);

const parse = (bytes: Uint8Array): X509Certificate => {
  try {
    return new X509Certificate(bytes);
  } catch (error) {
    // OpenSSL refuses it, and with it the handshake, before anything of ours sees it.
    throw new AppError('REQUEST_INVALID', String(error));
  }
};

/** A certificate of a target, as far as OpenSSL reads it: dates that are none, names of any bytes. */
export const target: FuzzTarget = {
  name: 'certificate',
  corpus: [certificate],
  words: ['\u0017\u000d', '\u0018\u000f', '991301000000Z', '99991231235959Z', '00000000000000Z', 'DNS:', '\u0000', 'localhost'],
  inputBytesMax: 4_096,
  refusals: ['REQUEST_INVALID'],
  workMax: 0,
  boundedInputs: 1_500,
  run: (bytes) => {
    const leaf = parse(bytes);
    // What judgeCertificate reads of a socket, and no more.
    const socket = {
      getPeerX509Certificate: () => leaf,
      getProtocol: () => 'TLSv1.3',
      authorized: false,
      authorizationError: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    } as unknown as TLSSocket;
    const verdict = judgeCertificate(socket);
    const expiring = judgeExpiry(verdict, 365, 1_793_577_600_000);
    if (expiring !== null) assertOutcome(toOutcome(expiring, 1, certificateValues(verdict)));
    if (verdict.fault !== null) {
      const finding = { outcome: 'down', reason: verdict.fault.reason, detail: toDetail(verdict.fault.detail) } as const;
      assertOutcome(toOutcome(finding, null, certificateValues(verdict)));
    }
    return 0;
  },
};
