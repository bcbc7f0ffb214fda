/** Telemetry of the cluster: what a what-if replays. */
import type { TelemetryReading } from '@parapet/policy';

/** Recorded telemetry: what happened in the cluster, as the agents or KubeArmor told it. */
export interface Telemetry {
  /**
   * Gives `take` everything that happened since a time, milliseconds since the epoch, in any order; what is no record too, as a fault. Rejects
   * with the signal's reason only: the world's failures are in the result.
   */
  recorded(since: number, take: (reading: TelemetryReading) => void, signal: AbortSignal): Promise<Recorded>;
}

/**
 * `from` is when that which was read begins, milliseconds since the epoch: later than it was asked for where less was recorded or there is too
 * much of it, `undefined` where nothing was.
 */
export type Recorded = { readonly kind: 'read'; readonly from: number | undefined } | { readonly kind: 'failed'; readonly message: string };
