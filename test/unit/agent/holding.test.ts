import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Holding, USUAL_ROOTS } from '../../../agent/src/holding.ts';
import type { HoldingOptions } from '../../../agent/src/holding.ts';
import type { HeldProcess } from '../../../agent/src/ports.ts';
import { FakeGate } from '../../support/agent-fakes.ts';

let gate: FakeGate;
let log: string[];
let holding: Holding | undefined;

beforeEach(() => {
  jest.useFakeTimers();
  gate = new FakeGate();
  log = [];
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
    refusal: ({ program }) => (program === '/bin/evil' ? 'a rule refuses it' : undefined),
    log: (line) => void log.push(line),
    ...over,
  });
  holding.start();
}

const held = (pid: number, over: Partial<HeldProcess> = {}): HeldProcess => ({
  pid,
  cgroup: 7n,
  waited: 5,
  confined: false,
  program: '/bin/sh',
  owner: true,
  ...over,
});

test('the kernel is told at once and every second how to meet new containers, and where they are', () => {
  start();
  const settings = { unknown: 'hold', whenGone: 'open', roots: [...USUAL_ROOTS, 'elsewhere'] };
  expect(gate.tended).toEqual([settings]);
  jest.advanceTimersByTime(3_000);
  expect(gate.tended).toHaveLength(4);
});

test('a process goes on as soon as rules hold for it, and not before', () => {
  start();
  gate.processes = [held(1), held(2, { confined: true })];
  jest.advanceTimersByTime(20);
  expect(gate.released).toEqual([[2, 'run']]);
  gate.processes = [held(1, { confined: true })];
  jest.advanceTimersByTime(20);
  expect(gate.released).toEqual([
    [2, 'run'],
    [1, 'run'],
  ]);
  expect(log).toEqual([]);
});

test('a process whose program its rules refuse is ended, and told of', () => {
  start();
  gate.processes = [held(1, { confined: true, program: '/bin/evil' })];
  jest.advanceTimersByTime(20);
  expect(gate.released).toEqual([[1, 'kill']]);
  expect(log).toEqual(['process 1 (/bin/evil) is ended before its first instruction: a rule refuses it']);
});

test.each([
  ['open', 'pass', 'it runs without rules'],
  ['deny', 'kill', 'it is ended'],
] as const)('a process that no rules come for does not wait for ever: %s', (whenGone, how, told) => {
  start({ whenGone });
  gate.processes = [held(1, { waited: 10_001 }), held(2, { waited: 9_000 })];
  jest.advanceTimersByTime(20);
  expect(gate.released).toEqual([[1, how]]);
  expect(log).toEqual([expect.stringMatching(new RegExp(`^process 1 \\(/bin/sh\\) waited 10001 ms .*: ${told}$`))]);
});

test('a kernel that does not answer is told of once and tried again', () => {
  const asked = jest.spyOn(gate, 'held').mockImplementation(() => {
    throw new Error('EPERM');
  });
  start();
  jest.advanceTimersByTime(900);
  expect(log).toEqual(['new containers cannot be held: EPERM']);
  asked.mockRestore();
  gate.processes = [held(1, { confined: true })];
  jest.advanceTimersByTime(20);
  expect(gate.released).toEqual([[1, 'run']]);
});

test('an agent that ends lets go what is confined; one that lifts everything lets everything go', () => {
  start();
  gate.processes = [held(1), held(2, { confined: true })];
  holding?.stop({ keep: true });
  expect(gate.released).toEqual([[2, 'run']]);
  holding?.stop({ keep: false });
  expect(gate.released).toEqual([
    [2, 'run'],
    [1, 'run'],
  ]);
  expect(gate.tended.at(-1)).toMatchObject({ unknown: 'allow' });
});
