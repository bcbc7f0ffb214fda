import { afterEach, expect, test } from '@jest/globals';
import type { Workload } from '@parapet/policy';
import { Enforcement } from '../../../agent/src/enforcement.ts';
import { containerOf, eventually, FakeEnforcer, manifest, policyOf } from '../../support/agent-fakes.ts';

const host: Workload = { host: true, namespace: '', name: 'n1', labels: {} };
const postures = { file: 'block', network: 'block', capabilities: 'block' } as const;
const policy = policyOf(manifest('a'));
const open: Enforcement[] = [];

afterEach(async () => {
  for (const enforcement of open.splice(0)) await enforcement.close();
});

function enforcementOf(enforcer: FakeEnforcer, retryAfter = 20) {
  const told: string[] = [];
  const enforcement = new Enforcement({
    enforcer,
    host,
    postures,
    onChange: () => undefined,
    onInForce: (_, { container, table }) => void told.push(`${container?.id ?? ''}: ${table.policies.map(({ name }) => name).join()}`),
    retryAfter,
  });
  open.push(enforcement);
  return { enforcement, told };
}

const unitOf = (enforcement: Enforcement, cgroup: bigint) => enforcement.units.find((unit) => unit.cgroup === cgroup);

test('nothing is done to the kernel before the policies are known', async () => {
  const enforcer = new FakeEnforcer();
  const { enforcement } = enforcementOf(enforcer);
  enforcement.setContainers([containerOf(1)]);
  await enforcement.idle();
  expect(enforcer.calls).toEqual([]);
});

/** Holds the kernel up until the returned function is called. */
function hold(enforcer: FakeEnforcer): () => void {
  let go: () => void = () => undefined;
  enforcer.busy = new Promise((resolve) => (go = resolve));
  return go;
}

test('a new container is confined before the changes of all others, which then come all at once', async () => {
  const enforcer = new FakeEnforcer();
  const { enforcement } = enforcementOf(enforcer);
  enforcement.setPolicies([]);
  enforcement.setContainers([containerOf(1), containerOf(2)]);
  await enforcement.idle();
  const go = hold(enforcer);
  enforcement.setPolicies([policy]);
  enforcement.setPolicies([policyOf(manifest('b'))]);
  enforcement.setContainers([containerOf(1), containerOf(2), containerOf(3)]);
  enforcer.calls.length = enforcer.batches.length = 0;
  go();
  await enforcement.idle();
  expect(enforcer.calls.map(({ cgroup }) => cgroup)).toEqual([3n, 1n, 2n]);
  expect(enforcer.batches).toEqual([1, 2]);
});

test('a policy that is changed a thousand times while the kernel is busy costs one swap more, and the last version is in force', async () => {
  const enforcer = new FakeEnforcer();
  const { enforcement } = enforcementOf(enforcer);
  enforcement.setContainers([containerOf(1), containerOf(2)]);
  const go = hold(enforcer);
  for (let version = 0; version < 1000; version += 1) enforcement.setPolicies([policyOf(manifest(`v${version}`))]);
  go();
  await enforcement.idle();
  // The first version on the containers, then the last one; the node has none of them.
  expect(enforcer.batches).toEqual([2, 3]);
  expect([enforcer.held(1), enforcer.held(2)]).toEqual([['v999'], ['v999']]);
});

test('containers with the same policies share one table, also one that comes later', async () => {
  const enforcer = new FakeEnforcer();
  const { enforcement } = enforcementOf(enforcer);
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(1), containerOf(2)]);
  await enforcement.idle();
  enforcement.setPolicies([policy, policyOf(manifest('other', { spec: { selector: { matchLabels: { app: 'none' } } } }))]);
  enforcement.setContainers([containerOf(1), containerOf(2), containerOf(3)]);
  await enforcement.idle();
  expect(enforcer.tables.size).toBe(4);
  expect(enforcer.compiled.size).toBe(1);
});

test('a table that finds no room leaves the old one in force there, and the others go on', async () => {
  const enforcer = new FakeEnforcer();
  const { enforcement } = enforcementOf(enforcer, 10_000);
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(1), containerOf(2), containerOf(3)]);
  await enforcement.idle();
  enforcer.refusals.set(2n, new Error('ENOMEM'));
  const next = policyOf(manifest('b'));
  enforcement.setPolicies([next]);
  await enforcement.idle();
  expect([1, 2, 3].map((cgroup) => enforcer.held(cgroup))).toEqual([['b'], ['a'], ['b']]);
  expect(unitOf(enforcement, 2n)).toMatchObject({ held: [policy], wanted: [next], problem: 'the kernel refused the table: ENOMEM' });
  expect(unitOf(enforcement, 1n)).toMatchObject({ held: [next], problem: undefined });
});

test('a kernel that answers nothing at all is tried again for every container', async () => {
  const enforcer = new FakeEnforcer();
  const { enforcement } = enforcementOf(enforcer);
  enforcer.busy = Promise.reject(new Error('EINTR'));
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(1), containerOf(2)]);
  await enforcement.idle();
  expect(unitOf(enforcement, 1n)?.problem).toBe('the kernel refused the table: EINTR');
  enforcer.busy = Promise.resolve();
  await eventually('the next try', () => enforcer.held(1).length + enforcer.held(2).length === 2);
});

test('a container that dies while its table is filled is let go, and nothing is told of it any more', async () => {
  const enforcer = new FakeEnforcer();
  const { enforcement } = enforcementOf(enforcer);
  const go = hold(enforcer);
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(1), containerOf(2)]);
  enforcement.setContainers([containerOf(2)]);
  go();
  await enforcement.idle();
  expect(enforcer.released).toEqual([1n]);
  expect(enforcement.units.map(({ cgroup }) => cgroup)).toEqual([0n, 2n]);
  expect(enforcer.held(2)).toEqual(['a']);
});

test('a table that the kernel refuses says why, and is in force after a later try', async () => {
  const enforcer = new FakeEnforcer();
  const { enforcement } = enforcementOf(enforcer);
  enforcer.refusal = new Error('no room');
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(1)]);
  await enforcement.idle();
  expect(unitOf(enforcement, 1n)).toMatchObject({ held: [], problem: 'the kernel refused the table: no room' });
  enforcer.refusal = undefined;
  await eventually('the next try', () => enforcer.held(1).length === 1);
  expect(unitOf(enforcement, 1n)).toMatchObject({ held: [policy], problem: undefined });
});

test('a wish that is replaced while it waits for its next try is not tried any more', async () => {
  const enforcer = new FakeEnforcer();
  const { enforcement } = enforcementOf(enforcer, 50);
  enforcer.refusal = new Error('no room');
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(1)]);
  await enforcement.idle();
  enforcer.refusal = undefined;
  const next = policyOf(manifest('b'));
  enforcement.setPolicies([next]);
  await enforcement.idle();
  expect(enforcer.held(1)).toEqual(['b']);
  await new Promise((resolve) => setTimeout(resolve, 120));
  expect(enforcer.calls.filter(({ cgroup }) => cgroup === 1n).map(({ policies }) => policies)).toEqual([['a'], ['b']]);
});

test('a container without a cgroup of its own never gets a table, which would be the node’s', async () => {
  const enforcer = new FakeEnforcer();
  const { enforcement } = enforcementOf(enforcer);
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(0, { unconfinable: 'no cgroup of its own' })]);
  await enforcement.idle();
  expect(enforcer.calls).toEqual([{ cgroup: 0n, policies: [] }]);
});

test('events are told apart before anything else happens, and anew when labels change', async () => {
  const enforcer = new FakeEnforcer();
  const { enforcement, told } = enforcementOf(enforcer);
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(1)]);
  await enforcement.idle();
  enforcement.setContainers([containerOf(1, { labels: { app: 'web', tier: 'front' } })]);
  await enforcement.idle();
  expect(told).toEqual(['c1: a', 'c1: a']);
  expect(enforcer.calls.filter(({ cgroup }) => cgroup === 1n)).toHaveLength(1);
});
