/** Calls `close` when the signal fires (at once if it has), until the returned function is called. */
export const onAbort = (signal: AbortSignal, close: () => void): (() => void) => {
  if (signal.aborted) close();
  signal.addEventListener('abort', close, { once: true });
  return () => signal.removeEventListener('abort', close);
};
