import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openLimits } from '../../../agent/src/adapters/resources.ts';
import type { LimitStore } from '../../../agent/src/ports.ts';

let home = '';
let cgroup: { id: bigint; path: string };
let store: LimitStore;

beforeEach(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'parapet-limits-'));
  cgroup = { id: statSync(home, { bigint: true }).ino, path: home };
  for (const [file, text] of Object.entries({ 'memory.max': 'max\n', 'pids.max': '50\n', 'cpu.max': 'max 100000\n', 'io.max': '' }))
    put(file, text);
  store = await openLimits(stateFile());
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

const stateFile = (): string => path.join(home, 'state/limits.json');
const put = (file: string, text: string): void => writeFileSync(path.join(home, file), text);
const get = (file: string): string => readFileSync(path.join(home, file), 'utf8').trim();
const io = new Map<string, { readBytesPerSecond: number }>();

test('limits are tightened, never loosened, and come back when there are none any more', async () => {
  expect(await store.apply(cgroup, { memory: 4096, pids: 100, cpu: 0.25, io })).toEqual([]);
  expect([get('memory.max'), get('pids.max'), get('cpu.max')]).toEqual(['4096', '50', '25000 100000']);
  expect(await store.apply(cgroup, { memory: 8192, pids: 10, io })).toEqual([]);
  expect([get('memory.max'), get('pids.max'), get('cpu.max')]).toEqual(['8192', '10', 'max 100000']);
  expect(await store.apply(cgroup, undefined)).toEqual([]);
  expect([get('memory.max'), get('pids.max'), get('cpu.max')]).toEqual(['max', '50', 'max 100000']);
  expect(JSON.parse(readFileSync(stateFile(), 'utf8'))).toEqual({});
});

test('an agent that is started after a crash restores what the one before it limited', async () => {
  await store.apply(cgroup, { memory: 4096, io });
  const next = await openLimits(stateFile());
  await next.apply(cgroup, { memory: 12288, io });
  expect(get('memory.max')).toBe('12288');
  await (await openLimits(stateFile())).settle(new Set());
  expect(get('memory.max')).toBe('max');
});

test('memory is limited to whole pages, as the kernel keeps it: an agent that is killed as soon as it has written knows its own limit', async () => {
  await store.apply(cgroup, { memory: 10_000, io });
  expect(get('memory.max')).toBe('8192');
});

test('a limit that somebody else set meanwhile is what it comes back to, and is not loosened', async () => {
  await store.apply(cgroup, { memory: 4096, io });
  put('memory.max', '500\n');
  await store.apply(cgroup, { memory: 4096, io });
  expect(get('memory.max')).toBe('500');
  put('memory.max', '16384\n');
  await store.apply(cgroup, { memory: 4096, io });
  expect(get('memory.max')).toBe('4096');
  await store.apply(cgroup, undefined);
  expect(get('memory.max')).toBe('16384');
});

test('a limit that somebody else set is left alone when ours goes', async () => {
  await store.apply(cgroup, { memory: 4096, io });
  put('memory.max', '700\n');
  await store.apply(cgroup, undefined);
  expect(get('memory.max')).toBe('700');
});

test('a controller that is not enabled is told by name, and the others are held', async () => {
  rmSync(path.join(home, 'memory.max'));
  expect(await store.apply(cgroup, { memory: 4096, pids: 5, io })).toEqual([
    'memory.max: the controller memory is not enabled for it; add it to cgroup.subtree_control of the cgroups above',
  ]);
  expect(get('pids.max')).toBe('5');
});

test('a device is limited by its numbers; one that is not there is told', async () => {
  const devices = new Map([
    ['8:0', { readBytesPerSecond: 100, writeOperationsPerSecond: 7 }],
    ['/dev/nothing-here', { readBytesPerSecond: 1 }],
    ['/dev/null', { readBytesPerSecond: 1 }],
  ]);
  put('io.max', '8:0 rbps=50 wbps=max riops=max wiops=max\n');
  expect(await store.apply(cgroup, { io: devices })).toEqual([
    'io.max: there is no device /dev/nothing-here here',
    'io.max: there is no device /dev/null here',
  ]);
  expect(get('io.max')).toBe('8:0 wiops=7');
});

test('a cgroup that is gone, or another one by now, is not touched', async () => {
  expect(await store.apply({ ...cgroup, id: 1n }, { memory: 1, io })).toEqual([]);
  expect(await store.apply({ id: 5n, path: path.join(home, 'nowhere') }, { memory: 1, io })).toEqual([]);
  expect(get('memory.max')).toBe('max');
});

test('what has been held back is counted, also where a controller is missing', async () => {
  put('memory.events', 'low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n');
  put('cpu.stat', 'usage_usec 5\nnr_periods 10\nnr_throttled 4\n');
  expect(await store.bites(cgroup)).toEqual({ memory: 5, pids: 0, periods: 10, throttled: 4, inForce: new Set() });
});

test('of a cgroup that is gone there are no counts', async () => {
  expect(await store.bites({ id: cgroup.id + 1n, path: cgroup.path })).toBeUndefined();
});

test('the limits in force are those that nobody else has set tighter', async () => {
  const inForce = async (): Promise<readonly string[]> => [...((await store.bites(cgroup))?.inForce ?? [])];
  await store.apply(cgroup, { memory: 4096, pids: 100, cpu: 0.25, io });
  expect(await inForce()).toEqual(['memory', 'cpu']);
  await store.apply(cgroup, { pids: 50, cpu: 0.25, io });
  expect(await inForce()).toEqual(['pids', 'cpu']);
  put('cpu.max', '20000 100000\n');
  await store.apply(cgroup, { pids: 50, cpu: 0.25, io });
  expect(await inForce()).toEqual(['pids']);
  await store.apply(cgroup, undefined);
  expect(await inForce()).toEqual([]);
});

test('what is kept of a cgroup that had the same number earlier is not taken for this one’s', async () => {
  await store.apply(cgroup, { memory: 4096, io });
  const kept = JSON.parse(readFileSync(stateFile(), 'utf8')) as Record<string, object>;
  const elsewhere = { ...kept[String(cgroup.id)], path: path.join(home, 'elsewhere') };
  writeFileSync(stateFile(), JSON.stringify({ [String(cgroup.id)]: elsewhere }));
  put('memory.max', '16384\n');
  await (await openLimits(stateFile())).apply(cgroup, { memory: 4096, io });
  await (await openLimits(stateFile())).settle(new Set());
  expect(get('memory.max')).toBe('16384');
});

test('a change of a file of events is told at once, until nobody wants to know', async () => {
  put('memory.events', 'max 0\n');
  let told = 0;
  const unwatch = store.watch(home, () => (told += 1));
  put('memory.events', 'max 1\n');
  while (told === 0) await sleep(10);
  unwatch();
  await sleep(50);
  const before = told;
  put('memory.events', 'max 2\n');
  await sleep(100);
  expect(told).toBe(before);
  store.watch(path.join(home, 'nowhere'), () => undefined)();
});

test('a memory of limits that cannot be read is an empty one', async () => {
  writeFileSync(path.join(home, 'broken.json'), '{');
  const broken = await openLimits(path.join(home, 'broken.json'));
  expect(await broken.apply(cgroup, { memory: 4096, io })).toEqual([]);
});
