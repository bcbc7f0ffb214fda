/** What the kernel tells and counts of denials, and what the agent's own code takes: nothing twice, nothing missed. As root, on this kernel. */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { decodeEvent, EVENT_BURST, EVENT_RECENT, MAX_TALLIES } from '@parapet/policy';
import { eventsOf } from '../../agent/src/adapters/kernel/records.ts';
import type { Batch } from '../../agent/src/adapters/kernel/records.ts';
import { EventTrials } from '../support/event-trials.ts';

interface Seen {
  readonly kind: string;
  readonly container: number;
  readonly operation: string | undefined;
  readonly verdict: string;
  readonly count: number;
  readonly node: number;
  readonly detail: number;
  readonly resource: string;
  readonly executable: string;
}

let trials: EventTrials;
let directory: string;
const opened: number[] = [];
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'parapet-counts-'));
  trials = new EventTrials();
});
afterEach(() => {
  trials.close();
  for (const descriptor of opened.splice(0)) closeSync(descriptor);
  rmSync(directory, { recursive: true });
});

/** Opens files with these names; their descriptors follow one another. */
function openRow(names: readonly string[]): { first: number; count: number } {
  for (;;) {
    const row = names.map((name) => openSync(path.join(directory, name), 'w'));
    opened.push(...row);
    if (row.every((descriptor, i) => descriptor === row[0]! + i)) return { first: row[0]!, count: row.length };
  }
}

function seen(batches: Iterable<Batch>): Seen[] {
  return [...batches].flatMap((batch) =>
    eventsOf(batch).map(({ header, resource, executable }) => {
      const { kind, container, operation, verdict, count, node, detail } = decodeEvent(header);
      return { kind, container, operation, verdict, count, node, detail: detail[0], resource, executable };
    }),
  );
}

function* waiting(): Generator<Batch> {
  for (let batch = trials.pump.drain(); batch !== undefined; batch = trials.pump.drain()) yield batch;
}

/** Those of the ring buffer and of both maps of tallies. */
const everything = (): Seen[] => [...seen(waiting()), ...seen(trials.pump.emptyBoth()), ...seen(waiting())];

const total = (some: readonly Seen[]): number => some.reduce((sum, { count }) => sum + count, 0);

test('the first is told at once with all that is known; the same again is only counted', () => {
  trials.run({ count: 5 });
  const told = seen(waiting());
  expect(told).toMatchObject([{ kind: 'single', count: 1, node: 1 }]);
  expect(told[0]!.resource).toMatch(/^\/.*\/node$/);
  expect(told[0]!.executable).toBe(told[0]!.resource);
  expect(seen(trials.pump.empty())).toEqual([{ ...told[0]!, kind: 'summary', count: 4 }]);
  expect(seen(trials.pump.emptyBoth())).toEqual([]);
});

test('a resource of the same rule that was not told lately is told too', () => {
  trials.run({ count: EVENT_RECENT * 10, details: EVENT_RECENT });
  expect(seen(waiting()).map(({ kind, detail }) => [kind, detail])).toEqual(
    Array.from({ length: EVENT_RECENT }, (_, detail) => ['single', detail]).concat([['summary', 1]]),
  );
});

test('a rule without tokens is counted, whatever the resource; other rules and containers have tokens of their own', () => {
  trials.run({ count: EVENT_BURST * 3, details: EVENT_BURST * 3 });
  const told = seen(waiting()).filter(({ kind }) => kind === 'single');
  // a moment passes meanwhile, and gives a token or two
  expect(told.length).toBeGreaterThanOrEqual(EVENT_BURST);
  expect(told.length).toBeLessThan(EVENT_BURST + 10);
  trials.run({ count: 1, firstNode: 2 });
  trials.run({ count: 1, container: 2 });
  expect(seen(waiting())).toMatchObject([
    { kind: 'single', node: 2 },
    { kind: 'single', node: 1 },
  ]);
});

test('counts are told at 10, 100, 1000 and 10,000, each those since the last; the drain tells the rest', () => {
  trials.run({ count: 12_346 });
  const summaries = seen(waiting()).filter(({ kind }) => kind === 'summary');
  expect(summaries.map(({ count }) => count)).toEqual([10, 90, 900, 9000]);
  expect(seen(trials.pump.empty()).map(({ count }) => count)).toEqual([2345]);
});

test('counts are exact while several processors count and the tallies are emptied all the time', async () => {
  const [threads, rounds, count] = [3, 60, 1500];
  const runs = Array.from({ length: threads }, async (_, thread) => {
    let done = 0;
    // one rule that all count in, and one each
    for (let round = 0; round < rounds; round += 1)
      done += await trials.runAside({ count, firstNode: 1 + thread, nodes: 2, audit: round % 2 === 0 });
    return done;
  });
  const all: Seen[] = [];
  let emptied = 0;
  const ended = Promise.all(runs);
  let running = true;
  void ended.finally(() => (running = false));
  while (running) {
    all.push(...seen(waiting()), ...seen(trials.pump.empty()));
    emptied += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await ended).toEqual(Array.from({ length: threads }, () => rounds * count));
  all.push(...seen(waiting()), ...seen(trials.pump.emptyBoth()), ...seen(waiting()));
  expect(total(all)).toBe(threads * rounds * count);
  for (let node = 1; node <= threads + 1; node += 1) {
    const sharers = node === 1 || node === threads + 1 ? 1 : 2;
    expect(total(all.filter((one) => one.node === node))).toBe((sharers * rounds * count) / 2);
  }
  const { events, aggregated, lost } = trials.counters();
  expect({ counted: events + aggregated, lost }).toEqual({ counted: threads * rounds * count, lost: 0 });
  expect(emptied).toBeGreaterThan(10);
}, 60_000);

/** Counts by container, operation and program. */
function sums(all: readonly Seen[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { container, operation, executable, count } of all) {
    const key = `${container} ${operation} ${path.basename(executable)}`;
    found[key] = (found[key] ?? 0) + count;
  }
  return found;
}

test('what one rule refuses is counted for each container, operation and program by itself, and exactly', async () => {
  const programs = openRow(['one', 'two', 'three']);
  const count = 6 * 500;
  for (const container of [1, 2]) trials.run({ count, container, operations: 2, programs });
  const summaries = seen(trials.pump.empty());
  expect(new Set(summaries.map(({ container, operation, executable }) => `${container} ${operation} ${executable}`)).size).toBe(12);
  const all = [...summaries];
  const runs = [1, 2].map((container) => trials.runAside({ count, container, operations: 2, programs }));
  let running = true;
  const ended = Promise.all(runs).finally(() => (running = false));
  while (running) {
    all.push(...seen(waiting()), ...seen(trials.pump.empty()));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await ended).toEqual([count, count]);
  all.push(...everything());
  const kinds = [1, 2].flatMap((container) =>
    ['read', 'write'].flatMap((operation) => ['one', 'two', 'three'].map((name) => `${container} ${operation} ${name}`)),
  );
  expect(sums(all)).toEqual(Object.fromEntries(kinds.map((kind) => [kind, (2 * count) / 6])));
});

test('a program or an operation that a rule has not refused yet is told at once, however often it has refused others', () => {
  const programs = openRow(['one', 'two']);
  trials.run({ count: 50, programs: { ...programs, count: 1 } });
  trials.run({ count: 1, programs: { first: programs.first + 1, count: 1 } });
  trials.run({ count: 2, operations: 2, programs: { ...programs, count: 1 } });
  const told = seen(waiting()).filter(({ kind }) => kind === 'single');
  expect(told.map(({ operation, executable }) => [operation, path.basename(executable)])).toEqual([
    ['read', 'one'],
    ['read', 'two'],
    ['write', 'one'],
  ]);
});

test('lost audits and lost denials are counted apart, and with those that were told they are all there were', () => {
  const [turns, count] = [8, 4000];
  for (let turn = 0; turn < turns; turn += 1) {
    trials.run({ count, nodes: count, firstNode: 1 + turn * count, audit: turn % 2 === 1 });
  }
  const { lost, lostBlock, ringFull, ringFullBlock } = trials.counters();
  const all = everything();
  const told = (verdict: string): number => total(all.filter((one) => one.verdict === verdict));
  const made = (turns / 2) * count;
  expect({ denials: told('block') + lostBlock, audits: told('audit') + lost - lostBlock }).toEqual({ denials: made, audits: made });
  for (const some of [lostBlock, lost - lostBlock, ringFullBlock, ringFull - ringFullBlock, told('audit')]) expect(some).toBeGreaterThan(0);
});

test('what finds no working memory is lost by number, denials apart, and says why', () => {
  trials.occupyScratch();
  const [denials, audits] = [50, 70];
  expect(trials.run({ count: denials }) + trials.run({ count: audits, audit: true })).toBe(0);
  const { lost, lostBlock, unrecordedBlock, noScratch, ringFull, events } = trials.counters();
  expect({ lost, lostBlock, unrecordedBlock, noScratch, ringFull, events }).toEqual({
    lost: denials + audits,
    lostBlock: denials,
    unrecordedBlock: denials,
    noScratch: denials + audits,
    ringFull: 0,
    events: 0,
  });
  expect(everything()).toEqual([]);
});

test('when the ring buffer is full, what is not told is counted: the sum stays exact, and the loss is known', () => {
  const count = 100_000;
  // each has a rule of its own, and so a record of its own
  trials.run({ count, nodes: 7000 });
  trials.run({ count, nodes: 7000, firstNode: 10_000 });
  const { ringFullBlock, events, aggregated, lost, lostBlock } = trials.counters();
  expect(ringFullBlock).toBeGreaterThan(0);
  const all = [...seen(waiting()), ...seen(trials.pump.emptyBoth())];
  expect(events + aggregated + lost).toBe(2 * count);
  expect(total(all)).toBe(2 * count - lost);
  expect(lostBlock).toBe(lost);
});

test('when there is no room for a tally, each is told by itself; when there is none for that either, it is counted as lost', () => {
  const kinds = MAX_TALLIES + 2000;
  // twice the same: the second time it would be counted
  trials.run({ count: kinds / 2, nodes: kinds / 2 });
  const told = seen(waiting());
  trials.run({ count: kinds / 2, nodes: kinds / 2, firstNode: kinds });
  told.push(...seen(waiting()));
  expect(told).toHaveLength(kinds);
  trials.run({ count: kinds / 2, nodes: kinds / 2 });
  trials.run({ count: kinds / 2, nodes: kinds / 2, firstNode: kinds });
  const { talliesFull, lost } = trials.counters();
  expect(talliesFull).toBeGreaterThanOrEqual(kinds - MAX_TALLIES - 200);
  const again = [...seen(waiting()), ...seen(trials.pump.emptyBoth())];
  expect(total(again)).toBe(kinds - lost);
});
