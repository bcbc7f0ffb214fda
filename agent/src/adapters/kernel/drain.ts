/** Events from the kernel to the agent: taken and decoded in a thread of their own (events-worker.ts), told in this one. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { KernelEvent } from '../../ports.ts';
import { ENDING, GIVING_BACK, UNTOLD } from './events-thread.ts';
import type { EventsWorkerData } from './events-thread.ts';
import type { EventMaps } from './pump.ts';
import { eventsOf } from './records.ts';
import type { Batch } from './records.ts';

/** The thread's own code: `.ts` in the tree, beside the bundle once built. */
function workerFile(): URL {
  return new URL(`./events-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url);
}

export class Drain {
  readonly #options: Omit<EventsWorkerData, 'control'>;
  readonly #control = new SharedArrayBuffer(12);
  #worker: Worker | undefined;

  constructor(options: { readonly bpfDirectory: string; readonly maps: EventMaps }) {
    this.#options = options;
  }

  /** Until there is a handler, events wait in the kernel. */
  deliverTo(handler: (events: readonly KernelEvent[]) => void): void {
    const state = new Int32Array(this.#control);
    const worker = new Worker(workerFile(), {
      workerData: { ...this.#options, control: this.#control } satisfies EventsWorkerData,
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 },
    });
    worker.on('message', (batch: Batch) => {
      try {
        handler(eventsOf(batch));
      } finally {
        Atomics.sub(state, UNTOLD, 1);
        Atomics.notify(state, UNTOLD);
      }
    });
    worker.on('error', (error) => {
      throw error;
    });
    this.#worker = worker;
  }

  /** Asks the thread to give back memory that it needs no more, when it has told what is there. */
  giveBack(): void {
    Atomics.store(new Int32Array(this.#control), GIVING_BACK, 1);
  }

  /** Resolves when everything that was there has been told. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    Atomics.store(new Int32Array(this.#control), ENDING, 1);
    await ended;
  }
}
