import { expect, test } from '@jest/globals';
import { throttle } from '../../../agent/src/throttle.ts';
import { eventually } from '../../support/agent-fakes.ts';

test('many changes are one piece of work, and the last change is never lost', async () => {
  let value = 0;
  const seen: number[] = [];
  const work = throttle(
    () => {
      seen.push(value);
      return Promise.resolve();
    },
    { pause: 40, every: 60_000 },
  );
  for (value = 1; value < 100; value += 1) work.soon();
  await eventually('the work', () => seen.length === 1);
  value = 200;
  work.soon();
  await eventually('the next', () => seen.at(-1) === 200);
  expect(seen).toHaveLength(2);
  await work.stop();
});

test('what changes while it works is worked on after it', async () => {
  let running = 0;
  let most = 0;
  let done = 0;
  const work = throttle(
    async () => {
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => setTimeout(resolve, 20));
      running -= 1;
      done += 1;
    },
    { pause: 1, every: 60_000 },
  );
  work.soon();
  await eventually('the start', () => running === 1);
  work.soon();
  await eventually('the second', () => done === 2);
  expect(most).toBe(1);
  await work.stop();
});

test('it works every so often without any change, and once more at the end', async () => {
  let done = 0;
  const work = throttle(() => Promise.resolve(void (done += 1)), { pause: 1, every: 10 });
  work.start();
  await eventually('three times', () => done >= 3);
  await work.stop();
  const after = done;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(done).toBe(after);
});

test('what can wait waits, and goes along with what cannot', async () => {
  let done = 0;
  const work = throttle(() => Promise.resolve(void (done += 1)), { pause: 1, every: 60_000 });
  work.soon();
  await eventually('the first', () => done === 1);
  work.soon(60_000);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(done).toBe(1);
  work.soon();
  await eventually('the second', () => done === 2);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(done).toBe(2);
  await work.stop();
});
