import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import type { LightMyRequestResponse as Answer, FastifyInstance, InjectOptions } from 'fastify';
import type { HumanAct } from '../../collector/src/engine/event.ts';
import { buildHttp, type HttpPlugin } from '../../collector/src/http/app.ts';
import { openSecrets, type Secrets } from '../../collector/src/http/secrets.ts';
import { tokenHashOf } from '../../collector/src/http/tokens.ts';
import { DeclarationRefused } from '../../collector/src/runtime/declaring.ts';
import type { AgentSessionView, CollectorService, LiveEvent } from '../../collector/src/runtime/service.ts';
import type { Store } from '../../collector/src/store/port.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { fixtureNowMs, type ViewParts, viewOf } from './live-view.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';

export const adminToken = 'admin-token-of-the-tests';
export const metricsToken = 'metrics-token-of-the-tests';
export const bearer = { authorization: `Bearer ${adminToken}` };

/** What the routes asked the service to do. */
interface Calls {
  readonly acts: { readonly id: string; readonly actor: string; readonly act: HumanAct }[];
  readonly pushes: { readonly id: string; readonly isUp: boolean; readonly detail: string | null }[];
  readonly revoked: string[];
  /** `approve a1`, `rekey a1` … */
  readonly rights: string[];
}

export interface HttpFixture {
  readonly app: FastifyInstance;
  readonly store: Store;
  readonly secrets: Secrets;
  readonly service: CollectorService;
  readonly clock: ManualClock;
  readonly calls: Calls;
  /** Tells all listeners, as the runtime does after a commit. */
  tell(event: LiveEvent): void;
  /** A request with the admin token. */
  get(url: string, options?: InjectOptions): Promise<Answer>;
  post(url: string, payload?: InjectOptions['payload'], options?: InjectOptions): Promise<Answer>;
  close(): Promise<void>;
}

/** What a fixture may choose. */
export interface HttpFixtureOptions {
  readonly parts?: ViewParts;
  readonly sessions?: readonly AgentSessionView[];
  readonly watchedFile?: string;
  readonly declarationError?: string;
  readonly isWriterHealthy?: boolean;
  readonly metricsAddresses?: readonly string[];
  readonly plugins?: readonly HttpPlugin[];
}

/**
 * The HTTP application over a real store in memory and a service that keeps the same promises as the runtime's, without an engine behind:
 * present state is what the parts say.
 */
export const createHttpFixture = async (options: HttpFixtureOptions = {}): Promise<HttpFixture> => {
  const store = await openSqliteStore({ path: ':memory:' });
  const clock = createManualClock(fixtureNowMs);
  const view = viewOf(options.parts ?? {});
  const listeners = new Set<(event: LiveEvent) => void>();
  const calls: Calls = { acts: [], pushes: [], revoked: [], rights: [] };
  const service: CollectorService = {
    view,
    store,
    startedAtMs: fixtureNowMs - 3_600_000,
    version: '0.1.0',
    declarationVersion: 17,
    watchedFile: options.watchedFile ?? null,
    declarationError: options.declarationError ?? null,
    isWriterHealthy: () => options.isWriterHealthy ?? true,
    sessions: () => options.sessions ?? [],
    act: async (id, actor, act) => {
      const incident = view.incident(id);
      if (incident === null) throw new AppError('NOT_FOUND', `incident ${id} does not exist`);
      if (incident.state === 'resolved') throw new AppError('CONFLICT', `incident ${id} is resolved`);
      calls.acts.push({ id, actor, act });
      return { ...incident, state: act.kind === 'acknowledge' ? 'acknowledged' : incident.state };
    },
    push: async (id, isUp, detail) => {
      if (view.config.checks.get(id)?.probe.kind !== 'heartbeat') throw new AppError('NOT_FOUND', `no heartbeat check ${id}`);
      calls.pushes.push({ id, isUp, detail });
    },
    applyDeclaration: async (text, source, appliedBy) => {
      if (text.includes('wrong')) {
        throw new DeclarationRefused([
          { file: source, line: 2, column: 3, path: 'zones[0].id', message: 'is "Z 1"; a-z, 0-9, ".", "_" and "-" are allowed' },
          { file: source, line: 3, column: 1, path: 'wrong', message: 'is not known here' },
        ]);
      }
      return store.saveDeclaration({ appliedAtMs: clock.nowMs(), appliedBy, source, text });
    },
    addMaintenance: async (window) => {
      const stored = { ...window, id: asId<'maintenance'>('m1'), approvedAtMs: clock.nowMs(), cancelledAtMs: null };
      await store.saveMaintenance([stored]);
      return stored;
    },
    cancelMaintenance: async (id) => {
      const found = (await store.maintenance()).find((window) => window.id === id);
      if (found === undefined) throw new AppError('NOT_FOUND', `maintenance window ${id} does not exist`);
      if (found.cancelledAtMs !== null) throw new AppError('CONFLICT', `maintenance window ${id} was cancelled already`);
      const cancelled = { ...found, cancelledAtMs: clock.nowMs() };
      await store.saveMaintenance([cancelled]);
      return cancelled;
    },
    createJoinToken: async (scope) => ({ id: 'token-id', token: 'join-token', expiresAtMs: clock.nowMs() + scope.lifetimeMs }),
    joinTokens: () => store.joinTokens(),
    revokeJoinToken: async (id) => {
      const found = (await store.joinTokens()).find((token) => token.hash.startsWith(id));
      const revoked = found === undefined ? null : await store.revokeJoinToken(found.hash, clock.nowMs());
      if (revoked === null) throw new AppError('NOT_FOUND', `no join token has the id ${id}`);
      return revoked;
    },
    approveAgent: async (id) => void calls.rights.push(`approve ${id}`),
    refuseAgent: async (id) => void calls.rights.push(`refuse ${id}`),
    rekeyAgent: async (id) => void calls.rights.push(`rekey ${id}`),
    revokeAgent: async (id) => {
      const record = (await store.agents()).find((agent) => agent.id === id);
      if (record !== undefined) await store.saveAgent({ ...record, revokedAtMs: clock.nowMs() });
      calls.revoked.push(id);
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  await store.saveSetting('adminTokenHash', tokenHashOf(adminToken));
  const { secrets } = await openSecrets(store, clock);
  const app = await buildHttp({
    service,
    clock,
    access: {
      secrets,
      metricsTokenHash: tokenHashOf(metricsToken),
      metricsAddresses: options.metricsAddresses ?? [],
    },
    log: false,
    plugins: options.plugins ?? [],
  });
  return {
    app,
    store,
    secrets,
    service,
    clock,
    calls,
    tell: (event) => {
      for (const listener of listeners) listener(event);
    },
    get: (url, more = {}) => app.inject({ method: 'GET', url, headers: bearer, ...more }),
    post: (url, payload, more = {}) =>
      app.inject({ method: 'POST', url, headers: bearer, ...(payload === undefined ? {} : { payload }), ...more }),
    close: async () => {
      await app.close();
      await store.close();
    },
  };
};
