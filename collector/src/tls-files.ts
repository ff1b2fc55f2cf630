import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Server } from 'node:https';
import type { Server as NetServer } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import type { FastifyBaseLogger } from 'fastify';
import { isOutOfDescriptors } from './descriptors.ts';
import type { ServeOptions } from './options.ts';
import { type Watch, watchFile } from './registry/watch.ts';

/** What a TLS server is made of, PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** Authorities of client certificates; null when none is asked for. */
  readonly clientCa: string | null;
}

/** Until files are looked at again for which no descriptor was left, ms. */
const againMs = 5_000;

type TlsOptions = NonNullable<ServeOptions['tls']>;

/** TLS options of material, for a server and for each new context of it. */
export const secureOptionsOf = ({ cert, key, clientCa }: TlsMaterial) => ({
  ...{ cert, key, minVersion: 'TLSv1.2' as const },
  ...(clientCa === null ? {} : { ca: clientCa }),
});

/** Reads and checks the files. @throws AppError CONFIG_UNREADABLE naming them, also for a key of another certificate */
export const readTls = async ({ certificateFile, keyFile, clientCaFile }: TlsOptions): Promise<TlsMaterial> => {
  const names = [certificateFile, keyFile, clientCaFile].filter((file) => file !== null).join(', ');
  try {
    const read = (file: string): Promise<string> => readFile(file, 'utf8');
    const material: TlsMaterial = {
      cert: await read(certificateFile),
      key: await read(keyFile),
      clientCa: clientCaFile === null ? null : await read(clientCaFile),
    };
    // Throws for what is not PEM and for a key of another certificate, here and not at the first connection.
    createSecureContext(secureOptionsOf(material));
    if (material.clientCa !== null) new X509Certificate(material.clientCa);
    return material;
  } catch (error) {
    throw new AppError('CONFIG_UNREADABLE', `TLS files ${names}: ${messageOf(error)}`, { cause: error });
  }
};

/** When the first certificate of a PEM text ends, epoch ms. */
export const certificateEndMs = ({ cert }: TlsMaterial): number => new X509Certificate(cert).validToDate.getTime();

/**
 * Puts changed files in force for all connections from then on; present ones go on. Files that cannot be used leave the last good ones in
 * force, also while certificate and key are being replaced one after the other.
 */
export const watchTls = async (options: {
  readonly files: TlsOptions;
  readonly server: NetServer;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  /** null: what was found cannot be used. */
  onReload(material: TlsMaterial | null): void;
}): Promise<Watch> => {
  const { files, server, clock, log } = options;
  if (!(server instanceof Server)) throw new Error('only a TLS server has certificates');
  let cancelAgain: CancelTimer = () => undefined;
  const reload = async (): Promise<void> => {
    try {
      const material = await readTls(files);
      server.setSecureContext(secureOptionsOf(material));
      options.onReload(material);
      log.info({ certificateEndsAtMs: certificateEndMs(material) }, 'new TLS files are in force');
    } catch (error) {
      if (isOutOfDescriptors(error)) {
        // The change was told and is not taken yet; nobody would tell of it again.
        cancelAgain();
        cancelAgain = clock.after(againMs, onChange);
        return;
      }
      options.onReload(null);
      log.error({ error: messageOf(error) }, 'changed TLS files cannot be used; the ones before stay in force');
    }
  };
  // One after the other, so that the last state of the files is the one that counts.
  let reloading: Promise<void> = Promise.resolve();
  const onChange = (): void => {
    reloading = reloading.then(reload);
  };
  const paths = [files.certificateFile, files.keyFile, files.clientCaFile].filter((file) => file !== null);
  const watches = await Promise.all(paths.map((path) => watchFile(path, clock, onChange)));
  return {
    look: () => {
      for (const watch of watches) watch.look();
    },
    close: async () => {
      for (const watch of watches) await watch.close();
      await reloading;
      cancelAgain();
    },
  };
};
