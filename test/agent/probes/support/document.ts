import { z } from 'zod';
import { probeKindNames, probeKinds } from '../../../../shared/src/probes/registry.ts';

/** The part of a JSON schema that the document shows. */
interface Property {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Property>>;
  readonly items?: Property;
}

/** docs/probes.md, written from the schemas of every kind. */
export const renderProbes = (): string => {
  const sections = probeKindNames.map((kind) => {
    const { summary, spec, metrics } = probeKinds[kind];
    // `as`: the shape of zod's own output, of which only the fields above are read.
    const schema = z.toJSONSchema(spec, { io: 'input' }) as {
      properties?: Record<string, Property>;
      required?: readonly string[];
    };
    const options = Object.entries(schema.properties ?? {}).map(([name, property]) => {
      const isRequired = schema.required?.includes(name) ?? false;
      return `| \`${name}\` | ${typeOf(property)} | ${isRequired ? 'required' : defaultOf(property)} | ${cell(property.description ?? '')} |`;
    });
    const series = metrics.map(
      ({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.join(', ')} | ${cell(help)} |`,
    );
    return [
      `## ${kind}\n\n${summary}\n`,
      `| option | type | default | meaning |\n|---|---|---|---|\n${options.join('\n')}\n`,
      series.length === 0 ? '' : `| series | type | labels | meaning |\n|---|---|---|---|\n${series.join('\n')}\n`,
    ]
      .filter((part) => part !== '')
      .join('\n');
  });
  return `${introduction}\n${sections.join('\n')}`;
};

const introduction = `# Probes

Written from the schemas in \`shared/src/probes\`; a test compares. Unknown options are refused.

Every check also has \`probe_success\` (1 for up and degraded) and, but for heartbeats, \`probe_duration_seconds\`: the latency, or how long it took until it was
given up where no answer came. Names are those of blackbox_exporter where it has them, so that dashboards and rules made for it work unchanged.
What the answer of a run can be is in [reasons.md](reasons.md).

- **Deadline.** A run that has no complete answer after the check's \`timeoutMs\` is down with TIMEOUT; its connections and helper processes
  are closed at that moment.
- **Patterns** are ECMAScript regular expressions with flag u. One that needs longer than 250 ms is stopped and reported as PROBE_ERROR.
- **Cloud metadata addresses** (169.254.169.254 and the like, listed in \`agent/src/probes/metadata-address.ts\`) and all link-local ones are refused by every probe
  with NOT_PERMITTED, also after a name look-up or a redirect.
- **Ping** needs the program \`ping\` or \`fping\` with the right to open its socket. Up to 3 targets that are
  due within 50 ms get a \`ping\` each; more go to one \`fping\` with up to 100 targets. Where neither may be used, a TCP connection is
  tried. The result's \`method\` says which it was.
- **Many pings.** The checks of kind icmp with one interval are due in batches, some 64 at each of as many instants as it takes: 1,000 targets
  are 16 processes an interval. Each sends a packet each 2 ms, at most 500 a second (0.4 Mbit/s on Ethernet), the requests to one target 200 ms
  apart: 1,000 targets with 3 requests every 20 s are 150 packets a second on average, and 340 while a batch is sent. Hosts with more than a few
  of them need \`fping\`: with \`ping\` alone each is a process. Each result is told when its own target has answered or was given up, by its own deadline, and is of the time at which its own first
  request was sent. IPv4 and IPv6, and checks with a different \`count\`, go to processes of their own. When fping is killed or hangs, targets it
  had not told of are PROBE_ERROR, which says nothing about them.
- **Processes.** On Linux \`user\` may be a name of /etc/passwd; users of a directory service are written as their number. Of other users'
  processes an agent that is not root knows the name only as their first argument and as the kernel keeps it, cut to 15 bytes.
`;

const typeOf = (property: Property): string => {
  if (property.enum !== undefined) return property.enum.map((value) => `\`${String(value)}\``).join(', ');
  const { type = 'any', minimum, maximum, items } = property;
  if (type === 'array')
    return `list${items?.properties === undefined ? '' : ` of {${Object.keys(items.properties).join(', ')}}`}`;
  if (minimum === undefined || maximum === undefined) return type;
  return `${type} ${minimum} to ${maximum}`;
};

const defaultOf = ({ default: value }: Property): string => (value === undefined ? 'none' : `\`${JSON.stringify(value)}\``);

const cell = (text: string): string => text.replaceAll('|', '\\|');
