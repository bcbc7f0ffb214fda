import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { LAYOUT } from '@parapet/policy';
import { checked, isNull, openLibrary } from '../../agent/src/adapters/kernel/library.ts';
import type { KernelLibrary } from '../../agent/src/adapters/kernel/library.ts';
import { KernelMap, word } from '../../agent/src/adapters/kernel/map.ts';
import { SHAPES } from '../../agent/src/adapters/kernel/programs.ts';
import { wakeHeld, Watch } from '../../agent/src/adapters/kernel/watch.ts';
import { eventually } from '../support/agent-fakes.ts';

const BUILD = path.join(import.meta.dirname, '../../bpf/build');
const library: KernelLibrary = openLibrary(BUILD);
const children: ChildProcess[] = [];
let pins = '';
let held: KernelMap;
let settings: KernelMap;
let watch: Watch | undefined;

beforeAll(() => {
  pins = mkdtempSync(path.join(tmpdir(), 'parapet-watch-'));
  checked(library.mount('bpffs', pins, 'bpf', 0, null), 'mounting a BPF file system');
  const object = library.parapet_load(path.join(BUILD, 'match_test.bpf.o'), pins, null, Buffer.alloc(4));
  if (isNull(object)) throw new Error(library.parapet_messages());
  const open = (name: 'held' | 'hold_settings'): KernelMap =>
    new KernelMap(library, checked(library.bpf_obj_get(path.join(pins, name)), name), { name, ...SHAPES[name] });
  held = open('held');
  settings = open('hold_settings');
});

afterEach(async () => {
  // Another agent takes over, so that the program goes.
  watch?.leave();
  await sleep(200);
  alive(0);
  await sleep(300);
  for (const child of children.splice(0)) {
    held.delete(word(child.pid ?? 0));
    child.kill('SIGKILL');
  }
});

afterAll(() => {
  execFileSync('umount', [pins]);
  rmdirSync(pins);
});

/** The agent's last sign of life, so many milliseconds ago. */
function alive(ago: number): void {
  const bytes = Buffer.alloc(LAYOUT.hold_settings.size);
  bytes.writeBigUInt64LE(process.hrtime.bigint() - BigInt(ago) * 1_000_000n, LAYOUT.hold_settings.alive);
  settings.set(word(0), bytes);
}

async function stopped(): Promise<number> {
  const child = spawn('sleep', ['100'], { stdio: 'ignore' });
  children.push(child);
  const pid = child.pid ?? 0;
  await eventually('the program runs', () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep'));
  process.kill(pid, 'SIGSTOP');
  held.set(word(pid), Buffer.alloc(LAYOUT.held.size));
  await eventually('it is stopped', () => stateOf(pid) === 'T');
  return pid;
}

const stateOf = (pid: number): string => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';

function start(): Watch {
  watch = new Watch({ bpfDirectory: BUILD, maps: pins });
  watch.ensure();
  return watch;
}

test('while the agent is alive it wakes nobody; when that has died, all who wait, as often as they are stopped', async () => {
  alive(0);
  const pid = await stopped();
  start();
  await sleep(1_500);
  expect(stateOf(pid)).toBe('T');
  watch?.leave();
  alive(6_000);
  await eventually('it goes on', () => stateOf(pid) !== 'T');
  process.kill(pid, 'SIGSTOP');
  await eventually('it goes on again', () => stateOf(pid) !== 'T');
});

test('an agent that gives no sign of life holds nobody up', async () => {
  alive(6_000);
  const pid = await stopped();
  start();
  await eventually('it goes on', () => stateOf(pid) !== 'T');
});

test('whoever is not among those that wait is left alone, and so are all when the next agent is there', async () => {
  alive(6_000);
  const [other, pid] = [await stopped(), await stopped()];
  held.delete(word(other));
  start().leave();
  await eventually('one goes on', () => stateOf(pid) !== 'T');
  expect(stateOf(other)).toBe('T');
  alive(0);
  await sleep(300);
  alive(6_000);
  process.kill(pid, 'SIGSTOP');
  await sleep(500);
  expect(stateOf(pid)).toBe('T');
});

test('it is started once, and anew when it ended', async () => {
  const watching = (): readonly string[] => {
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ');
    return children.filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'parapet-watch\n');
  };
  alive(0);
  const first = start();
  first.ensure();
  await eventually('it runs', () => watching().length === 1);
  process.kill(Number(watching()[0]), 'SIGKILL');
  await eventually('another one runs', () => {
    first.ensure();
    return watching().length === 1;
  });
});

test('where it cannot be started, that is told', async () => {
  const broken = new Watch({ bpfDirectory: '/nowhere', maps: pins });
  broken.ensure();
  await eventually('it is told', () => {
    try {
      broken.ensure();
      return false;
    } catch (error) {
      expect(error).toMatchObject({ message: 'nobody watches over what is held' });
      return true;
    }
  });
});

test('whoever waits for programs that are taken away is woken at once', async () => {
  alive(0);
  const pid = await stopped();
  wakeHeld({ bpfDirectory: BUILD, maps: pins });
  expect(stateOf(pid)).not.toBe('T');
});
