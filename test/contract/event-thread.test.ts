/** The thread that takes events: everything arrives, also at a thread that lags, and all of it before the end. As root, on this kernel. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Drain } from '../../agent/src/adapters/kernel/drain.ts';
import type { KernelEvent } from '../../agent/src/ports.ts';
import { eventually } from '../support/agent-fakes.ts';
import { EventTrials } from '../support/event-trials.ts';

const bpfDirectory = path.join(import.meta.dirname, '../../bpf/build');
let trials: EventTrials;
let drain: Drain;
let arrived = 0;
let batches = 0;

beforeEach(() => {
  trials = new EventTrials();
  drain = new Drain({ bpfDirectory, maps: trials.maps });
  [arrived, batches] = [0, 0];
});
afterEach(async () => {
  await drain.close();
  trials.close();
});

function receive(events: readonly KernelEvent[]): void {
  batches += 1;
  for (const { count } of events) arrived += count;
}

test('a denial arrives at once, and what is counted within the next seconds', async () => {
  drain.deliverTo(receive);
  trials.run({ count: 7 });
  await eventually('the first', () => arrived > 0, 10_000);
  await eventually('the others', () => arrived === 7, 10_000);
});

test('a thread that was asked to give its memory back goes on telling', async () => {
  drain.deliverTo(receive);
  trials.run({ count: 7 });
  await eventually('those of before', () => arrived === 7, 10_000);
  drain.giveBack();
  await new Promise((resolve) => setTimeout(resolve, 500));
  trials.run({ count: 7 });
  await eventually('those of after', () => arrived === 14, 10_000);
});

test('what was there before the thread arrives, and what comes until it is told to end', async () => {
  trials.run({ count: 1234 });
  drain.deliverTo(receive);
  await eventually('those of before', () => arrived === 1234, 10_000);
  trials.run({ count: 4321, firstNode: 2 });
  await drain.close();
  expect(arrived).toBe(1234 + 4321);
});

test('while this thread stands still, records stay in the kernel: none is lost uncounted, and at most two batches are on their way', async () => {
  const kinds = 6000;
  drain.deliverTo((events) => {
    receive(events);
    // as long as a record is taken in hand, nothing else happens here
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  });
  let made = 0;
  for (let round = 0; round < 6; round += 1) made += trials.run({ count: 2 * kinds, nodes: kinds, firstNode: 1 + round * kinds });
  const { ringFull, lost } = trials.counters();
  expect(ringFull).toBeGreaterThan(0);
  expect(batches).toBe(0);
  await drain.close();
  expect(arrived).toBe(made - lost);
  expect(batches).toBeGreaterThan(5);
}, 30_000);

test('a thread that has told much keeps no more memory than one that has told little', async () => {
  const program = path.join(import.meta.dirname, 'busy-process.ts');
  const env = { ...process.env, NODE_OPTIONS: '' };
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=source', program], { env });
  // 2000 rounds left some 30 MB where nothing that calls into C had used was ever let go.
  expect(Number(stdout)).toBeLessThan(10_000);
}, 120_000);
