import { createHash } from 'node:crypto';
import type { Clock } from '@jiwei/shared/clock.ts';
import { AppError } from '@jiwei/shared/errors.ts';
import type { FastifyBaseLogger } from 'fastify';
import { z } from 'zod';
import type { Declaration } from '../registry/declaration.ts';
import { type FileText, isSameText, readText, readTextNow, textOrThrow } from '../registry/file-text.ts';
import { type FileWatch, settleMs, type Watch, watchFileFrom } from '../registry/watch.ts';
import type { Store } from '../store/port.ts';
import { type DeclarationReader, readDeclaration } from './declaring.ts';

/** A declaration of nothing: what a collector starts with before anything was applied. */
const emptyText = '{}';
/** Setting that holds what the files were when they last came into force, and as which version. */
const markSetting = 'declarationFile';
const markSchema = z.object({ version: z.int(), sha256: z.string() });

/** The declaration file with the rule files it names, as they were read together: what is parsed, hashed and watched is one and the same. */
export interface DeclarationFiles {
  readonly main: FileText;
  /** By path; those that were asked for so far. */
  readonly rules: ReadonlyMap<string, FileText>;
  /** For the parser, which alone knows what is named. */
  readonly readRuleFile: (path: string) => FileText;
}

/** @param known what is known to be whole of rule files; others are read when they are asked for */
const filesOf = (main: FileText, known: (path: string) => FileText | null = () => null): DeclarationFiles => {
  const rules = new Map<string, FileText>();
  return {
    main,
    rules,
    readRuleFile: (path) => {
      const found = rules.get(path) ?? known(path) ?? readTextNow(path);
      rules.set(path, found);
      return found;
    },
  };
};

/** What a collector starts with. */
export interface FirstDeclaration {
  readonly declaration: Declaration;
  /** 0: nothing was ever declared. */
  readonly version: number;
  /** Why the file was refused; null when it was not. */
  readonly refused: unknown;
  /** As they were read, to be watched from there on; null without a file. */
  readonly files: DeclarationFiles | null;
}

/**
 * The declaration to start with: the file when it can be used and has changed since it last came into force; else the last one that was in force,
 * so that what was applied by command or API is not undone by a restart; else none.
 * @throws what the file was refused for, when there is nothing else to start with
 */
export const firstDeclaration = async (options: {
  readonly store: Store;
  readonly reader: DeclarationReader;
  readonly file: string | null;
  readonly clock: Clock;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>;
}): Promise<FirstDeclaration> => {
  const { store, reader, file, clock, log } = options;
  const last = await store.declaration();
  const lastInForce = (): Pick<FirstDeclaration, 'declaration' | 'version'> => ({
    declaration: readDeclaration(last?.text ?? emptyText, last?.source ?? 'empty', reader).declaration,
    version: last?.version ?? 0,
  });
  if (file === null) return { ...lastInForce(), refused: null, files: null };
  const files = filesOf(await readText(file));
  try {
    const whole = readDeclaration(textOrThrow(files.main), file, { ...reader, readRuleFile: files.readRuleFile });
    const mark = await markOf(store);
    if (last !== null && mark !== null && mark.sha256 === hashOf(files) && mark.version !== last.version) {
      const { version, appliedBy, source } = last;
      if (last.text !== whole.text)
        log.warn(
          { file, version, appliedBy, source, fileVersion: mark.version },
          'the declaration file is not what is in force: another one was applied since, and stays until the file changes',
        );
      return { ...lastInForce(), refused: null, files };
    }
    if (last !== null && last.text !== whole.text && !(await isSettled(file, files, clock))) {
      log.info({ file }, 'the declaration file is being written; what was in force stays until it is whole');
      // Whatever it will be is a change.
      const unknown = filesOf({ error: new AppError('CONFIG_UNREADABLE', `${file} is being written`) });
      return { ...lastInForce(), refused: null, files: unknown };
    }
    const isInForce = last !== null && last.text === whole.text;
    const { version } = isInForce
      ? last
      : await store.saveDeclaration({ appliedAtMs: clock.nowMs(), appliedBy: 'file', source: file, text: whole.text });
    await markFiles(store, version, files);
    return { declaration: whole.declaration, version, refused: null, files };
  } catch (error) {
    if (last === null) throw error;
    return { ...lastInForce(), refused: error, files };
  }
};

/** Whether nobody is writing them: some time later they are still the same. */
const isSettled = async (path: string, files: DeclarationFiles, clock: Clock): Promise<boolean> => {
  await new Promise<void>((resolve) => {
    clock.after(settleMs, resolve);
  });
  if (!isSameText(files.main, await readText(path))) return false;
  return [...files.rules].every(([rulePath, text]) => isSameText(text, readTextNow(rulePath)));
};

const markOf = async (store: Pick<Store, 'setting'>): Promise<z.output<typeof markSchema> | null> => {
  const text = await store.setting(markSetting);
  return text === null ? null : markSchema.parse(JSON.parse(text));
};

/**
 * Remembers that the files as they are now came into force as the version. Kept after the version itself: should that be missed, they are put in
 * force once more by the next start, and are the same.
 */
export const markFiles = (store: Pick<Store, 'saveSetting'>, version: number, files: DeclarationFiles): Promise<void> =>
  store.saveSetting(markSetting, JSON.stringify({ version, sha256: hashOf(files) }));

/** Of the contents alone: moving the files changes nothing. */
const hashOf = ({ main, rules }: DeclarationFiles): string => {
  const texts = [main, ...rules.values()].map((file) => ('text' in file ? file.text : null));
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex');
};

/** Whoever puts the files in force. */
export interface DeclarationTaker {
  /** @throws what is wrong with them; the declaration in force then stays */
  reload(files: DeclarationFiles, source: string): Promise<void>;
  noteDeclarationError(error: unknown): void;
}

/**
 * Puts the file in force whenever it or one of its rule files changes; a bad one is told and changes nothing.
 * @param begun as the files were when the collector started
 */
export const watchDeclaration = (file: string, begun: DeclarationFiles, clock: Clock, collector: DeclarationTaker): Watch => {
  const rules = new Map<string, FileWatch>();
  /** One after the other, so that the last state of the files is the one that counts. */
  let reloading: Promise<void> = Promise.resolve();
  const reload = async (): Promise<void> => {
    const files = filesOf(main.content(), (path) => rules.get(path)?.content() ?? null);
    try {
      await collector.reload(files, file);
    } catch (error) {
      collector.noteDeclarationError(error);
    }
    await watchRules(files);
  };
  const onChange = (): void => {
    reloading = reloading.then(reload);
  };
  /** Also those of a refused declaration: that one of them is missing may be all that is wrong. */
  const watchRules = async (files: DeclarationFiles): Promise<void> => {
    for (const [path, watch] of rules) {
      if (files.rules.has(path)) continue;
      rules.delete(path);
      await watch.close();
    }
    for (const [path, text] of files.rules) if (!rules.has(path)) rules.set(path, watchFileFrom(path, text, clock, onChange));
  };
  const main = watchFileFrom(file, begun.main, clock, onChange);
  reloading = watchRules(begun);
  return {
    look: () => {
      for (const watch of [main, ...rules.values()]) watch.look();
    },
    close: async () => {
      await main.close();
      await reloading;
      for (const watch of rules.values()) await watch.close();
      // What a rule file began before it was closed.
      await reloading;
    },
  };
};
