import { beforeEach, expect, test } from '@jest/globals';
import { StatusQueue } from '../../../reconciler/src/status-queue.ts';
import { entry } from './builders.ts';

const [a, b] = [entry('a'), entry('b')];
const failed = [{ ref: a, message: 'no' }];
let queue: StatusQueue;
beforeEach(() => {
  queue = new StatusQueue({ first: 1000, longest: 5000 });
});

test('what is added is taken once, however often it was added', () => {
  for (const ref of [a, b, a]) queue.add(ref);
  expect(queue.take()).toEqual([a, b]);
  expect([queue.isEmpty, queue.take()]).toEqual([true, []]);
});

test('what fails is due again ever later, once each time, and at once after it has been written', () => {
  const waits = Array.from({ length: 5 }, () => {
    queue.settle([a, b], failed, 0);
    const wait = [1000, 2000, 4000, 5000].find((time) => queue.due(time - 1).length === 0 && queue.due(time)[0] === a);
    expect(queue.due(Number.MAX_SAFE_INTEGER)).toEqual([]);
    return wait;
  });
  expect(waits).toEqual([1000, 2000, 4000, 5000, 5000]);
  expect(queue.failing).toBe(1);
  queue.settle([a], [], 0);
  expect(queue.failing).toBe(0);
  queue.settle([a], failed, 0);
  expect(queue.due(1000)).toEqual([a]);
});

test('a policy that is gone neither waits nor fails', () => {
  queue.settle([a], failed, 0);
  queue.add(a);
  queue.remove(a);
  expect([queue.take(), queue.due(Infinity), queue.failing]).toEqual([[], [], 0]);
});
