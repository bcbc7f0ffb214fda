import { beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Pace, waitAfter } from '../../../reconciler/src/pace.ts';
import type { Clock } from '../../../reconciler/src/ports.ts';
import { FakeClock, settle } from './fakes.ts';

let clock: FakeClock;
let stop: AbortController;
beforeEach(() => {
  clock = new FakeClock();
  stop = new AbortController();
});

/** Somebody who takes every turn there is, up to `most`; gives when each was. */
function taker(pace: Pace, most = 10_000): number[] {
  const turns: number[] = [];
  const start = clock.now();
  void (async () => {
    while (turns.length < most && (await pace.turn(stop.signal))) turns.push(clock.now() - start);
  })();
  return turns;
}

test('a burst may go at once, the rest evenly, and the hour is kept too', async () => {
  const turns = taker(new Pace({ minute: 80, hour: 500 }, clock));
  await clock.advance(0);
  expect(turns).toHaveLength(20);
  await clock.advance(59_999);
  expect(turns).toHaveLength(79);
  await clock.advance(3_600_000 - 60_000);
  expect(turns).toHaveLength(499);
  stop.abort();
});

test('no window of a minute has more turns than a minute may have, wherever it begins, and of an hour neither', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(99), fc.nat(399), fc.array(fc.nat(90_000), { maxLength: 100 }), async (minute, hour, pauses) => {
      // Time passes as soon as somebody waits for it.
      let now = 0;
      const hurried: Clock = {
        now: () => now,
        sleep: (milliseconds) => {
          now += milliseconds;
          return Promise.resolve();
        },
      };
      const limits = { minute: minute + 1, hour: hour + 1 };
      const pace = new Pace(limits, hurried);
      const turns: number[] = [];
      for (const pause of pauses) {
        now += pause % 3 === 0 ? pause : 0;
        await pace.turn(stop.signal);
        turns.push(now);
      }
      const spans = [
        [60_000, limits.minute],
        [3_600_000, limits.hour],
      ] as const;
      for (const [span, most] of spans)
        turns.forEach((turn, index) => expect(turns[index + most] ?? Infinity).toBeGreaterThanOrEqual(turn + span));
    }),
    { numRuns: 300 },
  );
});

test('whoever waits longest goes first, so that nobody takes every turn', async () => {
  const pace = new Pace({ minute: 4, hour: 1000 }, clock);
  const [greedy, modest] = [taker(pace), taker(pace, 1)];
  await clock.advance(21_000);
  expect([greedy.length, modest.length]).toEqual([1, 1]);
  stop.abort();
});

test('a host that wants to be left alone is, by all, for an hour at most', async () => {
  const pace = new Pace({ minute: Infinity, hour: Infinity }, clock);
  pace.hold(5_000);
  pace.hold(-1);
  const turns = taker(pace, 1);
  await clock.advance(4_000);
  pace.hold(3_000);
  await clock.advance(10_000);
  expect(turns).toEqual([7_000]);
  pace.hold(1e12);
  const later = taker(pace, 1);
  await clock.advance(3_600_000);
  expect(later).toEqual([3_600_000]);
});

test('who gives up loses no turn of others, and a pace that nobody waits for sleeps no longer', async () => {
  const pace = new Pace({ minute: 1, hour: 1000 }, clock);
  expect(await pace.turn(stop.signal)).toBe(true);
  const [impatient, other] = [new AbortController(), taker(pace, 1)];
  const given = pace.turn(impatient.signal);
  impatient.abort();
  expect([await given, await pace.turn(impatient.signal)]).toEqual([false, false]);
  await clock.advance(60_000);
  expect(other).toEqual([60_000]);
  const last = pace.turn(stop.signal);
  stop.abort();
  expect(await last).toBe(false);
  await settle();
  expect(clock.sleeping).toBe(0);
});

test('waits double up to a bound, spread over all of it, and are never shorter than the first', () => {
  const at = (failures: number, random: number): number => waitAfter(failures, { first: 1000, longest: 300_000, random: () => random });
  expect([0, 1, 2, 7, 8, 1e6].map((failures) => at(failures, 1))).toEqual([2000, 4000, 8000, 256_000, 300_000, 300_000]);
  expect([at(9, 0), at(9, 0.5), at(0, 0.1)]).toEqual([1000, 150_000, 1000]);
});
