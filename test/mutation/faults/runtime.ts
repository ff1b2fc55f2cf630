import type { Fault } from '../fault.ts';

const runtime = 'collector/src/runtime';

/** Rules of the one writer: what counts once, what is stored first, what is performed after. */
export const runtimeFaults: readonly Fault[] = [
  {
    id: 'duplicates-count',
    rule: 'a frame that comes twice changes nothing',
    file: `${runtime}/intake.ts`,
    find: 'if (isStored(before, delivery)) {',
    replace: 'if (isStored(before, delivery) && before === undefined) {',
  },
  {
    id: 'older-boot-is-new',
    rule: 'frames of an earlier boot than the last one stored are repeats',
    file: `${runtime}/intake.ts`,
    find: '(frame.bootId < position.bootId || (frame.bootId === position.bootId && frame.seq <= position.seq));',
    replace: '(frame.bootId === position.bootId && frame.seq <= position.seq);',
  },
  {
    id: 'foreign-checks-taken',
    rule: 'answers to checks the agent was never asked are not taken',
    file: `${runtime}/intake.ts`,
    find: 'if (check === undefined || !(check.agentIds.includes(agentId) || context.hasAsked(check.id, agentId))) continue;',
    replace: 'if (check === undefined) continue;',
  },
  {
    id: 'results-from-the-future',
    rule: 'no result is from after it was taken in',
    file: `${runtime}/intake.ts`,
    find: 'const result = { ...raw, observedAtMs: Math.min(raw.observedAtMs + delivery.offsetMs, atMs) };',
    replace: 'const result = { ...raw, observedAtMs: raw.observedAtMs + delivery.offsetMs };',
  },
  {
    id: 'offset-not-added',
    rule: 'results carry the time of the collector',
    file: `${runtime}/intake.ts`,
    find: 'const result = { ...raw, observedAtMs: Math.min(raw.observedAtMs + delivery.offsetMs, atMs) };',
    replace: 'const result = { ...raw, observedAtMs: Math.min(raw.observedAtMs, atMs) };',
  },
  {
    id: 'old-samples-alert',
    rule: 'rules look at the present: back-filled samples fire nothing',
    file: `${runtime}/intake.ts`,
    find: '|| observedAtMs < atMs - ruleSampleAgeMsMax',
    replace: '',
  },
  {
    id: 'acknowledged-before-commit',
    rule: 'a frame is acknowledged after its commit',
    file: `${runtime}/writer.ts`,
    find: 'await commit(batch, atMs);\n    counters.committed((clock.monotonicMs() - startedMs) / 1_000, items.length);\n    for (const action of afterCommit) action();',
    replace:
      'for (const action of afterCommit) action();\n    await commit(batch, atMs);\n    counters.committed((clock.monotonicMs() - startedMs) / 1_000, items.length);',
  },
  {
    id: 'performed-before-commit',
    rule: 'effects are performed after their commit',
    file: `${runtime}/writer.ts`,
    find: 'await commit(batch, atMs);\n',
    replace: 'options.perform(batch.outward);\n    await commit(batch, atMs);\n',
  },
  {
    id: 'stamps-go-back',
    rule: 'stamps of events never go back, even when the clock does',
    file: `${runtime}/writer.ts`,
    find: 'const stamp = (): EpochMs => Math.max(lastAtMs, clock.nowMs());',
    replace: 'const stamp = (): EpochMs => clock.nowMs();',
  },
  {
    id: 'failed-commit-given-up',
    rule: 'a commit that failed is tried until the store takes it',
    file: `${runtime}/writer.ts`,
    find: "if (!(error instanceof AppError) || error.code !== 'STORE_UNAVAILABLE' || isClosed) throw error;",
    replace: "if (error instanceof AppError && error.code === 'STORE_UNAVAILABLE') return;\n        throw error;",
  },
  {
    id: 'queue-without-bound',
    rule: 'a full queue pauses its sources',
    file: `${runtime}/writer.ts`,
    find: 'options.setPressure(pressure);',
    replace: '',
  },
  {
    id: 'crashing-frame-for-ever',
    rule: 'a frame that stopped the collector three times is parked',
    file: `${runtime}/crash-guard.ts`,
    find: 'if ((crashes.get(keyOf(agentId, delivery)) ?? 0) < crashesMax) return false;',
    replace: 'if (crashes.size > 0) return false;',
  },
  {
    id: 'revoked-gets-in',
    rule: 'a revoked key is refused',
    file: `${runtime}/admission.ts`,
    find: 'if (known.revokedAtMs !== null) return revoked(known.id);',
    replace: '',
  },
  {
    id: 'begun-window-goes-with-its-line',
    rule: 'a window that is over stays in the reckoning when its line is deleted',
    file: 'collector/src/registry/declared-windows.ts',
    find: 'if (row.toMs <= atMs) return row;',
    replace: 'if (row.toMs <= atMs) return window === undefined ? { ...row, cancelledAtMs: row.fromMs } : row;',
  },
  {
    id: 'window-ends-in-the-past',
    rule: 'a window that runs ends now at the earliest',
    file: 'collector/src/registry/declared-windows.ts',
    find: 'const toMs = Math.max(window.toMs, atMs);',
    replace: 'const toMs = window.toMs;',
  },
  {
    id: 'scope-of-a-begun-window-widens',
    rule: 'a window with other assets is a new one',
    file: 'collector/src/registry/declared-windows.ts',
    find: 'isSameSet(left.assetIds, right.assetIds) &&',
    replace: 'left.assetIds.some((id) => right.assetIds.includes(id)) &&',
  },
  {
    id: 'windows-known-since-the-last-start',
    rule: 'a declared window counts from the version that declared it',
    file: `${runtime}/window-record.ts`,
    find: 'const version = await store.declaration(number);',
    replace: 'const version = (await store.declaration(number)) && (await store.declaration());',
  },
];
