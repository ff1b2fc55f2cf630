import { parseArgs } from 'node:util';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { labelNamePattern } from '@jiwei/shared/series.ts';
import { hourMs } from '@jiwei/shared/time.ts';

/** How a collector is started. Everything about what is monitored stands in the declaration instead. */
export interface ServeOptions {
  /** Folder of the database and nothing else. */
  readonly dataFolder: string;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Declaration that comes into force when it changes, also while the collector was away; null leaves it to `collector apply`. */
  readonly declarationFile: string | null;
  /** PEM files; both or neither. */
  readonly tls: {
    readonly certificateFile: string;
    readonly keyFile: string;
    /** Authorities of the certificates that agents must show; null when they need none. */
    readonly clientCaFile: string | null;
  } | null;
  /** Allows plain HTTP on other than loopback addresses. */
  readonly allowsPlainHttp: boolean;
  /** Agents bind their proof to the TLS connection; false where something before the collector ends TLS and makes it anew. */
  readonly bindsChannel: boolean;
  readonly metricsAddresses: readonly string[];
  readonly metricsTokenFile: string | null;
  /** Where to leave a join token for the agent on this machine while none is enrolled under that name. */
  readonly localAgentTokenFile: string | null;
  /** The database grows no further. */
  readonly storeBytesMax: number;
  readonly heartbeatMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly logLevel: string;
}

/** The running collector that a command calls. */
export interface CalledCollector {
  readonly url: string;
  readonly tokenFile: string | null;
  /** PEM of the only authorities whose certificates are accepted; null leaves it to those Node knows. */
  readonly caFile: string | null;
}

/** What a person can do with one agent. */
export const agentActs = ['approve', 'refuse', 'revoke', 'rekey'] as const;
export type AgentAct = (typeof agentActs)[number];

/** What the program is asked to do. */
export type Command =
  | { readonly kind: 'serve'; readonly options: ServeOptions }
  | ({ readonly kind: 'apply'; readonly file: string } & CalledCollector)
  | { readonly kind: 'check'; readonly file: string }
  | { readonly kind: 'backup' | 'restore'; readonly file: string; readonly dataFolder: string }
  | { readonly kind: 'verify'; readonly dataFolder: string }
  | ({
      readonly kind: 'join-token';
      readonly zone: string | null;
      readonly labels: Readonly<Record<string, string>>;
      readonly uses: number;
      readonly lifetimeMs: number;
      readonly needsApproval: boolean;
    } & CalledCollector)
  | ({ readonly kind: 'agents'; readonly act: { readonly act: AgentAct; readonly id: string } | null } & CalledCollector)
  | ({ readonly kind: 'join-tokens'; readonly revokeId: string | null } & CalledCollector)
  | ({ readonly kind: 'admin-token' } & (
      | ({ readonly act: 'renew' } & CalledCollector)
      | { readonly act: 'reset'; readonly dataFolder: string }
    ))
  | ({ readonly kind: 'heartbeat-addresses'; readonly keepMs: number } & CalledCollector)
  | { readonly kind: 'help' }
  | { readonly kind: 'version' };

const gib = 1024 ** 3;
const storeGibDefault = limits.storeBytesDefault / gib;
/** Pages of SQLite are counted with 32 bits: 16 TiB of 4 KiB each. */
const storeGibMost = 16 * 1024 - 1;

export const usage = `collector: takes in agents' measurements, computes availability, raises and times incidents

  collector serve [options]          run (the default)
  collector check FILE               check a declaration without applying it
  collector apply FILE [--url URL]   apply a declaration to a running collector
  collector join-token [--url URL] [--zone ID] [--label NAME=VALUE …] [--uses N] [--hours N] [--approval]
                                     make a token with which agents enrol, of a zone and with labels; with --approval
                                     each waits for a person
  collector join-tokens [revoke ID]  list join tokens, or revoke one
  collector agents [approve|refuse|revoke|rekey ID]
                                     list agents; let one in that waits, refuse it, shut one out, give one a new key
  collector admin-token renew        make a new admin token; the one before ends
  collector admin-token reset [--data DIR]
                                     the same for a token that was lost, while the collector is stopped
  collector heartbeat-addresses renew [--keep-hours N]
                                     give all heartbeats new addresses; the ones before stay good N hours (default 24)
  collector backup FILE [--data DIR] copy the database into FILE, also while the collector runs
  collector restore FILE [--data DIR]
                                     verify a backup and put it in the place of the database, which is kept beside it
  collector verify [--data DIR]      look at all that is stored for damage, also while the collector runs

  --data DIR                folder of the database (default ./data)
  --listen HOST:PORT        address of API, page, metrics and agents (default 127.0.0.1:7070)
  --declaration FILE        what to monitor, in YAML; comes into force when it changes, and not before
  --tls-cert FILE --tls-key FILE
                            serve HTTPS; read again when they change; needed outside loopback …
  --allow-plain-http        … unless a proxy in front of it does that
  --client-ca FILE          PEM of authorities: agents must show a certificate of theirs as well (mutual TLS)
  --no-channel-binding      a proxy ends TLS and makes it anew: do not demand that agents bind their proof to the connection
  --metrics-allow ADDRESS   address or CIDR block that may read /metrics (repeatable)
  --metrics-token-file FILE token that may read /metrics
  --local-agent-token FILE  leave a join token here for the agent of this machine
  --store-gib N             disk for the database, GiB; past it nothing more is taken in (default ${storeGibDefault})
  --heartbeat-ms N          heartbeat of agents (default ${limits.heartbeatMs})
  --heartbeat-timeout-ms N  silence after which an agent is lost (default ${limits.heartbeatTimeoutMs})
  --url URL, --token-file FILE
                            for commands: the collector (default http://127.0.0.1:7070) and a file with
                            the admin token (default: the environment variable JIWEI_ADMIN_TOKEN)
  --ca FILE                 for commands: PEM of the only authorities that may have signed the collector's
                            certificate (default: those Node knows)
  --log-level LEVEL         trace, debug, info (default), warn, error
`;

const optionTypes = {
  data: { type: 'string', default: './data' },
  listen: { type: 'string', default: '127.0.0.1:7070' },
  declaration: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'client-ca': { type: 'string' },
  'allow-plain-http': { type: 'boolean', default: false },
  'no-channel-binding': { type: 'boolean', default: false },
  'metrics-allow': { type: 'string', multiple: true },
  'metrics-token-file': { type: 'string' },
  'local-agent-token': { type: 'string' },
  'store-gib': { type: 'string', default: String(storeGibDefault) },
  'heartbeat-ms': { type: 'string', default: String(limits.heartbeatMs) },
  'heartbeat-timeout-ms': { type: 'string', default: String(limits.heartbeatTimeoutMs) },
  url: { type: 'string', default: 'http://127.0.0.1:7070' },
  'token-file': { type: 'string' },
  ca: { type: 'string' },
  zone: { type: 'string' },
  label: { type: 'string', multiple: true },
  uses: { type: 'string', default: '1' },
  hours: { type: 'string', default: '1' },
  approval: { type: 'boolean', default: false },
  'keep-hours': { type: 'string', default: '24' },
  'log-level': { type: 'string', default: 'info' },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
} as const;

/**
 * @param argv arguments after the program
 * @throws AppError CONFIG_INVALID naming the argument and what is needed
 */
export const parseCommand = (argv: readonly string[]): Command => {
  const { values, positionals } = parseOrRefuse(argv);
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  const [name = 'serve', file, id] = positionals;
  const tooMuch = positionals.slice(wordCounts[name] ?? 1);
  if (tooMuch.length > 0) throw new AppError('CONFIG_INVALID', `${name}: "${tooMuch.join(' ')}" is too much; see --help`);
  switch (name) {
    case 'serve':
      return { kind: 'serve', options: serveOptions(values) };
    case 'apply':
      return { kind: 'apply', file: needed(file, 'collector apply'), ...calledCollector(values) };
    case 'check':
      return { kind: 'check', file: needed(file, 'collector check') };
    case 'backup':
    case 'restore':
      return { kind: name, file: needed(file, `collector ${name}`), dataFolder: values.data };
    case 'verify':
      return { kind: 'verify', dataFolder: values.data };
    case 'join-token':
      return {
        kind: 'join-token',
        ...calledCollector(values),
        zone: values.zone ?? null,
        labels: labelsOf(values.label ?? []),
        uses: wholeNumber('--uses', values.uses, 1, limits.joinTokenUsesMax),
        lifetimeMs: wholeNumber('--hours', values.hours, 1, limits.joinTokenMsMax / hourMs) * hourMs,
        needsApproval: values.approval,
      };
    case 'join-tokens':
      return { kind: 'join-tokens', ...calledCollector(values), revokeId: revokedToken(file, id) };
    case 'admin-token':
      return { kind: 'admin-token', ...adminTokenAct(file, values) };
    case 'heartbeat-addresses':
      if (file !== 'renew') throw new AppError('CONFIG_INVALID', 'collector heartbeat-addresses: "renew" must follow');
      return {
        kind: 'heartbeat-addresses',
        ...calledCollector(values),
        keepMs: wholeNumber('--keep-hours', values['keep-hours'], 0, 24 * 31) * hourMs,
      };
    case 'agents':
      return { kind: 'agents', ...calledCollector(values), act: agentAct(file, id) };
    default:
      throw new AppError('CONFIG_INVALID', `"${name}" is no command; known are ${commandNames.join(', ')}`);
  }
};

const commandNames = [
  ...['serve', 'check', 'apply', 'join-token', 'join-tokens', 'agents', 'admin-token', 'heartbeat-addresses'],
  ...['backup', 'restore', 'verify'],
];
/** Words that may follow the program's name, where more than the command itself. */
const wordCounts: Readonly<Record<string, number>> = {
  ...{ apply: 2, check: 2, backup: 2, restore: 2, 'admin-token': 2, 'heartbeat-addresses': 2 },
  ...{ agents: 3, 'join-tokens': 3 },
};

const revokedToken = (word: string | undefined, id: string | undefined): string | null => {
  if (word === undefined) return null;
  if (word === 'revoke' && id !== undefined) return id;
  throw new AppError('CONFIG_INVALID', 'collector join-tokens: nothing, or "revoke ID", may follow');
};

const adminTokenAct = (word: string | undefined, values: Values) => {
  if (word === 'renew') return { act: 'renew' as const, ...calledCollector(values) };
  if (word === 'reset') return { act: 'reset' as const, dataFolder: values.data };
  throw new AppError('CONFIG_INVALID', 'collector admin-token: "renew" or "reset" must follow');
};

const agentAct = (word: string | undefined, id: string | undefined): { readonly act: AgentAct; readonly id: string } | null => {
  if (word === undefined) return null;
  const act = agentActs.find((known) => known === word);
  if (act !== undefined && id !== undefined) return { act, id };
  throw new AppError(
    'CONFIG_INVALID',
    `collector agents: nothing, or one of ${agentActs.join(', ')} with the agent's id, may follow`,
  );
};

type Values = ReturnType<typeof parseOrRefuse>['values'];

/** The parser adds advice on quoting after the first sentence, which only confuses here. */
const firstSentence = (text: string): string => text.split('. ')[0] ?? text;

const parseOrRefuse = (argv: readonly string[]) => {
  try {
    return parseArgs({ args: [...argv], options: optionTypes, allowPositionals: true, strict: true });
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `${firstSentence(messageOf(error))}; see --help`, { cause: error });
  }
};

const needed = (file: string | undefined, command: string): string => {
  if (file === undefined) throw new AppError('CONFIG_INVALID', `${command}: name the file`);
  return file;
};

const wholeNumber = (option: string, text: string, least: number, most: number): number => {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new AppError('CONFIG_INVALID', `${option} is "${text}"; a whole number from ${least} to ${most} is needed`);
};

/** `name=value`, each name once. */
const labelsOf = (texts: readonly string[]): Readonly<Record<string, string>> => {
  const labels = new Map<string, string>();
  for (const text of texts) {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    if (!labelNamePattern.test(name))
      throw new AppError('CONFIG_INVALID', `--label is "${text}"; NAME=VALUE is needed, the name of letters, digits and "_"`);
    if (labels.has(name)) throw new AppError('CONFIG_INVALID', `--label ${name} is given twice; each name once is needed`);
    labels.set(name, value);
  }
  if (labels.size > limits.labelsPerSeriesMax)
    throw new AppError('CONFIG_INVALID', `--label is given ${labels.size} times; at most ${limits.labelsPerSeriesMax} are taken`);
  return Object.fromEntries(labels);
};

const collectorUrl = (text: string): string => {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new AppError('CONFIG_INVALID', `--url is "${text}"; an address such as http://127.0.0.1:7070 is needed`);
};

const calledCollector = (values: Values): CalledCollector => ({
  url: collectorUrl(values.url),
  tokenFile: values['token-file'] ?? null,
  caFile: values.ca ?? null,
});

const logLevels = ['trace', 'debug', 'info', 'warn', 'error'];
const logLevel = (text: string): string => {
  if (logLevels.includes(text)) return text;
  throw new AppError('CONFIG_INVALID', `--log-level is "${text}"; one of ${logLevels.join(', ')} is needed`);
};

const serveOptions = (values: Values): ServeOptions => {
  const address = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]]+)):(?<port>\d{1,5})$/.exec(values.listen)?.groups;
  const host = address?.['v6'] ?? address?.['host'];
  if (host === undefined)
    throw new AppError(
      'CONFIG_INVALID',
      `--listen is "${values.listen}"; HOST:PORT is needed, such as 127.0.0.1:7070 or [::1]:7070`,
    );
  const certificateFile = values['tls-cert'];
  const keyFile = values['tls-key'];
  if ((certificateFile === undefined) !== (keyFile === undefined))
    throw new AppError('CONFIG_INVALID', '--tls-cert and --tls-key go together');
  const clientCaFile = values['client-ca'] ?? null;
  if (clientCaFile !== null && certificateFile === undefined)
    throw new AppError('CONFIG_INVALID', '--client-ca needs --tls-cert and --tls-key');
  const tls = certificateFile === undefined || keyFile === undefined ? null : { certificateFile, keyFile, clientCaFile };
  const allowsPlainHttp = values['allow-plain-http'];
  if (tls === null && !allowsPlainHttp && !isLoopbackName(host)) {
    throw new AppError(
      'CONFIG_INVALID',
      `--listen ${values.listen} is reached by others: give --tls-cert and --tls-key, or --allow-plain-http when a proxy encrypts`,
    );
  }
  const heartbeatMs = wholeNumber('--heartbeat-ms', values['heartbeat-ms'], 100, 600_000);
  return {
    dataFolder: values.data,
    host,
    port: wholeNumber('--listen (port)', address?.['port'] ?? '', 0, 65_535),
    declarationFile: values.declaration ?? null,
    tls,
    allowsPlainHttp,
    bindsChannel: !values['no-channel-binding'],
    metricsAddresses: values['metrics-allow'] ?? [],
    metricsTokenFile: values['metrics-token-file'] ?? null,
    localAgentTokenFile: values['local-agent-token'] ?? null,
    storeBytesMax: wholeNumber('--store-gib', values['store-gib'], 1, storeGibMost) * gib,
    heartbeatMs,
    heartbeatTimeoutMs: wholeNumber('--heartbeat-timeout-ms', values['heartbeat-timeout-ms'], 2 * heartbeatMs, 3_600_000),
    logLevel: logLevel(values['log-level']),
  };
};

const isLoopbackName = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
