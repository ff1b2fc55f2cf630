import { collectorMessageSchema } from '@jiwei/shared/protocol/control.ts';
import { vectorsOf } from '../../support/vectors.ts';
import { jsonBytes } from '../target.ts';

interface Vector {
  readonly direction: string;
  readonly message: unknown;
}

/** Control messages of the shared vectors, good and bad ones, that go one way. */
export const controlVectors = (direction: 'agent → collector' | 'collector → agent'): Uint8Array[] =>
  vectorsOf<Vector>('control')
    .filter((vector) => vector.direction === direction)
    .map(({ message }) => jsonBytes(message));

/** Throws when a message is not one that a collector may say. */
export const assertCollectorMessage = (message: unknown): void => {
  collectorMessageSchema.parse(JSON.parse(JSON.stringify(message)));
};
