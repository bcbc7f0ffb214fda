/** Runs the groups of cases.ts and the life of an agent under real hooks. Prints facts: `NAME | WHAT: RESULT`. For the microVM, as root. */
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, cpSync, linkSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ABI, addressText, decodeEvent, explainEvent, resourceText, wholePaths } from '@parapet/policy';
import type { DecodedEvent, Policy, Table } from '@parapet/policy';
import { createBpfEnforcer, openFiles } from '../../../agent/src/adapters/kernel/index.ts';
import type { Enforcer, InForce, KernelEvent } from '../../../agent/src/ports.ts';
import { syscallText } from '../../../policy/src/syscall.ts';
import { capabilityRule, endpointRule, fileRule, policyOf, switchRule, syscallRule } from '../../unit/policy/builders.ts';
import { buildActor } from './build-actor.ts';
import { SCRIPTS } from './argument-cases.ts';
import { everyCall } from './every-call.ts';
import { HARD_LINKS, LINKED_FILES, LINKED_PROGRAMS } from './link-cases.ts';
import { GROUPS, LONG } from './cases.ts';
import { OFFER } from './intrusion-cases.ts';
import { lacking } from './lacking.ts';
import { DOOR } from './network-cases.ts';
import { ACTOR, DEEPER, HOME, IN_TERMINAL } from './paths.ts';
import { act, BUILD, CGROUPS, Events, fact, makeCgroup, read, run, start, tableOf, whenSaid } from './stage.ts';
import { alternating, swapping } from './swaps.ts';
import { unjudged } from './unjudged.ts';

/** The word for the part that another process of this program does. */
const LACKING = 'lacking';

function makeFiles(): void {
  for (const directory of ['bin/sub', 'tools', 'linked', 'deep/a/b', 'flat/sub', 'read-only/dir', 'free-directory', LONG])
    mkdirSync(path.join(HOME, directory), { recursive: true });
  const files = [
    'secret',
    'deep/a/b/c',
    `${LONG}/x.key`,
    'x.key',
    'flat/file',
    'flat/sub/file',
    `${LONG}/file`,
    `${LONG}/other`,
    'read-only/file',
    'owned',
    'audited',
  ];
  for (const file of [...files, ...LINKED_FILES, 'by-actor', 'by-other', 'plain'])
    writeFileSync(path.join(HOME, file), 'x', { mode: 0o666 });
  for (const program of ['free', 'blocked', 'from-there', 'other', 'sub/blocked']) cpSync(ACTOR, path.join(HOME, 'bin', program));
  for (const program of ['bin/linked', 'bin/watched', 'tools/linked']) cpSync('/bin/true', path.join(HOME, program));
  mkdirSync(path.dirname(DEEPER), { recursive: true });
  writeFileSync(DEEPER, 'x');
  cpSync(ACTOR, '/dev/shm/free');
  cpSync(ACTOR, path.join(HOME, 'flat/program'));
  writeFileSync('/dev/shm/opened-by-handle', 'x');
  for (const program of LINKED_PROGRAMS) cpSync(ACTOR, path.join(HOME, program));
  for (const [name, target] of Object.entries(HARD_LINKS)) linkSync(path.join(HOME, target), path.join(HOME, name));
  writeFileSync(path.join(HOME, 'script'), `#!${HOME}/bin/blocked\n`);
  chmodSync(path.join(HOME, 'script'), 0o755);
  for (const [script, interpreter] of Object.entries(SCRIPTS)) writeFileSync(script, `#!${interpreter}\n`, { mode: 0o755 });
  chownSync(path.join(HOME, 'owned'), 1000, 1000);
  symlinkSync('secret', path.join(HOME, 'link-to-secret'));
}

/** Events, each as `verdict operation resource <- executable [rule]`. */
function describe(events: readonly KernelEvent[], force: InForce, table: Table): string[] {
  return events.map((event) => {
    const decoded = decodeEvent(event.header);
    const decision = explainEvent({ table, nodeBase: force.nodeBase, event: decoded });
    const why = 'rule' in decision ? decision.rule.section : 'posture' in decision ? 'posture' : 'nothing';
    const late = Math.abs(Date.now() - event.time) > 60_000 ? ' at another time' : '';
    const call = decoded.section === 'syscalls' ? `${syscallText(decoded.detail[0], decoded.detail[1] !== 0)} ` : '';
    const what = event.resource === '' ? socketOf(decoded) : `${call}${resourceText(decoded, event.resource)}`;
    const reason = decoded.reason === undefined ? '' : ` (${decoded.reason})`;
    return `${decoded.verdict} ${decoded.section} ${decoded.operation ?? decoded.endpoint?.operation ?? ''} ${what} <- ${event.executable} <- ${event.parentExecutable} [${why}]${reason}${late}`;
  });
}

function socketOf({ detail, endpoint }: DecodedEvent): string {
  return endpoint === undefined ? detail.join('/') : `${addressText(endpoint.address)} ${endpoint.port} ${detail.join('/')}`;
}

const finder = openFiles({ bpfDirectory: BUILD });

/** As the agent does it: the files that the rules name are found in the root. */
async function enforceWithFiles(enforcer: Enforcer, to: { id: bigint; table: Table; policies: readonly Policy[] }): Promise<InForce> {
  const files = await finder.find(process.pid, wholePaths(to.policies));
  const [granted] = await enforcer.enforceAll([{ cgroup: to.id, table: to.table, ...(files === undefined ? {} : { files }) }]);
  if (granted === undefined || 'error' in granted) throw new Error('refused', { cause: granted?.error });
  return granted.inForce;
}

async function runGroups(enforcer: Enforcer, events: Events): Promise<void> {
  for (const [index, { name, policies, posture, tries }] of GROUPS.entries()) {
    const cgroup = `group${index}`;
    const id = makeCgroup(cgroup);
    const table = tableOf(policies, posture);
    const force = await enforceWithFiles(enforcer, { id, table, policies });
    const results = await act(
      cgroup,
      tries.map(([command]) => command),
    );
    for (const [command] of tries) fact(name, command, results.get(command) ?? 'no line');
    const told = await events.take();
    fact(
      name,
      'told',
      told.reduce((sum, { count }) => sum + count, 0),
    );
    const lines = new Set(describe(told, force, table));
    for (const line of lines) fact(`${name}, events`, line, 'seen');
    await enforcer.release(id);
  }
}

const secretTable = tableOf([policyOf(fileRule(`${HOME}/secret`))]);
const plainTable = tableOf([policyOf(fileRule(`${HOME}/plain`))]);

/** A task that was in the cgroup before its rules, and listened. */
async function adoption(enforcer: Enforcer): Promise<void> {
  const id = makeCgroup('early');
  const heard = ['greet 127.6.0.1 127.0.0.1 8095', 'greet 127.0.0.1 127.0.0.1 8095'];
  const early = start('early', ACTOR, ['hear 4 8095', `wait ${HOME}/go`, ...heard, `read ${HOME}/secret`]);
  await whenSaid(early, 'hear 4 8095');
  await enforcer.enforce(id, tableOf([policyOf(fileRule(`${HOME}/secret`), endpointRule('127.6.0.0/16', { operations: ['accept'] }))]));
  writeFileSync(`${HOME}/go`, '');
  await early.ended;
  const results = early.said();
  fact('adoption', 'a task that was there before is confined', results.get(`read ${HOME}/secret`));
  fact('adoption', 'and so is its listener', heard.map((command) => results.get(command)).join(' '));
  await enforcer.release(id);
}

/** The program of system calls is attached only while a table wants it. */
async function attaching(enforcer: Enforcer): Promise<void> {
  const seen = async (): Promise<boolean> => (await run('bpftool', ['link', 'show'])).stdout.includes("tp 'sys_enter'");
  const id = makeCgroup('watched');
  await enforcer.enforce(id, tableOf([policyOf(syscallRule(['kill']))]));
  fact('every call', 'seen while a table wants it', await seen());
  await enforcer.enforce(id, secretTable);
  fact('every call', 'seen when none does', await seen());
  await enforcer.release(id);
}

/** A process with a terminal that enters a container which keeps such processes out, and one without a terminal. */
async function coming(enforcer: Enforcer): Promise<void> {
  const id = makeCgroup('kept-shut');
  await enforcer.enforce(id, tableOf([policyOf(switchRule('exec'))]));
  const enter = `echo $$ > ${CGROUPS}/kept-shut/cgroup.procs && exec ${ACTOR} 'read ${HOME}/plain'`;
  const withTerminal = run('script', ['-qec', enter, '/dev/null'], { env: { ...process.env, SHELL: '/bin/bash' } });
  const { stdout } = await withTerminal.catch((error: unknown) => error as { stdout: string });
  fact('coming in', 'with a terminal', /Permission denied|cannot execute/.test(stdout) ? 'refused' : stdout.trim());
  fact('coming in', 'without one', await read('kept-shut', 'plain'));
  await enforcer.release(id);
}

async function host(enforcer: Enforcer): Promise<void> {
  mkdirSync(path.join(CGROUPS, 'nobody'), { recursive: true });
  await enforcer.enforce(0n, secretTable);
  fact('host', 'a task of no container', await read('nobody', 'secret'));
  // one after the other: Debian's kernels ask for the capability before they ask about perf
  const steps = [
    { rule: capabilityRule('sys_admin', { from: [ACTOR] }), tries: ['hostname', `exec ${HOME}/bin/other hostname-32`] },
    { rule: switchRule('perf'), tries: ['perf', 'trace 1'] },
  ];
  const results: (string | undefined)[] = [];
  for (const { rule, tries } of steps) {
    await enforcer.enforce(0n, tableOf([{ ...policyOf(rule), kind: 'KubeArmorHostPolicy' }]));
    const seen = await act('nobody', tries);
    results.push(...tries.map((command) => seen.get(command)));
  }
  fact('host', 'a capability, a switch, a process outside', results.join(' '));
  await enforcer.enforce(0n, undefined);
  fact('host', 'lifted', await read('nobody', 'secret'));
}

/** Enforcement outlives the agent; the next agent takes over, and tidies up. */
async function restart(enforcer: Enforcer): Promise<void> {
  const id = makeCgroup('kept');
  makeCgroup('gone');
  await enforcer.enforce(id, secretTable);
  await enforcer.enforce(statSync(`${CGROUPS}/gone`, { bigint: true }).ino, plainTable);
  await enforcer.close({ keep: true });
  fact('restart', 'without an agent', await read('kept', 'secret'));
  const next = await createBpfEnforcer({ bpfDirectory: BUILD });
  fact('restart', 'with the next agent, before it was told anything', await read('kept', 'secret'));
  const force = await next.enforce(id, plainTable);
  fact('restart', 'its generation is new', force.generation > 1);
  await next.settle();
  fact('restart', 'its table', `${await read('kept', 'secret')} ${await read('kept', 'plain')}`);
  fact('restart', 'a container that is gone', await read('gone', 'plain'));
  const dump = await run('bpftool', ['map', 'dump', 'pinned', `/sys/fs/bpf/parapet/v${ABI}/maps/nodes`, '-j']);
  const left = (JSON.parse(dump.stdout) as unknown[]).length;
  fact('restart', 'nodes in the kernel', left === plainTable.nodes.length ? 'those of one table' : left);
  await next.close({ keep: false });
  fact('restart', 'removed', await read('kept', 'plain'));
}

async function everything(): Promise<void> {
  const enforcer = await createBpfEnforcer({ bpfDirectory: BUILD });
  fact('support', 'missing hooks', enforcer.support.missingHooks.join(','));
  const events = new Events(enforcer);
  mkdirSync(path.join(HOME, 'bin'), { recursive: true });
  await buildActor(ACTOR);
  await run('cc', ['-O2', '-static', '-o', IN_TERMINAL, path.resolve('test/e2e/enforcer/in-terminal.c')]);
  makeFiles();
  await run(ACTOR, ['queue make /secret', 'queue make /read-only']);
  const server = spawn(ACTOR, [`serve ${DOOR}`], { stdio: 'inherit' });
  const giver = spawn(ACTOR, [`offer ${OFFER}`], { stdio: 'ignore' });
  let signals = 0;
  process.on('SIGWINCH', () => (signals += 1));
  await runGroups(enforcer, events);
  fact('what guards the rules', 'signals by descriptors', signals);
  giver.kill();
  await coming(enforcer);
  await attaching(enforcer);
  await adoption(enforcer);
  await swapping(enforcer);
  await alternating(enforcer);
  await host(enforcer);
  await everyCall(enforcer, events);
  for (const [name, value] of Object.entries(enforcer.counters())) fact('counters', name, value);
  await unjudged(enforcer);
  await restart(enforcer);
  // the kernel's hooks are looked up once in a process
  await run(process.execPath, ['--enable-source-maps', process.argv[1] ?? '', LACKING]).then(({ stdout }) => process.stdout.write(stdout));
  server.kill();
  rmSync(HOME, { recursive: true });
}

if (process.argv[2] === LACKING) await lacking();
else await everything();
