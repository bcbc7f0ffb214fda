import { afterEach, expect, test } from '@jest/globals';
import type { NodeReport } from '@parapet/policy';
import { Agent } from '../../../agent/src/agent.ts';
import type { AgentOptions } from '../../../agent/src/agent-options.ts';
import { brokenFile, containerOf, eventually, fakePorts, FakeEnforcer, fileOf, manifest } from '../../support/agent-fakes.ts';

const OPTIONS: AgentOptions = {
  node: 'n1',
  cluster: 'default',
  postures: { file: 'block', network: 'block', capabilities: 'block' },
  now: () => Date.now(),
  reportPause: 5,
};
const invalid = manifest('a', { spec: { process: { matchPaths: [{ path: 'relative' }] } } });
const agents: Agent[] = [];

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop({ keep: true });
});

async function started(enforcer = new FakeEnforcer()) {
  const fakes = fakePorts(enforcer);
  const agent = new Agent(fakes.ports, OPTIONS);
  agents.push(agent);
  await agent.start();
  return { ...fakes, agent };
}

const stateOf = (agent: Agent, name: string) => agent.status().policies.find((policy) => policy.name === name);

test('a policy comes into force on the containers that it selects, and on no others', async () => {
  const { agent, state, enforcer } = await started();
  state.onContainers([containerOf(1), containerOf(2, { labels: { app: 'db' } }), containerOf(3, { namespace: 'other' })]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  expect(await agent.wait({ policy: 'shop/a', timeoutMs: 1000 })).toMatchObject({ exit: 0 });
  expect([enforcer.held(1), enforcer.held(2), enforcer.held(3)]).toEqual([['a'], [], []]);
  expect(stateOf(agent, 'a')).toEqual({
    kind: 'KubeArmorPolicy',
    namespace: 'shop',
    name: 'a',
    state: 'Enforced',
    message: 'in force on 1 container',
    containers: 1,
  });
});

test('a container that comes later is confined, and one that goes is let go', async () => {
  const { state, enforcer } = await started();
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  state.onContainers([]);
  state.onContainers([containerOf(1)]);
  await eventually('the container', () => enforcer.held(1).length === 1);
  state.onContainers([containerOf(2)]);
  await eventually('the next', () => enforcer.held(2).length === 1 && enforcer.released.includes(1n));
});

test('host policies are for the node itself', async () => {
  const { agent, state, enforcer } = await started();
  const host = manifest('edge', {
    kind: 'KubeArmorHostPolicy',
    spec: { selector: undefined, nodeSelector: { matchLabels: { 'kubernetes.io/hostname': 'n1' } } },
  });
  const value = JSON.parse(JSON.stringify(host)) as { metadata: { namespace?: string } };
  delete value.metadata.namespace;
  state.onFiles([fileOf('a.yaml', value)]);
  expect(await agent.wait({ policy: 'edge', timeoutMs: 1000 })).toEqual({ exit: 0, message: 'edge is enforced: in force on the node' });
  expect(enforcer.held(0)).toEqual(['edge']);
  expect(agent.status().host.policies).toEqual(['KubeArmorHostPolicy edge']);
});

test('until the policies are known nothing is lifted that an earlier agent left', async () => {
  const { state, enforcer, agent } = await started();
  state.onContainers([containerOf(1)]);
  state.onFiles([brokenFile('')]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(enforcer.calls).toEqual([]);
  expect(enforcer.settled).toBe(0);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  await agent.wait({ policy: 'shop/a', timeoutMs: 1000 });
  await eventually('what was left goes', () => enforcer.settled === 1);
});

test('what an earlier agent left stays until the containers are known too', async () => {
  const { state, enforcer } = await started();
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  await eventually('the node itself', () => enforcer.calls.length === 1);
  expect(enforcer.settled).toBe(0);
  state.onContainers([]);
  await eventually('what was left goes', () => enforcer.settled === 1);
});

test('programs of another version stay as long as the kernel refuses a container its rules', async () => {
  const { state, enforcer } = await started();
  enforcer.refusals.set(1n, new Error('it is full'));
  state.onContainers([containerOf(1), containerOf(2)]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  await eventually('what was left for others goes', () => enforcer.settled === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(enforcer.takenOver).toBe(0);
});

test('programs of another version go once every container has its rules', async () => {
  const { state, enforcer } = await started();
  state.onContainers([containerOf(1), containerOf(2)]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  await eventually('they go', () => enforcer.takenOver === 1);
  expect([enforcer.held(1), enforcer.held(2)]).toEqual([['a'], ['a']]);
});

test('changes that come while the kernel is busy cost one more swap, not one each', async () => {
  const { state, enforcer, agent } = await started();
  state.onContainers([containerOf(1)]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  await agent.wait({ policy: 'shop/a', timeoutMs: 1000 });
  const before = enforcer.calls.length;
  let open: () => void = () => undefined;
  enforcer.busy = new Promise((resolve) => (open = resolve));
  for (let change = 0; change < 1000; change += 1) {
    state.onFiles([fileOf('a.yaml', manifest('a', { spec: { process: { matchPaths: [{ path: `/bin/x${change}` }] } } }))]);
  }
  open();
  expect(await agent.wait({ policy: 'shop/a', timeoutMs: 1000 })).toMatchObject({ exit: 0 });
  expect(enforcer.calls.length - before).toBeLessThanOrEqual(2);
  expect(enforcer.tables.get(1n)?.policies[0]?.rules[0]).toMatchObject({ match: { path: '/bin/x999' } });
});

test('a broken file leaves its policy in force and says that it was rejected', async () => {
  const { agent, state, enforcer, log } = await started();
  state.onContainers([containerOf(1)]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  await agent.wait({ policy: 'shop/a', timeoutMs: 1000 });
  state.onFiles([fileOf('a.yaml', invalid)]);
  const answer = await agent.wait({ policy: 'shop/a', timeoutMs: 1000 });
  expect(answer.exit).toBe(1);
  expect(answer.message).toMatch(
    /^shop\/a is rejected: a\.yaml:1: .*spec\.process\.matchPaths\[0\].*the last good version stays in force$/,
  );
  expect(enforcer.held(1)).toEqual(['a']);
  expect(log.some((line) => line.includes('spec.process.matchPaths[0]'))).toBe(true);
});

test('a removed policy is lifted', async () => {
  const { agent, state, enforcer } = await started();
  state.onContainers([containerOf(1)]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  await agent.wait({ policy: 'shop/a', timeoutMs: 1000 });
  state.onFiles([]);
  await eventually('the end of the policy', () => enforcer.tables.get(1n) === undefined);
  expect(agent.status().policies).toEqual([]);
});

test('a table that the kernel refuses degrades its policies, keeps the old one and is tried again', async () => {
  const { agent, state, enforcer } = await started();
  state.onContainers([containerOf(1)]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  await agent.wait({ policy: 'shop/a', timeoutMs: 1000 });
  enforcer.refusal = new Error('no room', { cause: new Error('ENOSPC') });
  state.onFiles([fileOf('a.yaml', manifest('a'), manifest('b'))]);
  const answer = await agent.wait({ policy: 'shop/b', timeoutMs: 1000 });
  expect(answer).toEqual({ exit: 1, message: 'shop/b is degraded: container c1: the kernel refused the table: no room: ENOSPC' });
  expect(enforcer.held(1)).toEqual(['a']);
  expect(agent.status().containers[0]).toMatchObject({
    policies: ['KubeArmorPolicy shop/a'],
    problem: 'the kernel refused the table: no room: ENOSPC',
  });
  enforcer.refusal = undefined;
  await eventually('the next try', () => enforcer.held(1).length === 2);
  expect(await agent.wait({ policy: 'shop/b', timeoutMs: 1000 })).toMatchObject({ exit: 0 });
});

test('a hook that the kernel lacks degrades the policies that need it, by name', async () => {
  const enforcer = new FakeEnforcer();
  enforcer.support = { ...enforcer.support, missingHooks: ['capable'] };
  const { agent, state } = await started(enforcer);
  state.onContainers([containerOf(1)]);
  state.onFiles([
    fileOf('a.yaml', manifest('a'), manifest('b', { spec: { capabilities: { matchCapabilities: [{ capability: 'net_raw' }] } } })),
  ]);
  expect(await agent.wait({ policy: 'shop/a', timeoutMs: 1000 })).toMatchObject({ exit: 0 });
  expect(await agent.wait({ policy: 'shop/b', timeoutMs: 1000 })).toMatchObject({
    exit: 1,
    message: expect.stringContaining('capable') as unknown,
  });
});

test('a container without a cgroup of its own is never confused with the node, and degrades its policies', async () => {
  const { agent, state, enforcer } = await started();
  state.onContainers([containerOf(0, { id: 'odd', unconfinable: 'it has no cgroup of its own' })]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  expect(await agent.wait({ policy: 'shop/a', timeoutMs: 1000 })).toEqual({
    exit: 1,
    message: 'shop/a is degraded: container odd: it has no cgroup of its own',
  });
  expect(enforcer.held(0)).toEqual([]);
});

test('a container that rules may not hold for all of is confined, and degrades its policies', async () => {
  const { agent, state, enforcer } = await started();
  state.onContainers([containerOf(1, { gap: 'its first process has left' }), containerOf(2, { labels: { app: 'db' }, gap: 'unselected' })]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  expect(await agent.wait({ policy: 'shop/a', timeoutMs: 1000 })).toEqual({
    exit: 1,
    message: 'shop/a is degraded: container c1: its first process has left',
  });
  expect(enforcer.held(1)).toEqual(['a']);
  expect(agent.status().containers[0]).toMatchObject({ problem: 'its first process has left', policies: ['KubeArmorPolicy shop/a'] });
});

test('containers that share a cgroup get the policies of both', async () => {
  const { agent, state, enforcer } = await started();
  state.onContainers([containerOf(1, { id: 'x' }), containerOf(1, { id: 'y', labels: { app: 'db' } })]);
  state.onFiles([fileOf('a.yaml', manifest('a'), manifest('b', { spec: { selector: { matchLabels: { app: 'db' } } } }))]);
  await agent.wait({ policy: 'shop/b', timeoutMs: 1000 });
  expect(enforcer.held(1)).toEqual(['a', 'b']);
});

test('a label that changes changes the policies', async () => {
  const { agent, state, enforcer } = await started();
  state.onContainers([containerOf(1, { labels: {} })]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  expect(await agent.wait({ policy: 'shop/a', timeoutMs: 1000 })).toEqual({
    exit: 0,
    message: 'shop/a is enforced: no container matches yet',
  });
  state.onContainers([containerOf(1)]);
  await eventually('the policy', () => enforcer.held(1).length === 1);
});

test('waiting looks afresh first, and before the containers are known nothing is in force', async () => {
  const { agent, state, say } = await started();
  say(false, 'containerd does not answer');
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  expect(await agent.wait({ policy: 'shop/a', timeoutMs: 30 })).toEqual({
    exit: 1,
    message: 'shop/a is not in force after 0.03 s: the containers are not known yet: containerd does not answer',
  });
  expect(state.refreshed).toBe(2);
});

test('waiting for a policy that is not there ends when its time is over, or when it comes', async () => {
  const { agent, state } = await started();
  state.onContainers([]);
  state.onFiles([brokenFile('b.yaml')]);
  const missed = await agent.wait({ policy: 'shop/a', timeoutMs: 20 });
  expect(missed.message).toBe(
    'shop/a is not in force after 0.02 s: there is no such policy here, but a problem: b.yaml:3: not YAML [yaml-syntax]',
  );
  const waiting = agent.wait({ policy: 'shop/a', timeoutMs: 2000 });
  setTimeout(() => state.onFiles([fileOf('a.yaml', manifest('a'))]), 10);
  expect(await waiting).toMatchObject({ exit: 0 });
  expect(await agent.wait({ policy: 'a b', timeoutMs: 20 })).toMatchObject({ exit: 2 });
});

test('who waits is told when the agent stops', async () => {
  const { agent, state } = await started();
  state.onContainers([]);
  const waiting = agent.wait({ policy: 'shop/a', timeoutMs: 60_000 });
  await agent.stop({ keep: true });
  expect(await waiting).toEqual({ exit: 3, message: 'the agent is being stopped' });
});

test('containerd going and coming is told once each, and changes no enforcement', async () => {
  const { agent, state, enforcer, log, say } = await started();
  state.onContainers([containerOf(1)]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  await agent.wait({ policy: 'shop/a', timeoutMs: 1000 });
  say(false, 'lost');
  say(false, 'lost');
  expect(agent.status().runtime).toEqual({ connected: false, message: 'lost' });
  say(true, 'back');
  expect(log).toEqual(['lost', 'back']);
  expect(enforcer.held(1)).toEqual(['a']);
  expect(stateOf(agent, 'a')?.state).toBe('Enforced');
});

test.each([
  [true, 'Enforced'],
  [false, 'Degraded'],
])('stopping with keep %s leaves a last report that says %s', async (keep, said) => {
  const { agent, state, enforcer, reports } = await started();
  state.onContainers([containerOf(1)]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  await agent.wait({ policy: 'shop/a', timeoutMs: 1000 });
  await agent.stop({ keep });
  expect(enforcer.closed).toEqual({ keep });
  expect((reports.at(-1) as NodeReport).status.policies[0]?.state).toBe(said);
});
