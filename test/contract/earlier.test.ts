/**
 * Taking over from programs of another ABI, with real maps and the real walk over all processes, on this machine's kernel. Nothing is attached:
 * every process is in the root of the cgroups, so both halves label them all, in their maps only.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { LAYOUT } from '@parapet/policy';
import ffi from 'ffi-napi';
import { EarlierPrograms } from '../../agent/src/adapters/kernel/earlier.ts';
import { checked, isNull, openLibrary } from '../../agent/src/adapters/kernel/library.ts';
import { KernelMap, longWord, readWord, word } from '../../agent/src/adapters/kernel/map.ts';

const BUILD = path.join(import.meta.dirname, '../../bpf/build');
const ROOT_CGROUP = 1n;
const BPF_TRACE_ITER = 28;
const [THEIRS, OURS, CONCLUDED] = [5, 7, 8];

const library = openLibrary(BUILD);
const more = ffi.Library(path.join(BUILD, 'libparapet.so'), {
  bpf_link_create: ['int', ['int', 'int', 'int', 'pointer']],
  umount: ['int', ['string']],
}) as { bpf_link_create(program: number, target: number, type: number, options: null): number; umount(target: string): number };
const mountPoint = mkdtempSync(path.join(tmpdir(), 'parapet-earlier-'));
const root = path.join(mountPoint, 'pins');
let sleeper: ChildProcess;
let earlier: EarlierPrograms;
let theirs: Half;
let ours: Half;

interface Half {
  readonly adopt: number;
  readonly labels: KernelMap;
  readonly cgroups: KernelMap;
  readonly containers: KernelMap;
}

function load(home: string): Half {
  const pins = path.join(root, home, 'maps');
  mkdirSync(pins, { recursive: true });
  const error = Buffer.alloc(4);
  const object = library.parapet_load(path.join(BUILD, 'beside.bpf.o'), pins, null, error);
  if (isNull(object)) throw new Error(`the kernel refuses the programs (${error.readInt32LE()}): ${library.parapet_messages()}`);
  const program = library.bpf_program__fd(library.bpf_object__find_program_by_name(object, 'adopt'));
  const open = (name: string, keySize: number, valueSize: number): KernelMap =>
    new KernelMap(library, checked(library.bpf_obj_get(path.join(pins, name)), name), { name, keySize, valueSize });
  return {
    adopt: checked(more.bpf_link_create(program, 0, BPF_TRACE_ITER, null), 'making the iterator'),
    labels: open('labels', 4, LAYOUT.label.size),
    cgroups: open('cgroups', 8, 4),
    containers: open('containers', 4, LAYOUT.container.size),
  };
}

/** Whose the process is to one half, and its time of birth. */
function labelIn({ labels }: Half): readonly [container: number, born: bigint] | undefined {
  const label = labels.get(word(sleeper.pid ?? 0));
  if (label === undefined) return undefined;
  return [readWord(label, LAYOUT.label.container), Buffer.from(label).readBigUInt64LE(LAYOUT.label.start_time)];
}

const tableOf = (): number => readWord(theirs.containers.get(word(THEIRS))!, LAYOUT.container.table);

beforeAll(() => {
  checked(library.mount('bpffs', mountPoint, 'bpf', 0, null), 'mounting a BPF file system');
  sleeper = spawn('sleep', ['100'], { stdio: 'ignore' });
  theirs = load('v0');
  ours = load('v9');
  mkdirSync(path.join(root, 'v0/links-0'));
  theirs.cgroups.set(longWord(ROOT_CGROUP), word(THEIRS));
  theirs.containers.set(word(THEIRS), Buffer.concat([word(3), word(1)]));
  library.parapet_iterate(theirs.adopt);
  earlier = new EarlierPrograms({ library, adopt: ours.adopt, root, home: path.join(root, 'v9'), bpfDirectory: BUILD });
});

afterAll(() => {
  sleeper.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
  more.umount(mountPoint);
  rmSync(mountPoint, { recursive: true, force: true });
});

test('programs stay, with their rules, while they alone confine a process', async () => {
  expect(labelIn(theirs)).toEqual([THEIRS, expect.anything()]);
  expect(await earlier.takeOver(() => undefined)).toEqual([expect.stringContaining('processes of containers that are gone live on')]);
  expect([labelIn(ours), tableOf(), readdirSync(root)]).toEqual([undefined, 3, ['v0', 'v9']]);
});

test('a map of another shape is not guessed at: those programs stay', async () => {
  mkdirSync(path.join(root, 'v1/maps'), { recursive: true });
  mkdirSync(path.join(root, 'v1/links-0'));
  library.bpf_obj_pin(ours.cgroups.fd, path.join(root, 'v1/maps/labels'));
  expect((await earlier.takeOver(() => undefined)).join()).toContain('their map labels cannot be read');
  expect(readdirSync(root)).toContain('v1');
  rmSync(path.join(root, 'v1'), { recursive: true });
});

test('what their labels say is carried over, also where something else was concluded from a cgroup, and they go', async () => {
  ours.cgroups.set(longWord(ROOT_CGROUP), word(CONCLUDED));
  library.parapet_iterate(ours.adopt);
  expect(labelIn(ours)?.[0]).toBe(CONCLUDED);
  ours.cgroups.delete(longWord(ROOT_CGROUP));
  const before = labelIn(theirs);
  expect(await earlier.takeOver((cgroup) => (cgroup === ROOT_CGROUP ? OURS : undefined))).toEqual([]);
  expect(labelIn(ours)).toEqual([OURS, before?.[1]]);
  expect([tableOf(), readdirSync(root)]).toEqual([0, ['v9']]);
});
