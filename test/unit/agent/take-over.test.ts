import { afterEach, expect, test } from '@jest/globals';
import { TakeOver } from '../../../agent/src/take-over.ts';
import { eventually, FakeEnforcer } from '../../support/agent-fakes.ts';

let takeOver: TakeOver | undefined;
afterEach(() => takeOver?.stop());

function start(enforcer: FakeEnforcer, isComplete: () => boolean = () => true): string[] {
  const log: string[] = [];
  takeOver = new TakeOver({ enforcer, isComplete, log: (line) => log.push(line), pause: 5 });
  void takeOver.begin();
  return log;
}

test('where there is nothing to take over from, nothing is said, and it is tried once', async () => {
  const enforcer = new FakeEnforcer();
  const log = start(enforcer);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect([enforcer.takenOver, log]).toEqual([1, []]);
});

test('nothing is taken out while a container has no rules yet', async () => {
  const enforcer = new FakeEnforcer();
  let complete = false;
  start(enforcer, () => complete);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(enforcer.takenOver).toBe(0);
  complete = true;
  await eventually('it is tried', () => enforcer.takenOver === 1);
});

test('what keeps them is said once, and so is that they are gone in the end', async () => {
  const enforcer = new FakeEnforcer();
  enforcer.keeping = [['process 7 lives on'], ['process 7 lives on'], new Error('EINVAL')];
  const log = start(enforcer);
  await eventually('they are gone', () => log.length === 3);
  expect(log).toEqual([
    'process 7 lives on',
    'programs of another version stay in force: EINVAL',
    'programs of another version are in force no more',
  ]);
  expect(enforcer.takenOver).toBe(4);
});

test('once stopped it is not tried again', async () => {
  const enforcer = new FakeEnforcer();
  enforcer.keeping = [['process 7 lives on'], ['process 7 lives on']];
  const log = start(enforcer);
  await eventually('it was tried', () => log.length === 1);
  takeOver?.stop();
  const before = enforcer.takenOver;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(enforcer.takenOver).toBe(before);
});
