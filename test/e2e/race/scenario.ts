/**
 * Crowds of tasks under a rule that blocks one file and leaves its neighbour alone. Prints facts: `WHAT: RESULT`. Its one argument is the
 * number of tries for each crowd. For the microVM, as root.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { compile } from '@parapet/policy';
import type { Table } from '@parapet/policy';
import { createBpfEnforcer } from '../../../agent/src/adapters/kernel/index.ts';
import { loadedPrograms } from '../../support/loaded-programs.ts';
import { fileRule, policyOf } from '../../unit/policy/builders.ts';
import { CROWDS } from './crowds.ts';

const HOME = '/run/race';
const CROWD = `${HOME}/crowd`;
const DEPTH = `${HOME}/one/two/three`;
const DEEP = `${HOME}/${'d/'.repeat(1000)}`;
const CGROUPS = '/sys/fs/cgroup';
const tries = Number(process.argv[2]);
const run = promisify(execFile);

function fact(what: string, result: unknown): void {
  process.stdout.write(`${what}: ${String(result)}\n`);
}

interface Crowd {
  readonly place: 'stay' | 'leave';
  readonly tasks: number;
  readonly tries: number;
  /** One that the rules block, and one that they do not. */
  readonly files: readonly [string, string];
}

async function crowd({ place, tasks, tries, files }: Crowd): Promise<string> {
  const { stdout } = await run(CROWD, ['race', place, String(tasks), String(tries), ...files]);
  const [made, passed, refused, other, moved] = stdout.trim().split(' ').map(Number);
  return `${made! >= tries ? 'all tries' : made}, ${passed} passed, ${refused} refused, ${other} other${moved === 0 ? '' : ', some while moved'}`;
}

function makeCgroup(name: string): bigint {
  mkdirSync(path.join(CGROUPS, name));
  return statSync(path.join(CGROUPS, name), { bigint: true }).ino;
}

function tableOf(...files: string[]): Table {
  const { table } = compile([policyOf(...files.map((file) => fileRule(file)))], { file: 'audit', network: 'audit', capabilities: 'audit' });
  if (table === undefined) throw new Error('no table');
  return table;
}

/** Somebody outside moves a directory to and fro while tasks in the container open what is in it, by both names, and by a descriptor of it. */
async function storm(): Promise<void> {
  const [here, there] = [`${HOME}/one/here`, `${HOME}/one/there`];
  mkdirSync(here);
  for (const file of ['secret', 'free']) writeFileSync(`${here}/${file}`, 'x');
  const wind = spawn(CROWD, ['storm', here, there], { stdio: ['pipe', 'pipe', 'inherit'] });
  fact('storm, by the first name', await crowd({ place: 'stay', tasks: 3, tries, files: [`${here}/secret`, `${DEPTH}/free`] }));
  fact('storm, by the second name', await crowd({ place: 'stay', tasks: 3, tries, files: [`${there}/secret`, `${there}/free`] }));
  // no look-up of a name waits for the one who moves it
  fact('storm, by a descriptor', await crowd({ place: 'stay', tasks: 3, tries, files: [`${here}//secret`, `${here}//free`] }));
  fact('storm, by a descriptor, in a crowd', await crowd({ place: 'stay', tasks: 60, tries, files: [`${here}//secret`, `${here}//free`] }));
  wind.stdin.end();
  await new Promise((resolve) => wind.once('close', resolve));
}

mkdirSync(DEEP, { recursive: true });
mkdirSync(DEPTH, { recursive: true });
for (const file of [`${DEPTH}/secret`, `${DEPTH}/free`, `${DEEP}secret`, `${DEEP}free`]) writeFileSync(file, 'x');
await run('cc', ['-O2', '-static', '-o', CROWD, path.resolve('test/e2e/race/crowd.c')]);
const enforcer = await createBpfEnforcer({ bpfDirectory: path.resolve('bpf/build') });
const secrets = [`${DEPTH}/secret`, `${DEEP}secret`, `${HOME}/one/here/secret`, `${HOME}/one/there/secret`];
await enforcer.enforce(makeCgroup('race'), tableOf(...secrets));
await enforcer.enforce(makeCgroup('free'), undefined);

const control = await run(CROWD, ['free', 'stay', '3', '1000', `${DEPTH}/secret`, `${DEPTH}/free`]);
fact('without the rule the same tries pass', control.stdout.trim());
for (const { tasks, place } of CROWDS) {
  fact(`${tasks} tasks, ${place}`, await crowd({ place, tasks, tries, files: [`${DEPTH}/secret`, `${DEPTH}/free`] }));
}
fact(
  '200 tasks, 1,000 components deep',
  await crowd({ place: 'stay', tasks: 200, tries: tries / 10, files: [`${DEEP}secret`, `${DEEP}free`] }),
);
await storm();
for (const [name, value] of Object.entries(enforcer.counters())) fact(`counter ${name}`, value);
fact(
  'runs missed',
  loadedPrograms().reduce((sum, { missed }) => sum + missed, 0),
);
await enforcer.close({ keep: false });
