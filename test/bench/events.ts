/**
 * The event path on this kernel, without hooks: denials are made up by a test-run program and go through the real token buckets, tallies and ring
 * buffer; the agent's own code takes and decodes them. Processor time is that of this one thread, so other work on the machine does not count.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decodeEvent } from '@parapet/policy';
import { eventsOf } from '../../agent/src/adapters/kernel/records.ts';
import { EventTrials } from '../support/event-trials.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

const RECORDS = 400_000;
/** Denials in one fill: the ring buffer holds about as many. */
const FILL = 12_000;
const FILES = 500;
const COUNTED = 2_000_000;

interface Taken {
  records: number;
  counted: number;
  micros: number;
}

/** Takes and decodes everything that waits, and how much processor time that takes. */
function take(trials: EventTrials, taken: Taken): void {
  const before = process.threadCpuUsage();
  for (let batch = trials.pump.drain(); batch !== undefined; batch = trials.pump.drain()) {
    for (const { header } of eventsOf(batch)) {
      taken.records += 1;
      taken.counted += decodeEvent(header).count;
    }
  }
  const { user, system } = process.threadCpuUsage(before);
  taken.micros += user + system;
}

/** What is neither told nor counted by anyone. */
function missed(trials: EventTrials, made: number, taken: Taken): number {
  for (const batch of trials.pump.emptyBoth()) for (const { count } of eventsOf(batch)) taken.counted += count;
  return made - taken.counted - trials.counters().lost;
}

/** Records of many rules and files, as fast as they can be taken. */
function decoding(files: { first: number; count: number }): Row[] {
  const trials = new EventTrials();
  const taken: Taken = { records: 0, counted: 0, micros: 0 };
  let made = 0;
  // the code is compiled after a while, as it is in an agent
  for (const count of [100_000, RECORDS]) {
    Object.assign(taken, { records: 0, micros: 0 });
    while (taken.records < count) {
      made += trials.run({ count: FILL, firstNode: 1 + (made % 1_000_000), nodes: FILL, files });
      take(trials, taken);
    }
  }
  const { ringFull } = trials.counters();
  const rate = taken.records / (taken.micros / 1e6);
  const rows = [
    row('events: records decoded in one core', [Math.round(rate), 'records/s'], { atLeast: 200_000 }),
    row('events: records lost and not counted', [missed(trials, made, taken), 'records'], { atMost: 0 }),
    row('events: records that found no room meanwhile', [ringFull, 'records']),
  ];
  trials.close();
  return rows;
}

/** One rule that is hit without pause: almost everything is counted in the kernel. */
async function counting(): Promise<Row[]> {
  const trials = new EventTrials();
  const taken: Taken = { records: 0, counted: 0, micros: 0 };
  const started = performance.now();
  let made = 0;
  while (made < COUNTED) {
    made += await trials.runAside({ count: 100_000 });
    take(trials, taken);
    if (trials.pump.hasTallies()) for (const batch of trials.pump.empty()) for (const { count } of eventsOf(batch)) taken.counted += count;
  }
  const seconds = (performance.now() - started) / 1000;
  const rows = [
    row('events: denials counted by one rule', [Math.round(made / seconds), 'denials/s'], { atLeast: 200_000 }),
    row('events: denials counted by one rule, missed', [missed(trials, made, taken), 'denials'], { atMost: 0 }),
    row('events: records that told them', [taken.records, 'records']),
  ];
  trials.close();
  return rows;
}

/** Measures the event path. Throws when this kernel runs no test programs. */
export async function measureEvents(say: (sentence: string) => void): Promise<Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'parapet-bench-'));
  const open = Array.from({ length: FILES }, (_, i) => {
    const file = path.join(directory, `file-${i}`);
    writeFileSync(file, '');
    return openSync(file, 'r');
  });
  try {
    const first = Math.min(...open);
    say('taking and decoding records');
    const decoded = decoding({ first, count: Math.max(...open) - first + 1 });
    say('counting in the kernel');
    return [...decoded, ...(await counting())];
  } finally {
    for (const descriptor of open) closeSync(descriptor);
    rmSync(directory, { recursive: true });
  }
}
