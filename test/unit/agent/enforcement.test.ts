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

test('a new container is confined before the changes of all others', async () => {
  const enforcer = new FakeEnforcer();
  const { enforcement } = enforcementOf(enforcer);
  enforcement.setPolicies([]);
  enforcement.setContainers([containerOf(1), containerOf(2)]);
  await enforcement.idle();
  let go: () => void = () => undefined;
  enforcer.gate = new Promise((resolve) => (go = resolve));
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(1), containerOf(2), containerOf(3)]);
  go();
  await enforcement.idle();
  expect(enforcer.calls.slice(3).map(({ cgroup }) => cgroup)).toEqual([1n, 3n, 2n]);
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
