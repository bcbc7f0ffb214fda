/** The kernel programs under real hooks, on Debian's kernels: what cases.ts says must be what happens. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import path from 'node:path';
import type { EnforcerSupport } from '../../agent/src/ports.ts';
import { nightly } from '../support/nightly.ts';
import { MACHINE_LIMIT } from '../support/patience.ts';
import { factsIn, guestProgram, hookLimit, outputOf, runInVm } from '../support/vm/index.ts';
import type { VmRequest } from '../support/vm/index.ts';
import { CALLS_TOLD } from './enforcer/call-cases.ts';
import { DOORS_TOLD } from './enforcer/door-cases.ts';
import { GROUPS, LONG } from './enforcer/cases.ts';
import { ACTOR, HOME } from './enforcer/paths.ts';

type Machine = readonly [string, Pick<VmRequest, 'kernel' | 'cpus' | 'append'>];
const MACHINES: readonly Machine[] = [
  ['Linux 6.12', { kernel: '6.12' }],
  // programs that are preempted at any point, by tasks on the same processor
  ...nightly<Machine>(['Linux 6.1, fully preemptible, one processor', { kernel: '6.1', cpus: 1, append: 'preempt=full' }]),
];

describe.each(MACHINES)('%s', (_name, machine) => {
  let facts: ReadonlyMap<string, string>;
  let output = '';

  beforeAll(async () => {
    const command = guestProgram(path.join(import.meta.dirname, 'enforcer/scenario.ts'));
    output = await outputOf({ ...machine, command, containerd: false, timeout: MACHINE_LIMIT });
    facts = factsIn(output);
  }, hookLimit(MACHINE_LIMIT));

  test.each(GROUPS.map((group) => [group.name, group] as const))('%s: every attempt ends as it must', (name, { tries }) => {
    const seen = tries.map(([command]) => [command, facts.get(`${name} | ${command}`)]);
    expect(seen).toEqual(tries.map(([command, result]) => [command, result]));
  });

  test.each([
    ['what guards the rules | signals by descriptors', '0'],
    ['adoption | a task that was there before is confined', 'EACCES'],
    ['adoption | and so is its listener', 'ETIMEDOUT 0'],
    ['every call | seen while a table wants it', 'true'],
    ['every call | seen when none does', 'false'],
    ['every call | made', '839'],
    ['every call | not told exactly once', ''],
    ['coming in | with a terminal', 'refused'],
    ['coming in | without one', '0'],
    ['swap | equal tables are stored once', 'true'],
    ['swap | before', 'EACCES 0'],
    ['swap | after', '0 EACCES'],
    ['swap | the other container', 'EACCES 0'],
    ['swap | lifted', '0 0'],
    ['swap | a reader never gets through between two tables', 'EACCES'],
    ['swap | what is on both lists is never refused', '0 0 ECONNREFUSED'],
    ['swap | what is on neither never passes', 'EACCES EACCES EACCES'],
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
    ['calls on paths | told', String(CALLS_TOLD.length)],
    ['calls on paths by other doors | told', String(DOORS_TOLD.length)],
    ['support | missing hooks', ''],
    ['unjudged | with everything', '0 0 EACCES 0 0 0 ECONNREFUSED EPERM EPERM'],
    ['unjudged | entering with everything', '0'],
    ['unjudged | counted with everything', 'false'],
    ['unjudged | without working memory', 'EACCES EACCES EACCES EACCES ENOENT EACCES EACCES EPERM EPERM'],
    ['unjudged | entering without working memory', 'no line'],
    ['unjudged | counted without working memory', 'true'],
    ['unjudged | without working memory for deep paths', '0 EACCES EACCES 0 0 0 ECONNREFUSED EPERM EPERM'],
    ['unjudged | entering without working memory for deep paths', '0'],
    ['unjudged | counted without working memory for deep paths', 'true'],
    ['unjudged | without room for labels', '0 0 EACCES 0 0 EAGAIN ECONNREFUSED EPERM EPERM'],
    ['unjudged | entering without room for labels', 'no line'],
    ['unjudged | counted without room for labels', 'true'],
    ['unjudged | with everything again', '0 0 EACCES 0 0 0 ECONNREFUSED EPERM EPERM'],
    ['unjudged | entering with everything again', '0'],
    ['unjudged | counted with everything again', 'false'],
    ['lacking | missing hooks', 'capable,sctp_assoc_request'],
    ['lacking | files', 'Enforced'],
    ['lacking | programs', 'Enforced'],
    ['lacking | addresses', 'Enforced'],
    ['lacking | tcp-peers', 'Enforced'],
    ['lacking | capabilities', 'Degraded capable'],
    ['lacking | peers', 'Degraded sctp_assoc_request'],
    ['lacking | tries', 'EACCES EACCES EACCES 0 0'],
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
    ['peers that are blocked', 'block network accept 127.6.0.1 8090 2/1/6 <-  <-  [network]'],
    ['peers that are blocked', 'block network accept 127.6.0.1 8091 10/1/6 <-  <-  [network]'],
    ['peers that are blocked', 'audit network accept 127.8.0.1 8090 2/1/6 <-  <-  [network]'],
    ['an allow-list of peers', 'block network accept 127.0.0.1 8092 2/1/6 <-  <-  [posture]'],
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
    ...CALLS_TOLD.map((line) => ['calls on paths', line] as const),
    ...DOORS_TOLD.map((line) => ['calls on paths by other doors', line] as const),
    ['channels and memory where rules block files', `block file read /dev/mqueue/secret <- ${ACTOR} <- NODE [file]`],
    ['channels and memory in an allow-list that blocks', `block file write /dev/mqueue/other <- ${ACTOR} <- NODE [posture]`],
    ['everything is hardened', `block hardening  0/0/0 <- ${ACTOR} <- ${ACTOR} [hardening]`],
    ['everything is hardened', `block presets  /dev/shm/free <- ${ACTOR} <- ${ACTOR} [presets]`],
    ['everything is hardened', `block presets  /proc/1/environ <- ${ACTOR} <- NODE [presets]`],
    ['mounting in a container whose rules name files', `block hardening  ${HOME}/flat <- ${ACTOR} <- NODE [posture]`],
    ['going round execve', `block process exec ${HOME}/bin/linked <- ${ACTOR} <- NODE [process]`],
    ['descriptors and attributes', `block file write ${HOME}/read-only/file <- ${ACTOR} <- NODE [file]`],
    ['arguments', `block process exec ${HOME}/bin/free read+${HOME}/plain <- ${ACTOR} <- ${ACTOR} [process]`],
    ['arguments', `block process exec ${HOME}/bin/blocked read+/dev/null <- ${ACTOR} <- ${ACTOR} [process]`],
    ['arguments', `audit process exec ${HOME}/bin/other read+${HOME}/plain <- ${ACTOR} <- ${ACTOR} [process]`],
    ['arguments', `block process exec ${HOME}/told-script read+${HOME}/plain <- ${ACTOR} <- ${ACTOR} [process]`],
    ['arguments', `block process exec ${HOME}/script-of-script read+${HOME}/plain <- ${ACTOR} <- ${ACTOR} [process]`],
    ['arguments', `block process exec ${HOME}/bin/free ${HOME}/free-script <- ${ACTOR} <- ${ACTOR} [process]`],
    ['arguments', `block process exec ${HOME}/bin/from-there hostname <- ${HOME}/bin/other <- ${HOME}/bin/other [process]`],
    ['other names', `block file read ${HOME}/also-secret <- ${ACTOR} <- NODE [file]`],
    ['other names', `audit file read ${HOME}/also-audited <- ${ACTOR} <- NODE [file]`],
    ['other names', `block process exec ${HOME}/also-program <- ${ACTOR} <- ${ACTOR} [process]`],
    ['an allow-list that audits', `audit network  1/1/0 <- ${ACTOR} <- NODE [posture]`],
  ])('%s: the event `%s` arrives', (name, event) => {
    expect(eventsOf(name)).toContain(event);
  });

  test.each([
    [/^block process exec \S+\/bin\/free read\+\/+ .*\(longArgument\)$/, 'longArgument'],
    [/^block process exec \S+\/bin\/free {2}<- .*\(manyArguments\)$/, 'manyArguments'],
  ])('arguments that cannot be judged are refused, with the reason: %s', (pattern, counter) => {
    expect(eventsOf('arguments')).toContainEqual(expect.stringMatching(pattern));
    expect(facts.get(`counters | ${counter}`)).toBe('1');
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
    ({ output } = await runInVm({ command, lsm: 'landlock,yama', containerd: false, timeout: MACHINE_LIMIT }));
    const lines = output.split('\n').filter((line) => line.startsWith('support '));
    for (const line of lines) supports.push(JSON.parse(line.slice('support '.length)) as EnforcerSupport);
  }, hookLimit(MACHINE_LIMIT));

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
