import { parseArgs } from 'node:util';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { declaredIdPattern } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { type LogLevel, logLevels } from './log.ts';

/** What the command line and the environment say. */
export interface AgentOptions {
  /** `wss://host[:port]`, or `ws://host[:port]` where that is allowed. */
  readonly collector: URL;
  readonly stateFolder: string;
  readonly joinTokenFile: string | null;
  readonly joinToken: string | null;
  readonly wantedId: string | null;
  readonly caFile: string | null;
  /** The first connection may be to a collector whose authority nobody vouches for; it is pinned then. */
  readonly trustsFirstUse: boolean;
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
  /** Bound of the spool on disk. */
  readonly spoolBytesMax: number;
  readonly logLevel: LogLevel;
}

const mib = 1024 * 1024;
/** Fewer hold less than an hour of what a host with many containers measures; more than this is a wrong unit. */
const spoolMibRange = { least: 8, most: 1024 * 1024 } as const;
const spoolMibDefault = limits.spoolBytesDefault / mib;

/** What to do: run, or print something and end. */
export type Command =
  | { readonly kind: 'run'; readonly options: AgentOptions }
  /** Tell what this host is, and end. */
  | { readonly kind: 'inventory' }
  | { readonly kind: 'rekey'; readonly stateFolder: string }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' };

export const helpText = `jiwei agent: measures this host, asks checks, and streams both to a collector

  agent [options]          run
  agent rekey --state DIR  make a new key for the same agent; its next start proves both to the collector

  --collector URL          where the collector is: wss://host[:port], or https:// (JIWEI_COLLECTOR)
  --state DIR              folder for key, last configuration and unsent data; default ./agent-state (JIWEI_STATE)
  --join-token-file FILE   file with the token that enrols this agent at its first start (or JIWEI_JOIN_TOKEN)
  --id NAME                name to ask for at enrolment; default: the collector makes one of the host name (JIWEI_AGENT_ID)
  --ca FILE                PEM with the only certificate authorities to trust; default: those of the system (JIWEI_CA)
  --trust-first-use        without --ca: trust whatever authority the first connection meets, and no other from then on
  --cert FILE --key FILE   PEM of a client certificate and its key, where one is asked for (JIWEI_CERT, JIWEI_KEY)
  --insecure               allow ws:// to other hosts: whoever is on the way can read and change everything
  --spool-mib N            disk for what is not yet sent, MiB; then the oldest is dropped; default ${spoolMibDefault} (JIWEI_SPOOL_MIB)
  --log-level LEVEL        debug, info, warn or error; default info (JIWEI_LOG_LEVEL)
  --inventory              print what is known of this host as JSON, and end
  --help, --version

A proxy is taken from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY.
`;

const invalid = (message: string): AppError => new AppError('CONFIG_INVALID', message);

/**
 * Reads the command line; where an option is not given, the environment.
 * @param words without the names of Node and of the program
 * @throws CONFIG_INVALID naming the option
 */
export const readCommand = (words: readonly string[], environment: Readonly<Record<string, string | undefined>>): Command => {
  const { values, positionals } = parse(words);
  if (values.help === true) return { kind: 'help' };
  if (values.version === true) return { kind: 'version' };
  if (values.inventory === true) return { kind: 'inventory' };
  const pick = (value: string | undefined, variable: string): string | null => {
    const text = value ?? environment[variable] ?? '';
    return text === '' ? null : text;
  };
  const stateFolder = pick(values.state, 'JIWEI_STATE') ?? './agent-state';
  const [command, ...more] = positionals;
  if (command === 'rekey' && more.length === 0) return { kind: 'rekey', stateFolder };
  if (command !== undefined) throw invalid(`"${positionals.join(' ')}" is no command; "rekey" is the only one (see --help)`);
  const logLevel = pick(values['log-level'], 'JIWEI_LOG_LEVEL') ?? 'info';
  const wantedId = pick(values.id, 'JIWEI_AGENT_ID');
  const options: AgentOptions = {
    collector: readCollector(pick(values.collector, 'JIWEI_COLLECTOR'), values.insecure === true),
    stateFolder,
    joinTokenFile: pick(values['join-token-file'], 'JIWEI_JOIN_TOKEN_FILE'),
    joinToken: pick(undefined, 'JIWEI_JOIN_TOKEN'),
    wantedId,
    caFile: pick(values.ca, 'JIWEI_CA'),
    trustsFirstUse: values['trust-first-use'] === true,
    certificateFile: pick(values.cert, 'JIWEI_CERT'),
    keyFile: pick(values.key, 'JIWEI_KEY'),
    spoolBytesMax: readSpoolMib(pick(values['spool-mib'], 'JIWEI_SPOOL_MIB')) * mib,
    logLevel: logLevels.find((level) => level === logLevel) ?? failLevel(logLevel),
  };
  if (wantedId !== null && !declaredIdPattern.test(wantedId)) {
    throw invalid(`--id is "${wantedId}"; 1 to 64 of a-z, 0-9, ".", "_" and "-" are allowed, beginning with a letter or digit`);
  }
  if ((options.certificateFile === null) !== (options.keyFile === null)) throw invalid('--cert and --key are needed together');
  return { kind: 'run', options };
};

const failLevel = (level: string): never => {
  throw invalid(`--log-level is "${level}"; one of ${logLevels.join(', ')} is needed`);
};

const readSpoolMib = (text: string | null): number => {
  const { least, most } = spoolMibRange;
  const number = text === null ? spoolMibDefault : Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw invalid(`--spool-mib is "${text}"; a whole number from ${least} to ${most} is needed`);
};

const parse = (words: readonly string[]) => {
  try {
    return parseArgs({
      args: [...words],
      options: {
        collector: { type: 'string' },
        state: { type: 'string' },
        'join-token-file': { type: 'string' },
        id: { type: 'string' },
        ca: { type: 'string' },
        'trust-first-use': { type: 'boolean' },
        cert: { type: 'string' },
        key: { type: 'string' },
        insecure: { type: 'boolean' },
        inventory: { type: 'boolean' },
        'spool-mib': { type: 'string' },
        'log-level': { type: 'string' },
        help: { type: 'boolean' },
        version: { type: 'boolean' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw invalid(`${messageOf(error)} (see --help)`);
  }
};

const loopbackPattern = /^(localhost|127(\.\d+){3}|\[::1\])$/;

const readCollector = (text: string | null, isInsecureAllowed: boolean): URL => {
  if (text === null) throw invalid('--collector is missing; wss://host[:port] of the collector is needed');
  const url = URL.parse(text.replace(/^http(s?):/, 'ws$1:'));
  if (url === null || (url.protocol !== 'ws:' && url.protocol !== 'wss:')) {
    throw invalid(`--collector is "${text}"; wss://host[:port] or https://host[:port] is needed`);
  }
  if (url.username !== '' || url.password !== '')
    throw invalid('--collector must not hold a user or password: the agent has its own key');
  if (url.protocol === 'ws:' && !isInsecureAllowed && !loopbackPattern.test(url.hostname)) {
    throw invalid(`--collector is "${text}", which is not encrypted; use wss://, or say --insecure if nobody else is on the way`);
  }
  return url;
};
