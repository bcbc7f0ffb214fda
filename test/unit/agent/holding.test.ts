import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Holding, USUAL_ROOTS } from '../../../agent/src/holding.ts';
import type { HoldingOptions } from '../../../agent/src/holding.ts';
import type { HeldProcess } from '../../../agent/src/ports.ts';
import { FakeGate } from '../../support/agent-fakes.ts';

let gate: FakeGate;
let log: string[];
let givenUp: (readonly [pid: number, ended: boolean])[];
let holding: Holding | undefined;

beforeEach(() => {
  jest.useFakeTimers();
  gate = new FakeGate();
  log = [];
  givenUp = [];
});

afterEach(() => {
  holding?.stop({ keep: true });
  jest.useRealTimers();
});

function start(over: Partial<HoldingOptions> = {}): void {
  holding = new Holding({
    gate,
    unknown: 'hold',
    whenGone: 'open',
    roots: () => ['elsewhere'],
    log: (line) => void log.push(line),
    onGivenUp: ({ process, ended }) => void givenUp.push([process.pid, ended]),
    ...over,
  });
  holding.start();
}

const held = (pid: number, over: Partial<HeldProcess> = {}): HeldProcess => ({
  pid,
  cgroup: 7n,
  waited: 5,
  known: false,
  ...over,
});

test('the kernel is told at once and every second how to meet new containers, and where they are', () => {
  start();
  const settings = { unknown: 'hold', whenGone: 'open', roots: [...USUAL_ROOTS, 'elsewhere'] };
  expect(gate.tended).toEqual([settings]);
  jest.advanceTimersByTime(3_000);
  expect(gate.tended).toHaveLength(4);
});

test('who is held tries again as soon as its rules are in force', () => {
  start();
  gate.processes = [held(1), held(2, { known: true })];
  jest.advanceTimersByTime(20);
  expect(gate.released).toEqual([[2, 'try']]);
  gate.processes = [held(1, { known: true })];
  jest.advanceTimersByTime(20);
  expect(gate.released).toEqual([
    [2, 'try'],
    [1, 'try'],
  ]);
  expect(log).toEqual([]);
});

test('whoever is held tries again every second: the kernel may know what is not known here', () => {
  start();
  gate.processes = [held(1)];
  jest.advanceTimersByTime(2_000);
  expect(gate.released).toEqual([
    [1, 'try'],
    [1, 'try'],
  ]);
});

test.each([
  ['open', 'pass', 'the program runs without rules'],
  ['deny', 'kill', 'it is ended'],
] as const)('a process that no rules come for does not wait for ever, and is told of once: %s', (whenGone, how, told) => {
  start({ whenGone });
  const late = held(1, { waited: 10_001 });
  gate.processes = [late];
  jest.advanceTimersByTime(9_980);
  expect(log).toEqual([]);
  gate.processes = [late, held(2, { waited: 9_000 })];
  jest.advanceTimersByTime(20);
  expect(gate.released.filter(([, what]) => what !== 'try')).toEqual([[1, how]]);
  gate.processes = [late];
  jest.advanceTimersByTime(20);
  expect(log).toEqual([expect.stringMatching(new RegExp(`^process 1 waited 10001 ms to run a program in cgroup 7, .*: ${told}$`))]);
  expect(givenUp).toEqual([[1, whenGone === 'deny']]);
});

test('what an earlier agent left waiting, however long ago, has not waited for this one', () => {
  start();
  gate.processes = [held(1, { waited: 60_000 })];
  jest.advanceTimersByTime(5_000);
  expect(gate.released.filter(([, what]) => what !== 'try')).toEqual([]);
});

test('a kernel that does not answer is told of once and tried again', () => {
  const asked = jest.spyOn(gate, 'held').mockImplementation(() => {
    throw new Error('EPERM');
  });
  start();
  jest.advanceTimersByTime(900);
  expect(log).toEqual(['new containers cannot be held: EPERM']);
  asked.mockRestore();
  gate.processes = [held(1, { known: true })];
  jest.advanceTimersByTime(20);
  expect(gate.released).toEqual([[1, 'try']]);
});

test('an agent that ends is gone at once, and whoever waits for it tries again', () => {
  start();
  gate.processes = [held(1)];
  holding?.stop({ keep: true });
  expect(gate.retired).toBe(true);
  expect(gate.released).toEqual([[1, 'try']]);
});

test('one that lifts everything holds nobody any more', () => {
  start();
  gate.processes = [held(1)];
  holding?.stop({ keep: false });
  expect(gate.released).toEqual([[1, 'try']]);
  expect(gate.tended.at(-1)).toMatchObject({ unknown: 'allow' });
});
