/** What the agent's own thread and the one that takes events share. */
import type { EventMaps } from './pump.ts';

/** What the thread is started with. */
export interface EventsWorkerData {
  readonly bpfDirectory: string;
  readonly maps: EventMaps;
  /** Two 32-bit numbers, shared: batches that are not told yet; 1 when the thread is to end. */
  readonly control: SharedArrayBuffer;
}

/** Places in `control`. */
export const UNTOLD = 0;
export const ENDING = 1;
