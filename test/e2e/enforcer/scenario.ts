/** Runs the groups of cases.ts and the life of an agent under real hooks. Prints facts: `NAME | WHAT: RESULT`. For the microVM, as root. */
import { execFile, spawn } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ABI, addressText, compile, decodeEvent, explainEvent } from '@parapet/policy';
import type { DecodedEvent, Policy, Table } from '@parapet/policy';
import { createBpfEnforcer } from '../../../agent/src/adapters/kernel/index.ts';
import type { Enforcer, InForce, KernelEvent } from '../../../agent/src/ports.ts';
import { capabilityRule, fileRule, policyOf, switchRule, syscallRule } from '../../unit/policy/builders.ts';
import { GROUPS, LONG } from './cases.ts';
import { DOOR } from './network-cases.ts';
import { ACTOR, HOME, IN_TERMINAL } from './paths.ts';
import { OFFER } from './intrusion-cases.ts';

const CGROUPS = '/sys/fs/cgroup';
const BUILD = path.resolve('bpf/build');
const run = promisify(execFile);

function fact(name: string, what: string, result: unknown): void {
  process.stdout.write(`${name} | ${what}: ${String(result)}\n`);
}

function makeFiles(): void {
  for (const directory of ['bin/sub', 'tools', 'deep/a/b', 'flat/sub', 'read-only/dir', 'free-directory', LONG])
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
  for (const file of [...files, 'by-actor', 'by-other', 'plain']) writeFileSync(path.join(HOME, file), 'x', { mode: 0o666 });
  for (const program of ['free', 'blocked', 'from-there', 'other', 'sub/blocked']) cpSync(ACTOR, path.join(HOME, 'bin', program));
  for (const program of ['bin/linked', 'bin/watched', 'tools/linked']) cpSync('/bin/true', path.join(HOME, program));
  cpSync(ACTOR, '/dev/shm/free');
  writeFileSync(path.join(HOME, 'script'), `#!${HOME}/bin/blocked\n`);
  chmodSync(path.join(HOME, 'script'), 0o755);
  chownSync(path.join(HOME, 'owned'), 1000, 1000);
  symlinkSync('secret', path.join(HOME, 'link-to-secret'));
}

function makeCgroup(name: string): bigint {
  mkdirSync(path.join(CGROUPS, name), { recursive: true });
  return statSync(path.join(CGROUPS, name), { bigint: true }).ino;
}

/** Runs an actor in a cgroup, as a runtime would: the shell enters it, then becomes the actor. Its lines by command. */
async function act(cgroup: string, commands: readonly string[]): Promise<Map<string, string>> {
  const enter = `echo $$ > ${CGROUPS}/${cgroup}/cgroup.procs && exec "$0" "$@"`;
  const { stdout } = await run('bash', ['-c', enter, ACTOR, ...commands]).catch((error: unknown) => error as { stdout: string });
  return new Map(stdout.split('\n').map((line) => [line.slice(0, line.lastIndexOf(': ')), line.slice(line.lastIndexOf(': ') + 2)]));
}

function tableOf(policies: readonly Policy[], posture: 'audit' | 'block' = 'audit'): Table {
  const { table } = compile(policies, { file: posture, network: posture, capabilities: posture });
  if (table === undefined) throw new Error('no table');
  return table;
}

/** The events that came since the last call, each as `verdict operation resource <- executable [rule]`. */
function describe(events: KernelEvent[], force: InForce, table: Table): string[] {
  return events.splice(0).map((event) => {
    const decoded = decodeEvent(event.header);
    const decision = explainEvent({ table, nodeBase: force.nodeBase, event: decoded });
    const why = 'rule' in decision ? decision.rule.section : 'posture' in decision ? 'posture' : 'nothing';
    const late = Math.abs(Date.now() - event.time) > 60_000 ? ' at another time' : '';
    const what = event.resource === '' ? socketOf(decoded) : event.resource;
    return `${decoded.verdict} ${decoded.section} ${decoded.operation ?? decoded.endpoint?.operation ?? ''} ${what} <- ${event.executable} <- ${event.parentExecutable} [${why}]${late}`;
  });
}

function socketOf({ detail, endpoint }: DecodedEvent): string {
  return endpoint === undefined ? detail.join('/') : `${addressText(endpoint.address)} ${endpoint.port} ${detail.join('/')}`;
}

async function runGroups(enforcer: Enforcer, events: KernelEvent[]): Promise<void> {
  for (const [index, { name, policies, posture, tries }] of GROUPS.entries()) {
    const cgroup = `group${index}`;
    const id = makeCgroup(cgroup);
    const table = tableOf(policies, posture);
    const force = await enforcer.enforce(id, table);
    const results = await act(
      cgroup,
      tries.map(([command]) => command),
    );
    for (const [command] of tries) fact(name, command, results.get(command) ?? 'no line');
    await sleep(100);
    const lines = new Set(describe(events, force, table));
    for (const line of lines) fact(`${name}, events`, line, 'seen');
    await enforcer.release(id);
  }
}

const secretTable = tableOf([policyOf(fileRule(`${HOME}/secret`))]);
const plainTable = tableOf([policyOf(fileRule(`${HOME}/plain`))]);

async function read(cgroup: string, file: string): Promise<string> {
  const command = `read ${HOME}/${file}`;
  return (await act(cgroup, [command])).get(command) ?? 'no line';
}

/** Tasks that were in the cgroup before its rules. */
async function adoption(enforcer: Enforcer): Promise<void> {
  const id = makeCgroup('early');
  const commands = [`wait ${HOME}/go`, `read ${HOME}/secret`];
  const early = act('early', commands);
  await sleep(1500);
  await enforcer.enforce(id, secretTable);
  writeFileSync(`${HOME}/go`, '');
  fact('adoption', 'a task that was there before is confined', (await early).get(commands[1]!));
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

/** A container obeys its new table, also tasks that run already; equal tables are one. */
async function swapping(enforcer: Enforcer): Promise<void> {
  const [one, two] = [makeCgroup('one'), makeCgroup('two')];
  const first = await enforcer.enforce(one, secretTable);
  const second = await enforcer.enforce(two, secretTable);
  fact('swap', 'equal tables are stored once', first.nodeBase === second.nodeBase && first.tableHash === second.tableHash);
  fact('swap', 'before', `${await read('one', 'secret')} ${await read('one', 'plain')}`);
  await enforcer.enforce(one, plainTable);
  fact('swap', 'after', `${await read('one', 'secret')} ${await read('one', 'plain')}`);
  fact('swap', 'the other container', `${await read('two', 'secret')} ${await read('two', 'plain')}`);
  await enforcer.enforce(one, undefined);
  fact('swap', 'lifted', `${await read('one', 'secret')} ${await read('one', 'plain')}`);
  await enforcer.release(one);
  await enforcer.release(two);
}

/** A secret is read without pause while two tables that both block it alternate. */
async function atomicity(enforcer: Enforcer): Promise<void> {
  const id = makeCgroup('busy');
  const both = tableOf([policyOf(fileRule(`${HOME}/secret`), fileRule(`${HOME}/plain`))]);
  await enforcer.enforce(id, both);
  const script = `echo $$ > ${CGROUPS}/busy/cgroup.procs; exec ${ACTOR} "read-often ${HOME}/secret"`;
  const reader = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  reader.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await sleep(500);
  let swaps = 0;
  while (reader.exitCode === null && swaps < 200) {
    await enforcer.enforce(id, swaps % 2 === 0 ? secretTable : both);
    swaps += 1;
  }
  if (reader.exitCode === null) await new Promise((resolve) => reader.once('close', resolve));
  fact('swap', 'a reader never gets through between two tables', output.trim().split(': ').at(-1));
  fact('swap', 'there were several', swaps > 2);
  await enforcer.release(id);
}

async function host(enforcer: Enforcer): Promise<void> {
  mkdirSync(path.join(CGROUPS, 'nobody'), { recursive: true });
  await enforcer.enforce(0n, secretTable);
  fact('host', 'a task of no container', await read('nobody', 'secret'));
  const guarded = capabilityRule('sys_admin', { from: [ACTOR] });
  await enforcer.enforce(0n, tableOf([{ ...policyOf(guarded, switchRule('perf')), kind: 'KubeArmorHostPolicy' }]));
  const tries = ['hostname', `exec ${HOME}/bin/other hostname-32`, 'perf', 'trace 1'];
  const results = await act('nobody', tries);
  fact('host', 'a capability, a switch, a process outside', tries.map((command) => results.get(command)).join(' '));
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

const enforcer = await createBpfEnforcer({ bpfDirectory: BUILD });
fact('support', 'missing hooks', enforcer.support.missingHooks.join(','));
const events: KernelEvent[] = [];
enforcer.onEvents((some) => events.push(...some));
mkdirSync(path.join(HOME, 'bin'), { recursive: true });
const sources = ['actor.c', 'sockets.c', 'dns.c', 'intrusion.c'].map((file) => path.resolve('test/e2e/enforcer', file));
await run('cc', ['-O2', '-static', '-pthread', '-o', ACTOR, ...sources]);
await run('cc', ['-O2', '-static', '-o', IN_TERMINAL, path.resolve('test/e2e/enforcer/in-terminal.c')]);
makeFiles();
const server = spawn(ACTOR, [`serve ${DOOR}`], { stdio: 'inherit' });
const giver = spawn(ACTOR, [`offer ${OFFER}`], { stdio: 'ignore' });
await runGroups(enforcer, events);
giver.kill();
await coming(enforcer);
await attaching(enforcer);
await adoption(enforcer);
await swapping(enforcer);
await atomicity(enforcer);
await host(enforcer);
for (const [name, value] of Object.entries(enforcer.counters())) fact('counters', name, value);
await restart(enforcer);
server.kill();
rmSync(HOME, { recursive: true });
