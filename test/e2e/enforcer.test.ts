/** The kernel programs under real hooks, on Debian's kernels: what cases.ts says must be what happens. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import path from 'node:path';
import type { EnforcerSupport } from '../../agent/src/ports.ts';
import { guestProgram, runInVm } from '../support/vm/index.ts';
import type { VmRequest } from '../support/vm/index.ts';
import { GROUPS, LONG } from './enforcer/cases.ts';
import { ACTOR, HOME } from './enforcer/paths.ts';

const LIMIT = 400;
const MACHINES: readonly (readonly [string, Pick<VmRequest, 'kernel' | 'cpus' | 'append'>])[] = [
  // programs that are preempted at any point, by tasks on the same processor
  ['Linux 6.1, fully preemptible, one processor', { kernel: '6.1', cpus: 1, append: 'preempt=full' }],
  ['Linux 6.12', { kernel: '6.12' }],
];

describe.each(MACHINES)('%s', (_name, machine) => {
  const facts = new Map<string, string>();
  let output = '';

  beforeAll(async () => {
    const command = guestProgram(path.join(import.meta.dirname, 'enforcer/scenario.ts'));
    const result = await runInVm({ ...machine, command, containerd: false, timeout: LIMIT });
    output = result.output;
    for (const line of output.split('\n')) facts.set(line.slice(0, line.lastIndexOf(': ')), line.slice(line.lastIndexOf(': ') + 2).trim());
    if (result.status !== 0) throw new Error(`the scenario ended with ${result.status}: ${result.problem ?? ''}\n${output.slice(-4000)}`);
  }, LIMIT * 1000);

  test.each(GROUPS.map((group) => [group.name, group] as const))('%s: every attempt ends as it must', (name, { tries }) => {
    const seen = tries.map(([command]) => [command, facts.get(`${name} | ${command}`)]);
    expect(seen).toEqual(tries.map(([command, result]) => [command, result]));
  });

  test.each([
    ['adoption | a task that was there before is confined', 'EACCES'],
    ['every call | seen while a table wants it', 'true'],
    ['every call | seen when none does', 'false'],
    ['coming in | with a terminal', 'refused'],
    ['coming in | without one', '0'],
    ['swap | equal tables are stored once', 'true'],
    ['swap | before', 'EACCES 0'],
    ['swap | after', '0 EACCES'],
    ['swap | the other container', 'EACCES 0'],
    ['swap | lifted', '0 0'],
    ['swap | a reader never gets through between two tables', 'EACCES'],
    ['swap | there were several', 'true'],
    ['host | a task of no container', 'EACCES'],
    ['host | a capability, a switch, a process outside', 'EPERM 0 EPERM 0'],
    ['host | lifted', '0'],
    ['restart | without an agent', 'EACCES'],
    ['restart | with the next agent, before it was told anything', 'EACCES'],
    ['restart | its generation is new', 'true'],
    ['restart | its table', '0 EACCES'],
    ['restart | a container that is gone', '0'],
    ['restart | nodes in the kernel', 'those of one table'],
    ['restart | removed', '0'],
    ['support | missing hooks', ''],
    ['counters | noScratch', '0'],
    ['counters | readFault', '0'],
    ['counters | labelsFull', '0'],
    ['counters | senderUnknown', '0'],
  ])('%s: %s', (fact, result) => {
    expect(facts.get(fact)).toBe(result);
  });

  /** Blocked and audited attempts, by what their events must say. */
  test.each([
    ['executing', `block process exec ${HOME}/bin/blocked <- ${ACTOR} <- ${ACTOR} [process]`],
    ['executing', `block process exec ${HOME}/bin/from-there <- ${HOME}/bin/other <- ${HOME}/bin/other [process]`],
    ['files', `block file read ${HOME}/deep/a/b/c <- ${ACTOR} <- NODE [file]`],
    ['files', `block file write ${HOME}/read-only/file <- ${ACTOR} <- NODE [file]`],
    ['files', `audit file read ${HOME}/audited <- ${ACTOR} <- NODE [file]`],
    ['files', `block file read ${HOME}/by-other <- ${HOME}/bin/other <- ${ACTOR} [file]`],
    ['sockets and capabilities', `block network  2/2/0 <- ${ACTOR} <- NODE [network]`],
    ['sockets and capabilities', `block capabilities  21/0/0 <- ${ACTOR} <- NODE [capabilities]`],
    ['addresses that are blocked', `block network connect 127.0.0.2 9 2/1/6 <- ${ACTOR} <- NODE [network]`],
    ['addresses that are blocked', `block network send 127.0.0.2 9 10/2/17 <- ${ACTOR} <- NODE [network]`],
    ['addresses that are blocked', `block network bind 0.0.0.0 8081 10/1/6 <- ${ACTOR} <- NODE [network]`],
    ['an allow-list of addresses', `block network connect 127.0.0.1 10 2/1/6 <- ${ACTOR} <- NODE [network]`],
    ['an allow-list of addresses', `audit network send 127.0.0.5 9 2/2/17 <- ${ACTOR} <- NODE [network]`],
    ['names that are blocked', `block dns  www.google.com <- ${ACTOR} <- NODE [dns]`],
    ['names that are blocked', `audit dns  example.org <- ${ACTOR} <- NODE [dns]`],
    ['an allow-list of names', `block dns  google.com <- ${ACTOR} <- NODE [posture]`],
    ['an allow-list that blocks', `block file read /etc/hostname <- ${ACTOR} <- NODE [posture]`],
    ['an allow-list that blocks', `block file read /memfd:memory <- ${ACTOR} <- ${ACTOR} [posture]`],
    ['patterns and names', `block file read ${HOME}/${LONG}/x.key <- ${ACTOR} <- NODE [file]`],
    ['patterns and names', `audit file read ${HOME}/deep/a/b/c <- ${ACTOR} <- NODE [file]`],
    ['patterns and names', `block process exec ${HOME}/bin/blocked <- ${ACTOR} <- ${ACTOR} [process]`],
    ['with and without a terminal', `block file read ${HOME}/secret <- ${ACTOR} <- ${ACTOR} [file]`],
    ['with and without a terminal', `audit file read ${HOME}/audited <- ${ACTOR} <- ${ACTOR} [file]`],
    ['with and without a terminal', `block network  2/2/0 <- ${ACTOR} <- ${ACTOR} [network]`],
    ['system calls', `audit syscalls  170/0/0 <- ${ACTOR} <- NODE [syscalls]`],
    ['system calls', `audit syscalls  74/1/0 <- ${ACTOR} <- NODE [syscalls]`],
    ['system calls', `audit syscalls  83/0/0 <- ${HOME}/bin/other <- ${ACTOR} [syscalls]`],
    ['everything is hardened', `block hardening  0/0/0 <- ${ACTOR} <- ${ACTOR} [hardening]`],
    ['everything is hardened', `block presets  /dev/shm/free <- ${ACTOR} <- ${ACTOR} [presets]`],
    ['everything is hardened', `block presets  /proc/1/environ <- ${ACTOR} <- NODE [presets]`],
    ['mounting in a container whose rules name files', `block hardening  ${HOME}/flat <- ${ACTOR} <- NODE [posture]`],
    ['going round execve', `block process exec ${HOME}/bin/linked <- ${ACTOR} <- NODE [process]`],
    ['descriptors and attributes', `block file write ${HOME}/read-only/file <- ${ACTOR} <- NODE [file]`],
    ['an allow-list that audits', `audit network  1/1/0 <- ${ACTOR} <- NODE [posture]`],
  ])('%s: the event `%s` arrives', (name, event) => {
    expect(eventsOf(name)).toContain(event);
  });

  test('what passes without a rule that audits it gives no event, nor does what the kernel does by itself', () => {
    const blockedOrAudited = ['secret', 'deep', 'flat/file', '/file', 'audited', 'owned', 'by-actor', 'by-other'];
    for (const event of eventsOf('files')) expect(blockedOrAudited.some((file) => event.includes(file))).toBe(true);
  });

  function eventsOf(name: string): string[] {
    const prefix = `${name}, events | `;
    return [...facts.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length).replace(/\/\S+\/bin\/node\b/, 'NODE'));
  }
});

describe('a kernel that cannot enforce', () => {
  const supports: EnforcerSupport[] = [];
  let output = '';

  beforeAll(async () => {
    const probe = guestProgram(path.join(import.meta.dirname, 'enforcer/probe.ts')).join(' ');
    const agent = 'parapet agent run --policies /tmp --node n 2>&1; echo "the agent ended with $?"';
    const command = [`${probe} && mount -t tmpfs none /sys/kernel/btf && ${probe} && ${agent}`];
    ({ output } = await runInVm({ command, lsm: 'landlock,yama', containerd: false, timeout: 120 }));
    const lines = output.split('\n').filter((line) => line.startsWith('support '));
    for (const line of lines) supports.push(JSON.parse(line.slice('support '.length)) as EnforcerSupport);
  }, 180_000);

  test('without BPF among its security modules it is told how to add it', () => {
    expect(supports[0]).toMatchObject({ enforcer: 'none', missingHooks: [] });
    expect(supports[0]!.problems.map(({ code }) => code)).toEqual(['kernel-no-bpf-lsm']);
    expect(supports[0]!.problems[0]!.hint).toMatch(/lsm=\S*landlock,yama,bpf$/);
  });

  test('without type information both faults are named', () => {
    expect(supports[1]!.problems.map(({ code }) => code)).toEqual(['kernel-no-btf', 'kernel-no-bpf-lsm']);
  });

  test('the agent does not start: it exits with 3, names each fault and says what to do', () => {
    const said = output.slice(output.lastIndexOf('support '));
    expect(said).toMatch(/no type information.*CONFIG_DEBUG_INFO_BTF.*\[kernel-no-btf\]/);
    expect(said).toMatch(/does not ask BPF programs.*lsm=\S*landlock,yama,bpf\).*\[kernel-no-bpf-lsm\]/);
    expect(said).toContain('the agent ended with 3\n');
  });
});
