const secretPattern = /password|secret|token|authorization|credential|api-?key|cookie/i;
/** Keys that only say where a secret is. */
const pointerPattern = /file$/i;
/** Keys of what is sent to somebody: any value in it may be what opens the door there. */
const sentKeys: ReadonlySet<string> = new Set(['headers', 'body', 'send']);

/** Whether a value under this key is a secret itself, or may be one. */
export const isSecretKey = (key: string): boolean => sentKeys.has(key) || (secretPattern.test(key) && !pointerPattern.test(key));

/** Whether an address is meant: it has a scheme, a query, or a name and password before a host. */
const looksLikeAddress = (text: string): boolean => /:\/\/|[?&][^\s=]*=|[:/].*@|@.*[:/]/.test(text);

/**
 * An address as errors show it: who is asked, and not how. User, password, path and query may each be the secret that opens it, as in the
 * addresses of chat robots.
 * @returns the text itself when it is no address; null for what may be one but cannot be taken apart
 */
export const addressShown = (text: string): string | null => {
  if (!looksLikeAddress(text)) return text;
  if (!URL.canParse(text)) return null;
  const { protocol, host, pathname, search, hash } = new URL(text);
  // An "@" further on: the password holds a "/", and what was taken for the host is the beginning of it.
  if (host === '' || `${pathname}${search}${hash}`.includes('@')) return null;
  const isBare = /^[^/]*\/\/[^/@?#]*\/?$/.test(text);
  return `${protocol}//${host}/${isBare ? '' : '…'}`;
};
