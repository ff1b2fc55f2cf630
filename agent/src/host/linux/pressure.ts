import type { MetricDoc } from '@jiwei/shared/series.ts';
import { systemCodeOf } from '../missing.ts';
import { describe, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const microsecondsPerSecond = 1_000_000;
const resource = (some: MetricDoc, full: MetricDoc | null) => ({ some, full });
const counter = (name: string, help: string) => describe(`node_pressure_${name}_seconds_total`, 'counter', help);

/** The kernel tells "full" for cpu as well since 5.13, always 0 for the whole system; node_exporter leaves it out. */
const resources = {
  cpu: resource(counter('cpu_waiting', 'Total time in seconds that processes have waited for CPU time'), null),
  io: resource(
    counter('io_waiting', 'Total time in seconds that processes have waited due to IO congestion'),
    counter('io_stalled', 'Total time in seconds no process could make progress due to IO congestion'),
  ),
  memory: resource(
    counter('memory_waiting', 'Total time in seconds that processes have waited for memory'),
    counter('memory_stalled', 'Total time in seconds no process could make progress due to memory congestion'),
  ),
} as const;

/** Pressure stall information (kernel 4.20 and later, Documentation/accounting/psi.rst). */
export const pressureReader: Reader = {
  name: 'pressure',
  metrics: Object.values(resources).flatMap(({ some, full }) => (full === null ? [some] : [some, full])),
  everyMs: 0,
  open: ({ files, roots }) => {
    return async (sink) => {
      const found = await Promise.all(
        Object.entries(resources).map(async ([name, { some, full }]) => {
          try {
            const path = `${roots.proc}/pressure/${name}`;
            return await files.read(path, 'whole', (scanner) => parsePressure(scanner, sink, some, full));
          } catch (error) {
            // Built in, but switched off at boot (psi=0, the default of several distributions): EOPNOTSUPP, at read.
            if (systemCodeOf(error) === 'ENOTSUP') return null;
            throw error;
          }
        }),
      );
      return found.some((one) => one !== null);
    };
  },
};

/** Lines as `some avg10=0.00 avg60=0.00 avg300=0.00 total=109264609`, total in microseconds. */
export const parsePressure = (scanner: Scanner, sink: Sink, some: MetricDoc, full: MetricDoc | null): void => {
  for (; !scanner.isAtEnd; scanner.nextLine()) {
    const kind = scanner.word();
    const doc = kind === 'some' ? some : kind === 'full' ? full : null;
    if (doc === null || scanner.until('total=') === null) continue;
    sink.put(doc, scanner.number() / microsecondsPerSecond);
  }
};
