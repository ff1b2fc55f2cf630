import type { Fault } from '../fault.ts';

const http = 'collector/src/http';

/** Gives a route to more people than it is for. `before` and the permission stand next to each other in the file. */
const opened = (id: string, file: string, before: string, from: string, to: string): Fault => ({
  ...{ id: `opened-${id}`, rule: `${id} needs the permission ${from}`, file: `${http}/routes/${file}.ts` },
  find: `${before}config: { permission: '${from}' }`,
  replace: `${before}config: { permission: '${to}' }`,
});
const first = '{\n    ';

/** Each route is for those it says, and for nobody else. */
export const accessFaults: readonly Fault[] = [
  opened('reading-the-declaration', 'declaration', 'notifiers.\n    ', 'admin', 'read'),
  opened('applying-a-declaration', 'declaration', `api.put('/declaration', ${first}`, 'admin', 'operate'),
  opened('renewing-the-admin-token', 'secrets', `admin-token/renew', ${first}`, 'admin', 'operate'),
  opened('renewing-heartbeats', 'secrets', `heartbeats/renew', ${first}`, 'admin', 'operate'),
  opened('making-join-tokens', 'join-tokens', `api.post('/join-tokens', ${first}`, 'admin', 'operate'),
  opened('listing-join-tokens', 'join-tokens', `api.get('/join-tokens', ${first}`, 'admin', 'read'),
  opened('revoking-join-tokens', 'join-tokens', `revoke', ${first}`, 'admin', 'operate'),
  opened('acting-on-agents', 'agents', '', 'admin', 'operate'),
  opened('acting-on-incidents', 'incident-acts', '', 'operate', 'read'),
  opened('seeing-push-tokens', 'push', '', 'operate', 'read'),
  {
    id: 'wrong-tokens-lock-out',
    rule: 'wrong tokens from an address keep no right one out',
    file: `${http}/access.ts`,
    find: "if (permission === 'push') {",
    replace: "if (failures.waitMs(request.ip) > 0) return refuseWrong(request, reply, '');\n    if (permission === 'push') {",
  },
  {
    id: 'wrong-tokens-uncounted',
    rule: 'how many wrong tokens an address may send is limited',
    file: `${http}/access.ts`,
    find: 'failures.failed(request.ip);\n      return',
    replace: 'return',
  },
];
