import assert from 'node:assert/strict';
import type { Server } from 'node:net';

/** The port a server on 127.0.0.1:0 was given. */
export const portOf = (server: Server): number => {
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object', 'the server listens on a port');
  return address.port;
};
