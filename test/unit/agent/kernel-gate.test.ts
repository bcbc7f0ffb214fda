import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HOLD_MODE, HOLD_ROOT, LAYOUT } from '@parapet/policy';
import { KernelGate } from '../../../agent/src/adapters/kernel/gate.ts';
import { openLibrary } from '../../../agent/src/adapters/kernel/library.ts';
import { word } from '../../../agent/src/adapters/kernel/map.ts';
import type { KernelMaps } from '../../../agent/src/adapters/kernel/programs.ts';
import { eventually } from '../../support/agent-fakes.ts';
import { MemoryMap } from '../../support/memory-map.ts';

const library = openLibrary(path.join(import.meta.dirname, '../../../bpf/build'));
const children: ChildProcess[] = [];
let maps: Record<'hold_settings' | 'hold_roots' | 'hold_passed' | 'held', MemoryMap>;
let known: Set<bigint>;
let watched: number;
let gate: KernelGate;

beforeEach(() => {
  maps = {
    hold_settings: new MemoryMap(4, LAYOUT.hold_settings.size),
    hold_roots: new MemoryMap(LAYOUT.root_name.size, 4),
    hold_passed: new MemoryMap(8, 1),
    held: new MemoryMap(4, LAYOUT.held.size),
  };
  known = new Set();
  watched = 0;
  gate = new KernelGate({
    library,
    maps: maps as unknown as KernelMaps,
    isKnown: (cgroup) => known.has(cgroup),
    watch: () => (watched += 1),
  });
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that is stopped, with its entry in the kernel's map. */
async function stopped(milliseconds = 0): Promise<number> {
  const child = spawn('sleep', ['100'], { stdio: 'ignore' });
  children.push(child);
  const pid = child.pid ?? 0;
  await eventually('the program runs', () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep'));
  process.kill(pid, 'SIGSTOP');
  const value = Buffer.alloc(LAYOUT.held.size);
  value.writeBigUInt64LE(process.hrtime.bigint() - BigInt(milliseconds) * 1_000_000n, LAYOUT.held.since);
  value.writeBigUInt64LE(77n, LAYOUT.held.cgroup);
  maps.held.set(word(pid), value);
  return pid;
}

const stateOf = (pid: number): string => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';

test('the settings tell the mode, what to do without an agent, and when it was last alive', () => {
  const before = process.hrtime.bigint();
  gate.tend({ unknown: 'hold', whenGone: 'deny', roots: [] });
  const bytes = Buffer.from(maps.hold_settings.get(word(0)) ?? []);
  expect(bytes.readBigUInt64LE(LAYOUT.hold_settings.alive)).toBeGreaterThanOrEqual(before);
  expect(bytes.readUInt32LE(LAYOUT.hold_settings.unknown)).toBe(HOLD_MODE.stop);
  expect(bytes.readUInt32LE(LAYOUT.hold_settings.deny_when_gone)).toBe(1);
  expect(watched).toBe(1);
});

test('an agent that retires was never alive, and what it chose stays', () => {
  gate.tend({ unknown: 'hold', whenGone: 'deny', roots: [] });
  gate.retire();
  const bytes = Buffer.from(maps.hold_settings.get(word(0)) ?? []);
  expect(bytes.readBigUInt64LE(LAYOUT.hold_settings.alive)).toBe(0n);
  expect(bytes.readUInt32LE(LAYOUT.hold_settings.unknown)).toBe(HOLD_MODE.stop);
  expect(bytes.readUInt32LE(LAYOUT.hold_settings.deny_when_gone)).toBe(1);
});

test('roots are stored by name; a slice is one with services of the node, unless it is Kubernetes’', () => {
  gate.tend({ unknown: 'allow', whenGone: 'open', roots: ['default', 'system.slice', 'kubepods.slice', 'x'.repeat(32), ''] });
  const stored = [...maps.hold_roots.entries()].map(({ key, value }) => [
    Buffer.from(key).toString().replace(/\0+$/, ''),
    Buffer.from(value).readUInt32LE(),
  ]);
  expect(Object.fromEntries(stored)).toEqual({
    default: HOLD_ROOT.containers,
    'system.slice': HOLD_ROOT.mixed,
    'kubepods.slice': HOLD_ROOT.containers,
  });
});

test('who is held is told with how long, and with whether its container is known', async () => {
  const pid = await stopped(1_500);
  expect(gate.held()).toEqual([{ pid, cgroup: 77n, waited: expect.any(Number), known: false }]);
  expect(gate.held()[0]?.waited).toBeGreaterThanOrEqual(1_500);
  known.add(77n);
  expect(gate.held()[0]).toMatchObject({ known: true });
});

test.each(['try', 'pass'] as const)('%s wakes it, and leaves it to the kernel to say that it waits no more', async (how) => {
  const pid = await stopped();
  await eventually('it is stopped', () => stateOf(pid) === 'T');
  const [held] = gate.held();
  gate.release(held!, how);
  await eventually('it goes on', () => stateOf(pid) !== 'T');
  expect(gate.held()).toHaveLength(1);
  expect(maps.hold_passed.content.size).toBe(how === 'pass' ? 1 : 0);
});

test('without its entry the number may be another process’s: nothing is done to it', async () => {
  const pid = await stopped();
  await eventually('it is stopped', () => stateOf(pid) === 'T');
  const [held] = gate.held();
  maps.held.delete(word(pid));
  for (const how of ['try', 'pass', 'kill'] as const) gate.release(held!, how);
  expect(stateOf(pid)).toBe('T');
  expect(maps.hold_passed.content.size).toBe(0);
});

test('kill ends it though it is stopped', async () => {
  await stopped();
  const child = children.at(-1)!;
  const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  gate.release(gate.held()[0]!, 'kill');
  expect(await ended).toBe('SIGKILL');
});

test('a process that is gone is passed over', async () => {
  const pid = await stopped();
  const [held] = gate.held();
  const child = children.pop()!;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  expect(gate.held()).toMatchObject([{ pid }]);
  expect(() => gate.release(held!, 'try')).not.toThrow();
});
