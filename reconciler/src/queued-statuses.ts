/** How many statuses wait for each host, for the metrics: the sources know it each for itself. */
import type { Metrics } from './ports.ts';

export class QueuedStatuses {
  readonly #metrics: Pick<Metrics, 'outboxQueued'>;
  /** Hosts that were told of: what waits for them no longer is told, too. */
  readonly #hosts = new Set<string>();

  constructor(metrics: Pick<Metrics, 'outboxQueued'>) {
    this.#metrics = metrics;
  }

  /** Of each source, where it has a host. */
  tell(sources: Iterable<{ readonly host: string; readonly statuses: number } | undefined>): void {
    const sums = new Map([...this.#hosts].map((host) => [host, 0]));
    for (const one of sources) if (one !== undefined) sums.set(one.host, (sums.get(one.host) ?? 0) + one.statuses);
    for (const [host, statuses] of sums) {
      this.#hosts.add(host);
      this.#metrics.outboxQueued(host, statuses);
    }
  }
}
