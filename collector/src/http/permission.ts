/**
 * What a caller must be allowed to do. Every route names one in its `config`; a route without is refused when it is registered.
 * `open`: anybody. `read`: look. `operate`: acknowledge, note, resolve, plan maintenance. `admin`: declare, enrol, revoke.
 * `metrics`: scrape. `push`: the token of one heartbeat check.
 */
export const permissions = ['open', 'read', 'operate', 'admin', 'metrics', 'push'] as const;
export type Permission = (typeof permissions)[number];

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly permission: Permission;
    /** A page for people at the machine itself: a direct loopback caller may read it without a token. */
    readonly opensToLoopback?: boolean;
    /** Answer a missing token with a Basic challenge, so that a browser asks for it. */
    readonly asksBrowser?: boolean;
  }
}
