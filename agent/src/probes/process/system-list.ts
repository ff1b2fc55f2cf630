import { orAborted } from '@jiwei/shared/or-aborted.ts';
import type { ListProcesses } from './proc-scan.ts';

/** Through systeminformation, for Windows and macOS: it starts a helper program of the system, whose time the deadline bounds. */
export const listProcessesFromSystem: ListProcesses = async (signal) => {
  // Loaded when first needed: on Linux, where most agents run, the library would only take memory here.
  const { processes } = await import('systeminformation');
  const { list } = await orAborted(processes(), signal);
  return list
    .filter((process) => process.state !== 'zombie')
    .map((process) => ({
      // Windows names carry their ending; people write either.
      names: [...new Set([process.name, process.name.replace(/\.exe$/i, '')])],
      commandLine: [process.command, process.params].filter((text) => text !== '').join(' '),
      users: process.user === '' ? [] : [process.user],
    }));
};
