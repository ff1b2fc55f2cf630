import type { Clock } from '@jiwei/shared/clock.ts';
import type { MetricDoc, MetricType } from '@jiwei/shared/series.ts';
import type { Answer, FileSource } from './file-source.ts';
import type { Space, SpaceOf } from './statfs.ts';

/** Where the kernel and the services tell about the host; tests pass folders with recordings. */
export interface HostRoots {
  readonly proc: string;
  readonly sys: string;
  readonly run: string;
  readonly etc: string;
}

/** Takes samples of one reader into the row. */
export interface Sink {
  /** @param value NaN means the host did not say, and gives no sample. @param labelValues in the order of `doc.labels` */
  put(doc: MetricDoc, value: number, ...labelValues: readonly string[]): void;
}

/** What readers may use; made once per collector. */
export interface ReaderTools {
  readonly roots: HostRoots;
  readonly clock: Clock;
  readonly files: FileSource;
  readonly spaceOf: SpaceOf;
  /** The same on this thread, for file systems that answer from memory; null where tests put their own in place. */
  readonly spaceAtOnce: ((mountPoint: string) => Space) | null;
}

/**
 * Reads one part of the host.
 * @returns false when this host does not have that part (no PSI, no systemd …): no samples, and no error either
 * @throws whatever reading or parsing threw, at once or later; the other readers go on
 */
export type Read = (sink: Sink, signal: AbortSignal) => Answer<boolean>;

/** Whether a file was there, told at once where that is known at once. */
export const isThere = (answer: Answer<unknown>): Answer<boolean> =>
  answer instanceof Promise ? answer.then((value) => value !== null) : answer !== null;

/** A part of the host: one file behind this interface and one line in the registry. */
export interface Reader {
  /** Value of the label `collector`: node_exporter's word wherever it has one. */
  readonly name: string;
  /** All families it may tell; `<field>` in a name stands for what the kernel calls it. */
  readonly metrics: readonly MetricDoc[];
  /** Read at most this often; in between the last values are told again. 0: at every collection. */
  readonly everyMs: number;
  open(tools: ReaderTools): Read;
}

/** A family's documentation in one line; labels must be sorted by name. */
export const describe = (name: string, type: MetricType, help: string, labels: readonly string[] = []): MetricDoc => ({
  name,
  type,
  help,
  labels,
});

/**
 * Families whose names hold a word of the kernel: made from a pattern on first use and kept.
 * @param pattern name and help with `<field>` where the word goes
 * @param helpWord what the help puts in its place; the word itself if not given
 */
export const familiesOf = (pattern: MetricDoc): ((field: string, helpWord?: string) => MetricDoc) => {
  const known = new Map<string, MetricDoc>();
  return (field, helpWord = field) => {
    const found = known.get(field);
    if (found !== undefined) return found;
    const made = {
      ...pattern,
      name: pattern.name.replace('<field>', field),
      help: pattern.help.replace('<field>', helpWord),
    };
    known.set(field, made);
    return made;
  };
};
