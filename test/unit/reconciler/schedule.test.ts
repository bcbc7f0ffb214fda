import { beforeEach, expect, test } from '@jest/globals';
import { Schedule } from '../../../reconciler/src/schedule.ts';
import { FakeClock } from './fakes.ts';

let clock: FakeClock;
let schedule: Schedule;
beforeEach(() => {
  clock = new FakeClock();
  schedule = new Schedule({ clock, random: () => 0 });
});

/** A step that runs at once, and asks the repository. */
function ran(how: { readonly retry?: number; readonly corrected?: boolean; readonly asked?: boolean } = {}): number {
  schedule.never();
  if (how.asked !== false) schedule.asked(60_000);
  schedule.concluded({ interval: 60_000, corrected: how.corrected === true, ...(how.retry === undefined ? {} : { retry: how.retry }) });
  return schedule.wait;
}

test('at first something is due at once, and the repository is to be asked', () => {
  expect(schedule.wait).toBeLessThanOrEqual(0);
  expect(schedule.isTimeToAsk).toBe(true);
});

test('after a run the repository is asked again after its interval, and a little earlier for some sources', () => {
  expect(ran()).toBe(60_000);
  expect(schedule.isTimeToAsk).toBe(false);
  const other = new Schedule({ clock, random: () => 1 });
  other.asked(60_000);
  other.never();
  other.concluded({ interval: 60_000, corrected: false });
  expect(other.wait).toBe(57_000);
});

test('what failed is tried again after the retry interval, and never later than the interval', () => {
  expect(ran({ retry: 10_000 })).toBe(10_000);
  expect(ran({ retry: 100_000 })).toBe(60_000);
});

test('a run that did not even come to asking, and is not to be tried again, is due after the interval and not at once', () => {
  expect(ran({ asked: false })).toBe(60_000);
});

test('whoever has something sooner is heard, and what is due sooner stays so', () => {
  ran();
  schedule.within(5_000);
  schedule.within(9_000);
  expect(schedule.wait).toBe(5_000);
});

test('drift is looked at within a moment; who fights with somebody else waits twice as long each time, up to five minutes', () => {
  const waits = Array.from({ length: 14 }, () => {
    schedule.never();
    schedule.drifted();
    const { wait } = schedule;
    ran({ corrected: true });
    return wait;
  });
  expect(waits.slice(0, 4)).toEqual([250, 500, 1000, 2000]);
  expect(waits.at(-1)).toBe(300_000);
});

test('after a time of peace drift is looked at within a moment again', async () => {
  ran({ corrected: true });
  await clock.advance(200_000);
  schedule.never();
  schedule.drifted();
  expect(schedule.wait).toBe(250);
});
