/** Loads every program into this kernel, runs smoke.ts under them, and prints facts: `WHAT: RESULT`. For the microVM, as root. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compile } from '@parapet/policy';
import { createBpfEnforcer } from '../../../agent/src/adapters/kernel/index.ts';
import { checked, openLibrary } from '../../../agent/src/adapters/kernel/library.ts';
import { word } from '../../../agent/src/adapters/kernel/map.ts';
import { buildActor } from '../enforcer/build-actor.ts';
import { loadedPrograms } from '../../support/loaded-programs.ts';
import { ACTOR, FILES, POLICY, PROGRAMS, TRIES } from './smoke.ts';

const BUILD = path.resolve('bpf/build');
const CGROUP = '/sys/fs/cgroup/smoke';
const ENTER = `echo $$ > ${CGROUP}/cgroup.procs && exec "$0" "$@"`;

function fact(what: string, result: unknown): void {
  process.stdout.write(`${what}: ${String(result)}\n`);
}

/** What the bridge sees of a program that the kernel has to leave out twice: its own work would start it again. */
function seeMissedRuns(): number {
  const library = openLibrary(BUILD);
  const object = library.parapet_load(path.join(BUILD, 'missed_test.bpf.o'), '', null, Buffer.alloc(4));
  checked(library.parapet_attach(object, ''), 'attaching the program whose runs are left out');
  const find = (name: string): number => checked(library.bpf_object__find_map_fd_by_name(object, name), `finding ${name}`);
  for (let turn = 0; turn < 2; turn += 1) library.bpf_map_delete_elem(find('inner'), word(0));
  return library.parapet_missed_runs(find('own'));
}

for (const file of [...FILES, ...PROGRAMS]) mkdirSync(path.dirname(file), { recursive: true });
for (const file of FILES) writeFileSync(file, 'x');
await buildActor(ACTOR);
for (const program of PROGRAMS) cpSync(ACTOR, program);

const enforcer = await createBpfEnforcer({ bpfDirectory: BUILD });
fact('missing hooks', enforcer.support.missingHooks.join(','));
mkdirSync(CGROUP);
const { table } = compile([POLICY], { file: 'audit', network: 'audit', capabilities: 'audit' });
await enforcer.enforce(statSync(CGROUP, { bigint: true }).ino, table);
// the exit status is the last command's errno: one more that passes
const commands = [...TRIES.map(([command]) => command), `read ${FILES[1]}`];
const lines = execFileSync('bash', ['-c', ENTER, ACTOR, ...commands], { encoding: 'utf8' });
process.stdout.write(lines);
for (const { name, verified, machineCode, missed } of loadedPrograms()) {
  fact(`program ${name}`, `${verified} ${machineCode}`);
  if (missed !== 0) fact(`missed ${name}`, missed);
}
for (const name of ['noScratch', 'readFault', 'tooDeep', 'labelsFull', 'runsMissed']) fact(`counter ${name}`, enforcer.counters()[name]);
await enforcer.close({ keep: false });
fact('left out on purpose', seeMissedRuns());
