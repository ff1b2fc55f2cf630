import { open, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { basename } from 'node:path';

/** A process as the probe sees it. */
export interface ProcessInfo {
  /** Names it may be known by: of the executable's file, of its first argument, of the kernel (cut to 15 characters on Linux). */
  readonly names: readonly string[];
  /** Arguments joined by blanks; empty for kernel threads. */
  readonly commandLine: string;
  /** User it runs as: number, and name where it is known. */
  readonly users: readonly string[];
}

/** Null when this host hides other users' processes from the agent. Rejects when the signal fires. */
export type ListProcesses = (signal: AbortSignal) => Promise<readonly ProcessInfo[] | null>;

/** Processes looked at; Linux's own default for pid_max on small machines, ten times what a busy server runs. */
const processesMax = 32_768;
/** Bytes of a command line; Java class paths are longer, but what tells one program from another stands before that. */
const commandLineBytesMax = 16_384;
/** Files read at once: /proc answers from memory, so few threads are enough. */
const readsAtOnce = 8;

/** Reads /proc, without a child process. Zombies are left out: they do no work. */
export const listProcessesFromProc =
  (paths: { readonly procFolder: string; readonly passwdFile: string }): ListProcesses =>
  async (signal) => {
    const { procFolder } = paths;
    // Process 1 always runs; where it cannot be seen (mount option hidepid) a count would be a guess.
    if ((await readStat(`${procFolder}/1`)) === null) return null;
    const pids = (await readdir(procFolder)).filter((name) => /^\d+$/.test(name)).slice(0, processesMax);
    const userNames = await readUserNames(paths.passwdFile);
    const found: ProcessInfo[] = [];
    const next = pids.values();
    const worker = async (): Promise<void> => {
      for (const pid of next) {
        signal.throwIfAborted();
        const info = await readProcess(`${procFolder}/${pid}`, userNames);
        if (info !== null) found.push(info);
      }
    };
    await Promise.all(Array.from({ length: readsAtOnce }, worker));
    return found;
  };

/** Null for a zombie, and for a process that ended while it was read. */
const readProcess = async (folder: string, userNames: ReadonlyMap<string, string>): Promise<ProcessInfo | null> => {
  const state = await readStat(folder);
  if (state === null || state.isZombie) return null;
  const [commandLine, executable, owner] = await Promise.all([
    readCommandLine(folder),
    // Of other users' processes only root may follow this link.
    orNull(readlink(`${folder}/exe`)),
    orNull(stat(folder)),
  ]);
  const argument = commandLine?.split('\0', 1)[0] ?? '';
  const names = new Set([state.name, basename(argument)]);
  // The kernel marks the program of a process that was updated under it.
  if (executable !== null) names.add(basename(executable.replace(/ \(deleted\)$/, '')));
  const user = owner === null ? null : String(owner.uid);
  const userName = user === null ? undefined : userNames.get(user);
  return {
    names: [...names].filter((name) => name !== ''),
    commandLine: (commandLine ?? '').replaceAll('\0', ' ').trim(),
    users: [user, userName].filter((text) => typeof text === 'string'),
  };
};

/** proc_pid_stat(5): `pid (name) state …`; the name may itself contain blanks and brackets. */
const readStat = async (folder: string): Promise<{ readonly name: string; readonly isZombie: boolean } | null> => {
  const text = await orNull(readFile(`${folder}/stat`, 'utf8'));
  const match = text === null ? null : /^\d+ \((.*)\) (\S)/s.exec(text);
  return match === null ? null : { name: match[1] ?? '', isZombie: match[2] === 'Z' || match[2] === 'X' };
};

const readCommandLine = async (folder: string): Promise<string | null> => {
  const file = await orNull(open(`${folder}/cmdline`));
  if (file === null) return null;
  try {
    const buffer = Buffer.alloc(commandLineBytesMax);
    const read = await orNull(file.read(buffer, 0, buffer.length, 0));
    return read === null ? null : buffer.toString('utf8', 0, read.bytesRead);
  } finally {
    await file.close();
  }
};

/** passwd(5): name and number of local users; those of a directory service are known by number only. */
const readUserNames = async (passwdFile: string): Promise<ReadonlyMap<string, string>> => {
  const text = (await orNull(readFile(passwdFile, 'utf8'))) ?? '';
  const rows = text.split('\n').map((line) => line.split(':'));
  return new Map(rows.flatMap(([name, , user]) => (name && user ? [[user, name] as const] : [])));
};

/** Null instead of an error: a file of /proc vanishes with its process, and may be closed to the agent. Both are normal. */
const orNull = <T>(promise: Promise<T>): Promise<T | null> => promise.catch(() => null);
