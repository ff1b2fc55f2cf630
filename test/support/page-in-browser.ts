import { runInNewContext } from 'node:vm';

/** The parts of the page that its script asks for. */
const parts: Readonly<Record<string, RegExp>> = {
  // What is not closed ends with the text.
  main: /<main>[\s\S]*?(?:<\/main>|$)/,
  '#as-of': /<p [^>]*id="as-of"[^>]*>[\s\S]*?<\/p>/,
  '#ask-token': /<dialog id="ask-token"[\s\S]*?<\/dialog>/,
};
const titlePattern = /<title>([\s\S]*?)<\/title>/;

/** A part of a document, as its markup. */
interface Part {
  readonly markup: string;
}

const partOf = (html: string, name: string): Part | null => {
  const markup = parts[name]?.exec(html)?.[0];
  return markup === undefined ? null : { markup };
};

type Listener = (event: unknown) => unknown;

/** The dialog that asks for the token, by the rules of HTML: what it returned last stays until something else is returned. */
const createDialog = () => {
  const listeners: Listener[] = [];
  const told = { textContent: '' };
  const field = { value: '' };
  const element = {
    returnValue: '',
    isOpen: false,
    querySelector: (name: string) => (name === 'input' ? field : told),
    addEventListener: (_kind: 'close', listener: Listener) => void listeners.push(listener),
    showModal: () => {
      element.isOpen = true;
    },
  };
  return {
    element,
    told,
    field,
    /** @param value of the button; left out where it is closed by a key */
    close: async (value?: string): Promise<void> => {
      element.isOpen = false;
      if (value !== undefined) element.returnValue = value;
      for (const listener of listeners) await listener({});
    },
  };
};

/**
 * The page with its own script running, in as much of a browser as that script uses: real answers of a real server, and the script as it
 * was sent. Time does not pass by itself.
 * @param url where the page is
 */
export const openPageInBrowser = async (url: string) => {
  const get = async (path: string): Promise<string> => {
    const answer = await fetch(new URL(path, url));
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.text();
  };
  let html = await get(url);
  const dialog = createDialog();
  const listeners = new Map<string, Listener>();
  const classes = new Set<string>();
  const intervals: { readonly callback: () => unknown; readonly everyMs: number }[] = [];
  const deadlines: { readonly afterMs: number; fire(): void }[] = [];
  const requests: string[] = [];
  const document = {
    hidden: false,
    get title(): string {
      return titlePattern.exec(html)?.[1] ?? '';
    },
    set title(title: string) {
      html = html.replace(titlePattern, () => `<title>${title}</title>`);
    },
    body: { classList: { add: (name: string) => classes.add(name), remove: (name: string) => classes.delete(name) } },
    querySelector: (name: string) => {
      if (name === '#ask-token') return dialog.element;
      const part = partOf(html, name);
      if (part === null) return null;
      // As in a browser: what is no node is put there as its text.
      return {
        replaceWith: (next: Part | null) => {
          html = html.replace(part.markup, () => next?.markup ?? String(next));
        },
      };
    },
    addEventListener: (kind: string, listener: Listener) => void listeners.set(kind, listener),
  };
  const script = await get(/<script src="([^"]+)"/.exec(html)?.[1] ?? 'no script');
  runInNewContext(script, {
    document,
    location: { href: url },
    fetch: (to: string, init?: RequestInit) => {
      requests.push(`${init?.method ?? 'GET'} ${to}`);
      return fetch(new URL(to, url), init);
    },
    DOMParser: class {
      parseFromString(text: string) {
        return { title: titlePattern.exec(text)?.[1] ?? '', querySelector: (name: string) => partOf(text, name) };
      }
    },
    AbortSignal: {
      timeout: (afterMs: number) => {
        const controller = new AbortController();
        deadlines.push({ afterMs, fire: () => controller.abort(new Error(`${afterMs} ms passed`)) });
        return controller.signal;
      },
    },
    setInterval: (callback: () => unknown, everyMs: number) => void intervals.push({ callback, everyMs }),
  });
  return {
    html: () => html,
    part: (name: 'main' | '#as-of') => partOf(html, name)?.markup ?? null,
    title: () => document.title,
    isStale: () => classes.has('is-stale'),
    requests,
    intervals,
    deadlines,
    dialog,
    setHidden: async (isHidden: boolean): Promise<void> => {
      document.hidden = isHidden;
      await listeners.get('visibilitychange')?.({});
    },
    /** Lets the interval end once, and what it begins. */
    tick: async (): Promise<void> => {
      for (const { callback } of intervals) await callback();
    },
    /** @param act of the first such button of the page; null: somewhere else is clicked */
    click: async (act: string | null): Promise<void> => {
      const found =
        act === null ? null : new RegExp(`<button [^>]*data-act="${act}" data-agent="([^"]+)"[^>]*>([^<]*)<`).exec(html);
      if (act !== null && found === null) throw new Error(`the page has no button ${act}`);
      const button = found === null ? null : { dataset: { act, agent: found[1] }, textContent: found[2] };
      await listeners.get('click')?.({ target: { closest: () => button } });
    },
  };
};
