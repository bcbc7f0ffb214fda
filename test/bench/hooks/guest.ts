/** Runs the scenes of plan.ts under real hooks, and prints what workload.c prints, as `SCENE | line`. For the microVM, as root. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compile } from '@parapet/policy';
import { createBpfEnforcer } from '../../../agent/src/adapters/kernel/index.ts';
import { checked, isNull, openLibrary } from '../../../agent/src/adapters/kernel/library.ts';
import { FILES, PROGRAMS, SCENES } from './plan.ts';
import type { Scene } from './plan.ts';

const BUILD = path.resolve('bpf/build');
const HOME = '/run/bench';
const WORKLOAD = `${HOME}/workload`;
const CGROUPS = '/sys/fs/cgroup';
const AUDIT = { file: 'audit', network: 'audit', capabilities: 'audit' } as const;

const run = (...words: string[]): string => execFileSync(words[0]!, words.slice(1), { encoding: 'utf8' });

/** Directories of a root file system: our programs, and the files to open. */
function fill(root: string): void {
  for (const file of [...FILES, ...PROGRAMS]) mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
  for (const file of FILES) writeFileSync(path.join(root, file), 'x');
  for (const program of PROGRAMS) run('cp', WORKLOAD, path.join(root, program));
}

function makeRoots(): void {
  mkdirSync(HOME);
  run('mount', '-t', 'tmpfs', 'tmpfs', HOME);
  run('cc', '-O2', '-static', '-o', WORKLOAD, path.resolve('test/bench/workload.c'));
  for (const name of ['tmpfs', 'overlay', 'lower', 'upper', 'work']) mkdirSync(path.join(HOME, name));
  run('mount', '-t', 'tmpfs', 'tmpfs', `${HOME}/tmpfs`);
  fill(`${HOME}/tmpfs`);
  fill(`${HOME}/lower`);
  const layers = `lowerdir=${HOME}/lower,upperdir=${HOME}/upper,workdir=${HOME}/work`;
  run('mount', '-t', 'overlay', 'overlay', '-o', layers, `${HOME}/overlay`);
}

/** One container a scene: its cgroup, empty. */
const cgroupOf = (scene: Scene): string => path.join(CGROUPS, scene.name.replaceAll(' ', '-'));

function work(scene: Scene, label: string): void {
  const place = scene.policies === undefined ? '-' : path.join(cgroupOf(scene), 'cgroup.procs');
  const lines = run(WORKLOAD, 'enter', place, `${HOME}/${scene.root}`, ...scene.loops.map(({ text }) => text)).trim();
  for (const line of lines.split('\n')) process.stdout.write(`${label} | ${line}\n`);
}

/** Attaches the empty program, whose runs cost what the statistics cost. */
function attachEmpty(): () => void {
  const library = openLibrary(BUILD);
  const handle = library.parapet_load(path.join(BUILD, 'empty.bpf.o'), '', null, Buffer.alloc(4));
  if (isNull(handle)) throw new Error(`the empty program does not load: ${library.parapet_messages()}`);
  const pins = '/sys/fs/bpf/bench';
  mkdirSync(pins);
  checked(library.parapet_attach(handle, pins), 'attaching the empty program');
  return () => {
    run('rm', '-r', pins);
    library.bpf_object__close(handle);
  };
}

makeRoots();
writeFileSync('/proc/sys/kernel/bpf_stats_enabled', '1');
const detachEmpty = attachEmpty();
work(
  SCENES.find(({ policies }) => policies === undefined)!,
  'empty',
);
detachEmpty();

const enforcer = await createBpfEnforcer({ bpfDirectory: BUILD });
for (const scene of SCENES) {
  if (scene.policies === undefined) continue;
  mkdirSync(cgroupOf(scene));
  const { table } = compile(scene.policies, AUDIT);
  await enforcer.enforce(statSync(cgroupOf(scene), { bigint: true }).ino, table);
}
for (const scene of SCENES) work(scene, scene.name);
writeFileSync('/proc/sys/kernel/bpf_stats_enabled', '0');
work(SCENES[0]!, 'enforced');
for (const [name, value] of Object.entries(enforcer.counters())) process.stdout.write(`counters | ${name} ${value}\n`);
await enforcer.close({ keep: false });
await sleep(1000); // the kernel detaches programs some time after their pins are gone
work(SCENES[0]!, 'unattached');
