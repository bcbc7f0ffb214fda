/**
 * A thread that takes events out of the kernel and hands them to the agent's own thread in batches. While that one lags, records stay in the
 * ring buffer, where what finds no room is counted: no queue grows.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { ENDING, GIVING_BACK, UNTOLD } from './events-thread.ts';
import type { EventsWorkerData } from './events-thread.ts';
import { openLibrary } from './library.ts';
import { collectHeap } from './memory.ts';
import { EventPump } from './pump.ts';
import type { Batch } from './records.ts';

/** Batches on their way before the thread waits. */
const MAX_UNTOLD = 2;
/** Milliseconds until what need not be told at once is looked for. */
const POLL = 20;
/** Milliseconds between two emptyings of the tallies. */
const TALLY_PAUSE = 1000;
/** Milliseconds that the last records get. */
const FAREWELL = 2000;

const { bpfDirectory, maps, control } = workerData as EventsWorkerData;
const state = new Int32Array(control);
const pump = new EventPump(openLibrary(bpfDirectory), maps);

function post(batch: Batch): void {
  for (let untold = Atomics.load(state, UNTOLD); untold >= MAX_UNTOLD; untold = Atomics.load(state, UNTOLD)) {
    Atomics.wait(state, UNTOLD, untold, POLL);
  }
  Atomics.add(state, UNTOLD, 1);
  parentPort?.postMessage(batch, [batch.headers, batch.which]);
}

function postAll(batches: Iterable<Batch>): void {
  for (const batch of batches) post(batch);
}

/** Posts everything that waits in the ring buffer, until a moment. */
function drain(until: number): void {
  for (let batch = pump.drain(); batch !== undefined; batch = performance.now() < until ? pump.drain() : undefined) post(batch);
}

postAll(pump.emptyBoth());
let emptied = performance.now();
while (Atomics.load(state, ENDING) === 0) {
  const due = emptied + TALLY_PAUSE;
  drain(due);
  if (performance.now() >= due && pump.hasTallies()) {
    const retired = pump.retire();
    // what was told of them first arrives first
    drain(performance.now() + TALLY_PAUSE);
    postAll(pump.empty(retired));
    emptied = performance.now();
  }
  if (Atomics.exchange(state, GIVING_BACK, 0) === 1) collectHeap();
  pump.wait(POLL);
  // What calls into C have used is let go between two turns of the thread's loop only.
  await nextTurn();
}
drain(performance.now() + FAREWELL);
postAll(pump.emptyBoth());
drain(performance.now() + FAREWELL);
pump.close();
