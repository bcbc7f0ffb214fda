/** A process with the thread that takes events, and many rounds of little work for it: prints how many kilobytes the last ones have left. As root. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Drain } from '../../agent/src/adapters/kernel/drain.ts';
import { openLibrary } from '../../agent/src/adapters/kernel/library.ts';
import { giveBackMemory } from '../../agent/src/adapters/kernel/memory.ts';
import { EventTrials } from '../support/event-trials.ts';

const WARM = 500;
const ROUNDS = 2500;

const bpfDirectory = path.join(import.meta.dirname, '../../bpf/build');
const library = openLibrary(bpfDirectory);
const trials = new EventTrials();
const drain = new Drain({ bpfDirectory, maps: trials.maps });
let arrived = 0;
drain.deliverTo((events) => {
  for (const { count } of events) arrived += count;
});

/** Memory that is of no file, without what both threads can spare. */
async function kept(): Promise<number> {
  drain.giveBack();
  await sleep(500);
  giveBackMemory(library);
  return Number(/RssAnon:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

let before = 0;
for (let round = 1; round <= ROUNDS; round += 1) {
  // another rule each time: it is told at once
  trials.run({ count: 1, firstNode: round });
  while (arrived < round) await sleep(1);
  if (round === WARM) before = await kept();
}
process.stdout.write(`${(await kept()) - before}`);
await drain.close();
trials.close();
