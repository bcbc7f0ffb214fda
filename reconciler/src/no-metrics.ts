/** Metrics that nobody reads. */
import type { Metrics } from './ports.ts';

const nothing = (): void => undefined;

export const NO_METRICS: Metrics = {
  runEnded: nothing,
  stageEnded: nothing,
  policies: nothing,
  ready: nothing,
  succeeded: nothing,
  forget: nothing,
  drifted: nothing,
  pruneBlocked: nothing,
  synthCache: nothing,
  outboxQueued: nothing,
  outboxAnswered: nothing,
  webhook: nothing,
  watchRestarted: nothing,
  apiRequest: nothing,
  leading: nothing,
};
