import type { Clock } from '@jiwei/shared/clock.ts';
import { minuteMs, secondMs } from '@jiwei/shared/time.ts';
import type { EchoTool } from './echo-tool.ts';

/** Privileges and packages change while an agent runs; they are looked at again after this time. */
const permissionMs = 10 * minuteMs;
const permissionTestMsMax = 2 * secondMs;

/** A tool, and what is known of the right to use it. */
export interface KnownTool {
  readonly tool: EchoTool;
  /** Asks the tool at most once per `permissionMs`; those who ask meanwhile wait for the same answer. */
  isUsable(): Promise<boolean>;
  /** The last answer, false before the first; sees to it that there will be one. */
  wasUsable(): boolean;
  /** To be called when it turned out otherwise: the next who asks gets a new answer. */
  forget(): void;
}

/** Remembers a tool's permission. */
export const knownTool = (tool: EchoTool, clock: Clock): KnownTool => {
  let known: { readonly answer: Promise<boolean>; readonly atMs: number } | null = null;
  let last = false;
  const ask = async (): Promise<boolean> => {
    const controller = new AbortController();
    const cancel = clock.after(permissionTestMsMax, () => controller.abort());
    last = await tool.isPermitted(controller.signal).finally(cancel);
    // Cut off on a busy host: that says nothing for the next ten minutes.
    if (!last && controller.signal.aborted) known = null;
    return last;
  };
  const forget = (): void => {
    known = null;
    last = false;
  };
  const isUsable = (): Promise<boolean> => {
    if (known === null || clock.monotonicMs() - known.atMs >= permissionMs) {
      known = { answer: ask(), atMs: clock.monotonicMs() };
      // A test that could not even be started says nothing for the next ten minutes; whoever waits for it gets the error.
      known.answer.catch(forget);
    }
    return known.answer;
  };
  return {
    tool,
    isUsable,
    wasUsable: () => {
      void isUsable().catch(() => undefined);
      return last;
    },
    forget,
  };
};
