/**
 * Waits for `promise` or for the signal, whichever is first. For work that cannot be cancelled (`getaddrinfo` runs in a thread of its
 * own): its late answer or error is taken and dropped.
 * @throws what `promise` throws, or the signal's reason
 */
export const orAborted = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    // Settling a promise again does nothing, so a late answer is dropped here.
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
