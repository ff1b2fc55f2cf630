import type { FuzzTarget } from './target.ts';

/** Every decoder that is fuzzed, one line each. Loaded late, so that coverage is counted from the first line of the code on. */
const targets: Readonly<Record<string, () => Promise<{ readonly target: FuzzTarget }>>> = {
  frame: () => import('./targets/frame.ts'),
  session: () => import('./targets/session.ts'),
  link: () => import('./targets/link.ts'),
  spool: () => import('./targets/spool.ts'),
  'agent-state': () => import('./targets/agent-state.ts'),
  declaration: () => import('./targets/declaration.ts'),
  promql: () => import('./targets/promql.ts'),
  http: () => import('./targets/http.ts'),
  'probe-http': () => import('./targets/probe-http.ts'),
  'probe-tcp': () => import('./targets/probe-tcp.ts'),
  'probe-dns': () => import('./targets/probe-dns.ts'),
  'ping-output': () => import('./targets/ping-output.ts'),
  certificate: () => import('./targets/certificate.ts'),
  proxy: () => import('./targets/proxy.ts'),
  dbus: () => import('./targets/dbus.ts'),
  stored: () => import('./targets/stored.ts'),
  backup: () => import('./targets/backup.ts'),
  socket: () => import('./targets/socket.ts'),
  'host-files': () => import('./targets/host-files.ts'),
};

export const targetNames: readonly string[] = Object.keys(targets);

/** @throws Error when there is no such target */
export const loadTarget = async (name: string): Promise<FuzzTarget> => {
  const load = targets[name];
  if (load === undefined) throw new Error(`no target "${name}"; known are ${targetNames.join(', ')}`);
  const { target } = await load();
  if (target.name !== name) throw new Error(`the target ${name} calls itself ${target.name}`);
  return target;
};
