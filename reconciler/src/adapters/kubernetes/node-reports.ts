/** Every NodeReport in the cluster, kept up to date by a watch. */
import type { NodeReportHandlers, NodeReports } from '../../readiness-ports.ts';
import type { Connection } from './connection.ts';
import { REPORTS_PATH } from './kinds.ts';
import { watchObjects } from './watch.ts';
import type { StoredMetadata } from '../../api-object.ts';

/** A report may be a megabyte, and what is read of a page is in memory at once: five take no longer than twenty. */
const PAGE = 5;
/** Milliseconds. Agents write their reports again every few seconds, so that hardly anything stays unseen: a list is for lost news of nodes that went. */
const RELIST = 3_600_000;

export interface NodeReportsOptions {
  readonly connection: Connection;
  readonly onBroken?: (why: string) => void;
}

export class KubernetesNodeReports implements NodeReports {
  readonly #options: NodeReportsOptions;

  constructor(options: NodeReportsOptions) {
    this.#options = options;
  }

  async watch(handlers: NodeReportHandlers, signal: AbortSignal): Promise<void> {
    const { connection, onBroken } = this.#options;
    await watchObjects(
      { connection, path: REPORTS_PATH, page: PAGE, relist: RELIST },
      {
        onObject: (object) => handlers.onReport(object.metadata.name, object, writtenAt(object.metadata)),
        onGone: (key) => handlers.onGone(key.replace(/^\//, '')),
        onSynced: () => handlers.onSynced(),
        onBroken: (why) => onBroken?.(why),
      },
      signal,
    );
  }
}

/** The newest of what the server notes of each writer. */
function writtenAt({ managedFields = [] }: StoredMetadata): number | undefined {
  const times = managedFields.map(({ time = '' }) => Date.parse(time)).filter((time) => !Number.isNaN(time));
  return times.length === 0 ? undefined : Math.max(...times);
}
