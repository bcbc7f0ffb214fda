/** An agent's life on a node with real containers, through its command line: what scenario.ts did in the microVM must have come out right. */
import { beforeAll, expect, test } from '@jest/globals';
import type { AgentStatus } from '@parapet/agent';
import { MACHINE_LIMIT } from '../support/patience.ts';
import { hookLimit } from '../support/vm/index.ts';
import { factsOf } from './agent/facts.ts';
import { HOST_SECRET, IMAGE } from './agent/manifests.ts';
import type { Outcome } from './agent/node.ts';

let facts: ReadonlyMap<string, unknown>;

beforeAll(async () => {
  facts = await factsOf({ file: 'scenario.ts', image: IMAGE });
}, hookLimit(MACHINE_LIMIT));

function outcome(fact: string): Outcome {
  return facts.get(fact) as Outcome;
}

test('before there is an agent everything passes', () => {
  expect(facts.get('before there is an agent')).toEqual(['passed', 'passed', 'passed', 'passed', 'passed']);
});

test('a policy that is waited for is in force when the wait returns 0', () => {
  expect(outcome('wait')).toEqual({ status: 0, out: 'shop/web is enforced: in force on 1 container\n', err: '' });
  // the secret, an audited file, a file that no rule is about, a program, the node's secret in a container
  expect(facts.get('web')).toEqual(['refused', 'passed', 'passed', 'passed', 'passed']);
});

test('container_namespace means default, where containers are that say no namespace; host policies are waited for by name', () => {
  expect((facts.get('more waits') as Outcome[]).map(({ status, out }) => [status, out.trim()])).toEqual([
    [0, 'container_namespace/plain is enforced: in force on 1 container'],
    [0, 'pods/pods is enforced: in force on 1 container'],
    [0, 'edge is enforced: in force on the node'],
  ]);
  expect(facts.get('plain')).toEqual(['passed', 'passed', 'passed', 'refused']);
});

test('a container of another containerd namespace is found, and its pod’s namespace counts before its own', () => {
  expect(facts.get('pod')).toEqual(['passed', 'passed', 'refused']);
});

test('a host policy is in force on the node and not in containers', () => {
  expect(facts.get('the node')).toBe('refused');
});

test('the status shows the enforcer, every container with its labels and table, every policy, and that nothing was lost', () => {
  const status = facts.get('status as JSON') as AgentStatus;
  expect(status).toMatchObject({ node: 'node-1', enforcer: 'BPF-LSM', runtime: { connected: true }, problems: [] });
  expect(status.host.policies).toEqual(['KubeArmorHostPolicy edge']);
  const byName = Object.fromEntries(status.containers.map((container) => [container.name, container]));
  expect(Object.keys(byName).sort()).toEqual(['plain', 'pod', 'web']);
  expect(byName['web']).toMatchObject({ id: 'web', namespace: 'shop', image: IMAGE.name, policies: ['KubeArmorPolicy shop/web'] });
  expect(byName['web']?.labels).toMatchObject({ app: 'web', 'kubearmor.io/container.name': 'web' });
  expect(byName['web']?.tableHash).toMatch(/^[0-9a-f]{64}$/);
  expect([byName['plain']?.namespace, byName['pod']?.namespace]).toEqual(['default', 'pods']);
  expect(status.policies.map(({ name, state, containers }) => [name, state, containers])).toEqual([
    ['edge', 'Enforced', 0],
    ['plain', 'Enforced', 1],
    ['pods', 'Enforced', 1],
    ['web', 'Enforced', 1],
  ]);
  expect(status.drops).toEqual({ events: 0, denials: 0, alerts: 0, violations: 0 });
  expect(facts.get('status for people')).toMatch(/^shop\/web +KubeArmorPolicy +Enforced +c{12} +in force on 1 container$/m);
});

test('a cluster policy is in force in the namespaces that it names, and in no other', () => {
  expect((facts.get('waits for lists') as Outcome[]).map(({ status, out }) => [status, out.trim()])).toEqual([
    [0, 'cluster is enforced: in force on 1 container'],
    [0, 'pods/list is enforced: in force on 1 container'],
    [0, 'capable is enforced: in force on the node'],
  ]);
  const [web, plain, pod] = facts.get('under lists') as [string[], string[], string[]];
  expect([web[0], plain[0], pod[0]]).toEqual(['refused', 'passed', 'passed']);
});

test('what is on no list is decided by the agent’s own posture, in the containers that have a list and on the node', () => {
  const [web, plain, pod] = facts.get('under lists') as [string[], string[], string[]];
  expect([web[1], plain[1], pod[1]]).toEqual(['passed', 'passed', 'refused']);
  expect(facts.get('the clock under a list')).toBe('refused');
  expect(facts.get('after lists')).toEqual([['passed', 'passed'], 'passed']);
});

const alertOf = (containerName: string, resource: string): Record<string, unknown> | undefined =>
  (facts.get('alerts') as Record<string, unknown>[]).find(
    (alert) => alert['containerName'] === containerName && alert['resource'] === resource,
  );

test('a denial is a line of JSON with KubeArmor’s fields, and where the rule comes from', () => {
  const alert = alertOf('web', '/etc/secret');
  expect(alert).toMatchObject({
    clusterName: 'default',
    hostName: 'node-1',
    namespaceName: 'shop',
    podName: 'web',
    containerID: 'web',
    containerImage: IMAGE.name,
    uid: 0,
    processName: '/bin/sh',
    source: '/bin/sh',
    enforcer: 'BPFLSM',
    policyName: 'web',
    severity: '7',
    tags: 'secrets',
    atags: ['secrets'],
    message: 'the secret stays secret',
    type: 'MatchedPolicy',
    operation: 'File',
    data: 'lsm=FILE_OPEN',
    action: 'Block',
    result: 'Permission denied',
    policyNamespace: 'shop',
    policyKind: 'KubeArmorPolicy',
    rule: 'spec.file.matchPaths[0]',
    repository: 'https://git.test/shop',
    commit: 'c'.repeat(40),
  });
  expect(alert?.['labels']).toContain('app=web');
  for (const field of ['timestamp', 'hostPid', 'hostPPid', 'pid', 'ppid']) expect(typeof alert?.[field]).toBe('number');
  expect(alert?.['updatedTime']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test('an audited access gives an alert and passes; a refused program and the node’s own denials give theirs', () => {
  expect(alertOf('web', '/etc/audited')).toMatchObject({ action: 'Audit', result: 'Passed', rule: 'spec.file.matchPaths[1]' });
  expect(alertOf('plain', '/bin/ls')).toMatchObject({ operation: 'Process', namespaceName: 'default', policyName: 'plain' });
  expect(alertOf('pod', '/etc/more')).toMatchObject({ namespaceName: 'pods', podName: 'pod-0', policyName: 'pods' });
  const node = { type: 'MatchedHostPolicy', policyName: 'edge', containerID: '', hostName: 'node-1' };
  expect(alertOf('', HOST_SECRET)).toMatchObject(node);
});

test('policies with problems are rejected by file and line while the last good ones and all others stay in force', () => {
  expect(outcome('wait for the good one').status).toBe(0);
  expect(facts.get('web with its last good policy and the new one')).toEqual(['refused', 'passed', 'refused']);
  expect(facts.get('policies, some of them wrong')).toMatchObject({
    web: expect.stringMatching(/^Rejected: shop\/web\.yaml:16: .*spec\.colour: .*\[unknown-field\]; the last good version stays in force$/),
    deep: expect.stringMatching(/^Rejected: deep\.yaml:6: .*4200 bytes.*at most 4095 \[invalid-path\]$/),
    more: 'Enforced: in force on 1 container',
    plain: 'Enforced: in force on 1 container',
    edge: 'Enforced: in force on the node',
  });
  expect(facts.get('problems')).toEqual([
    expect.stringMatching(/^deep\.yaml:6: /),
    expect.stringMatching(/^kind\.yaml:2: .*did you mean KubeArmorPolicy\?\) \[unknown-kind\]$/),
    expect.stringMatching(/^other\.yaml:1: warning: .*\[not-a-policy\]$/),
    expect.stringMatching(/^shop\/web\.yaml:16: /),
    expect.stringMatching(/^syntax\.yaml:2:1: .*\[yaml-syntax\]$/),
  ]);
});

test('waiting for a policy that is rejected, or that never comes, returns 1 with the reason', () => {
  const [web, deep, nowhere] = facts.get('waits for bad ones') as [Outcome, Outcome, Outcome];
  expect([web.status, deep.status, nowhere.status]).toEqual([1, 1, 1]);
  expect(web.err).toMatch(/^shop\/web is rejected: shop\/web\.yaml:16: /);
  expect(deep.err).toMatch(/^shop\/deep is rejected: deep\.yaml:6: /);
  expect(nowhere.err).toMatch(/^shop\/nowhere is not in force after 1 s: there is no such policy here/);
});

test('once corrected everything is enforced, and what was removed is lifted', () => {
  expect(facts.get('policies, corrected')).toEqual(['edge', 'plain', 'pods', 'web']);
  expect(facts.get('web, corrected')).toEqual(['refused', 'passed', 'passed']);
});

test('a second agent is refused, with the same state directory and with another', () => {
  const [same, other] = facts.get('second agents') as [Outcome, Outcome];
  expect([same.status, other.status]).toEqual([3, 3]);
  expect(same.err).toContain('an agent runs already and listens on /run/parapet/agent.sock; stop it with: parapet agent stop --keep');
  expect(other.err).toContain('another agent enforces on this kernel');
});

test('an agent that is killed leaves everything in force, and the commands say that there is none', () => {
  expect(facts.get('killed')).toBe('SIGKILL');
  expect(facts.get('web and node without an agent')).toEqual(['refused', 'refused']);
  for (const fact of ['status without an agent', 'wait without an agent']) {
    expect(outcome(fact)).toMatchObject({ status: 3, out: '' });
    expect(outcome(fact).err).toContain('no agent runs here; start it with: parapet agent run --policies DIR');
  }
});

test('who is not root is told so, with exit code 3', () => {
  expect(outcome('run without being root')).toMatchObject({ status: 3, err: expect.stringContaining('must run as root') });
});

test('the next agent takes over, and alerts of what happens then arrive', () => {
  expect(outcome('wait for the next agent').status).toBe(0);
  expect(facts.get('web with the next agent')).toEqual(['refused', 'passed', 'passed']);
});

test('while containerd is away everything stays in force, and the status says that it is', () => {
  expect(facts.get('status without containerd')).toMatchObject({ containers: ['plain', 'pod', 'web'] });
  expect(facts.get('web without containerd')).toBe('refused');
  expect(facts.get('the status for people without containerd')).toMatch(/^runtime +NOT CONNECTED: /m);
});

test('when containerd is back new containers are found and confined', () => {
  expect(outcome('wait with a container that is new')).toMatchObject({
    status: 0,
    out: 'shop/web is enforced: in force on 2 containers\n',
  });
  expect(facts.get('late')).toEqual(['refused', 'passed', 'passed']);
});

test('an agent that is stopped leaves everything in force', () => {
  expect(outcome('stop')).toMatchObject({ status: 0, out: 'the agent has stopped; the kernel goes on enforcing\n' });
  expect(facts.get('the exit of an agent that was stopped')).toBe(0);
  expect(facts.get('web and node after a stop')).toEqual(['refused', 'refused']);
  expect(outcome('stop without an agent')).toMatchObject({ status: 3, err: expect.stringContaining('stays in force') });
});

test('an agent whose log and alerts nobody reads any more goes on, and counts the alerts that are lost', () => {
  expect(outcome('wait for an agent that nobody hears').status).toBe(0);
  expect(facts.get('lost by an agent that nobody hears')).toMatchObject({ events: 0, alerts: expect.any(Number) });
});

test('an agent that gets SIGTERM leaves everything in force too', () => {
  expect(facts.get('the exit of an agent that got SIGTERM')).toBe(0);
  expect(facts.get('web after SIGTERM')).toBe('refused');
});

test('from the first agent to the last command not one of the container’s tries got through', () => {
  expect(facts.get('the secret was read under the agents')).toBe(false);
});

test('everything can be lifted without an agent, and put in force again', () => {
  const lifted = { pins: false, web: ['passed', 'passed', 'passed'], node: 'passed' };
  expect(outcome('remove without an agent')).toMatchObject({ status: 0, out: expect.stringContaining('is lifted') });
  expect(facts.get('left after remove without an agent')).toEqual(lifted);
  expect([outcome('wait again').status, facts.get('web again')]).toEqual([0, 'refused']);
});

test('an agent that is told to remove lifts everything', () => {
  expect(outcome('remove')).toMatchObject({ status: 0, out: 'the agent has stopped; nothing is enforced any more\n' });
  expect(facts.get('the exit of an agent that lifted all')).toBe(0);
  expect(facts.get('left after remove')).toEqual({ pins: false, web: ['passed', 'passed', 'passed'], node: 'passed' });
});

test('the agent’s log names each problem once, and nothing that it could not do', () => {
  const log = facts.get('log') as string[];
  expect(log.filter((line) => line.includes('[unknown-kind]'))).toHaveLength(1);
  expect(log.filter((line) => /cannot be|refused|Error:(?! connect)/.test(line))).toEqual([]);
});
