import type { SampleRow } from '@jiwei/shared/protocol/samples.ts';
import type { Series } from '@jiwei/shared/series.ts';
import type { ReaderFault } from '../host/collector.ts';

/** Where the samples of this host come from: agent/src/host, or a simulated host. */
export interface HostSource {
  /** Every series named so far in the order of their indexes; it grows, and what is in it stays. */
  readonly series: readonly Series[];
  /** What of the host is read from now on: names of collectors, `all`, `essential`; null: all. */
  choose?(collectors: readonly string[] | null): void;
  /** Reads the host once. Parts that cannot be read are left out and named in `errors`. */
  collect(signal: AbortSignal): Promise<SampleRow & { readonly errors: readonly ReaderFault[] }>;
}
