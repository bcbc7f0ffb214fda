/** What the agent's own thread and the one that takes events share. */
import type { EventMaps } from './pump.ts';

/** What the thread is started with. */
export interface EventsWorkerData {
  readonly bpfDirectory: string;
  readonly maps: EventMaps;
  /** Three 32-bit numbers, shared: batches that are not told yet; 1 when the thread is to end; 1 when it is to give memory back. */
  readonly control: SharedArrayBuffer;
}

/** Places in `control`. */
export const UNTOLD = 0;
export const ENDING = 1;
export const GIVING_BACK = 2;
