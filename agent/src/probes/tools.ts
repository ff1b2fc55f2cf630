import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { platform } from 'node:os';
import type { Clock } from '@jiwei/shared/clock.ts';
import { createEcho, type Echo } from './icmp/echo.ts';
import { createFpingTool } from './icmp/fping-tool.ts';
import { createPingTool } from './icmp/ping-tool.ts';
import { runTool } from './icmp/run-tool.ts';
import { createNamedFileReader, type ReadNamedFile } from './named-file.ts';
import { createPatternRunner, type PatternRunner } from './pattern.ts';
import { type ListProcesses, listProcessesFromProc } from './process/proc-scan.ts';
import { listProcessesFromSystem } from './process/system-list.ts';
import { createTargetGuard, type TargetGuard } from './target-guard.ts';

/** State of a unit in the words of systemd: `load` loaded, not-found, masked …; `active` active, failed …; `sub` running, dead … */
export interface UnitState {
  readonly load: string;
  readonly active: string;
  readonly sub: string;
}

/** Null where there is no systemd to ask; rejects when the signal fires. */
export type ReadUnitState = (name: string, signal: AbortSignal) => Promise<UnitState | null>;

/** What probes share, and what belongs to the host they run on. Made once, closed never: nothing in it outlives its requests. */
export interface ProbeTools {
  /** All addresses of a name, as the host's resolver orders them; cannot be cancelled. */
  readonly lookup: (host: string) => Promise<readonly LookupAddress[]>;
  readonly echo: Echo;
  readonly patterns: PatternRunner;
  readonly listProcesses: ListProcesses;
  readonly readNamedFile: ReadNamedFile;
  readonly unitState: ReadUnitState;
  /** Says of each address whether it may be asked. */
  readonly targets: TargetGuard;
}

/** The tools of this machine. */
export const createProbeTools = (options: { readonly clock: Clock; readonly unitState: ReadUnitState }): ProbeTools => ({
  lookup: (host) => lookup(host, { all: true }),
  echo: createEcho({ clock: options.clock, ping: createPingTool(runTool), fping: createFpingTool(runTool, options.clock) }),
  patterns: createPatternRunner(),
  listProcesses:
    platform() === 'linux' ? listProcessesFromProc({ procFolder: '/proc', passwdFile: '/etc/passwd' }) : listProcessesFromSystem,
  readNamedFile: createNamedFileReader(),
  unitState: options.unitState,
  targets: createTargetGuard(),
});
