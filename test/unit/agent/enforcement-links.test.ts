import { afterEach, expect, test } from '@jest/globals';
import type { Links, Table, Workload } from '@parapet/policy';
import { Enforcement } from '../../../agent/src/enforcement.ts';
import { containerOf, eventually, FakeEnforcer, manifest, policyOf } from '../../support/agent-fakes.ts';

const host: Workload = { host: true, namespace: '', name: 'n1', labels: {} };
const postures = { file: 'block', network: 'block', capabilities: 'block' } as const;
const policy = policyOf(manifest('a'));
const open: Enforcement[] = [];

afterEach(async () => {
  for (const enforcement of open.splice(0)) await enforcement.close();
});

/** Roots by first process: what `/bin/sh` leads to there, nothing where the process is gone, or why it cannot be said. */
class FakeRoots {
  readonly targets = new Map<number, string | Error | undefined>();
  readonly asked: { readonly pid: number; readonly paths: readonly string[] }[] = [];

  resolve(pid: number, paths: readonly string[]): Promise<Links | undefined> {
    this.asked.push({ pid, paths });
    const target = this.targets.get(pid);
    if (target instanceof Error) return Promise.reject(target);
    return Promise.resolve(target === undefined ? undefined : new Map(target === '' ? [] : [['/bin/sh', [target]]]));
  }
}

function start(enforcer: FakeEnforcer, roots: FakeRoots): Enforcement {
  const enforcement = new Enforcement({
    enforcer,
    host,
    postures,
    links: roots,
    onChange: () => undefined,
    onInForce: () => undefined,
    retryAfter: 20,
  });
  open.push(enforcement);
  return enforcement;
}

const namesIn = (table: Table | undefined): string[] => (table?.nodes ?? []).map(({ name }) => Buffer.from(name).toString());

test('a container’s first table holds the paths that its rules lead to, and replicas share it', async () => {
  const enforcer = new FakeEnforcer();
  const roots = new FakeRoots();
  for (const pid of [1001, 1002]) roots.targets.set(pid, '/usr/bin/dash');
  roots.targets.set(1003, '');
  const enforcement = start(enforcer, roots);
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(1), containerOf(2), containerOf(3)]);
  await enforcement.idle();
  expect(namesIn(enforcer.tables.get(1n)).sort()).toEqual(['bin', 'bin', 'dash', 'sh', 'usr']);
  expect(enforcer.tables.get(2n)).toBe(enforcer.tables.get(1n));
  expect(namesIn(enforcer.tables.get(3n))).toEqual(['bin', 'sh']);
  expect(enforcer.calls.filter(({ cgroup }) => cgroup === 1n)).toHaveLength(1);
});

test('a change of policy is in force at once for paths as written, and then for what they lead to', async () => {
  const enforcer = new FakeEnforcer();
  const roots = new FakeRoots();
  roots.targets.set(1001, '/usr/bin/dash');
  const enforcement = start(enforcer, roots);
  enforcement.setPolicies([]);
  enforcement.setContainers([containerOf(1)]);
  await enforcement.idle();
  expect(roots.asked).toEqual([]);
  enforcement.setPolicies([policy]);
  await enforcement.idle();
  expect(enforcer.calls.filter(({ cgroup }) => cgroup === 1n)).toHaveLength(3);
  expect(namesIn(enforcer.tables.get(1n))).toContain('dash');
  expect(enforcement.units.map(({ unresolved }) => unresolved)).toEqual([false, false]);
  // The same policies ask nothing again, others do.
  enforcement.setPolicies([policy]);
  await enforcement.idle();
  expect(roots.asked).toHaveLength(1);
  roots.targets.set(1001, '/opt/evil');
  enforcement.setPolicies([policy, policyOf(manifest('b'))]);
  await enforcement.idle();
  expect(namesIn(enforcer.tables.get(1n)).sort()).toEqual(['bin', 'bin', 'dash', 'evil', 'opt', 'sh', 'usr']);
});

test('a root that does not answer leaves the rules in force as written, says so, and is asked again', async () => {
  const enforcer = new FakeEnforcer();
  const roots = new FakeRoots();
  roots.targets.set(1001, new Error('ETIMEDOUT'));
  const enforcement = start(enforcer, roots);
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(1)]);
  await enforcement.idle();
  const unit = () => enforcement.units.find(({ cgroup }) => cgroup === 1n);
  expect(unit()).toMatchObject({ held: [policy], problem: 'rules hold only for paths as they are written: ETIMEDOUT' });
  expect(namesIn(enforcer.tables.get(1n))).toEqual(['bin', 'sh']);
  roots.targets.set(1001, '/usr/bin/dash');
  await eventually('the root is asked again', () => namesIn(enforcer.tables.get(1n)).includes('dash'));
  await enforcement.idle();
  expect(unit()).toMatchObject({ held: [policy], problem: undefined });
});

test('a container that dies while its links are followed has no problem', async () => {
  const enforcer = new FakeEnforcer();
  const enforcement = start(enforcer, new FakeRoots());
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(1)]);
  await enforcement.idle();
  expect(enforcement.units.find(({ cgroup }) => cgroup === 1n)).toMatchObject({ held: [policy], problem: undefined });
});

test('the node’s own rules are followed in the root of its first process', async () => {
  const enforcer = new FakeEnforcer();
  const roots = new FakeRoots();
  roots.targets.set(1, '/usr/bin/dash');
  const enforcement = start(enforcer, roots);
  const spec = { nodeSelector: { matchLabels: {} }, process: { matchPaths: [{ path: '/bin/sh' }] } };
  enforcement.setPolicies([policyOf({ ...manifest('h', { kind: 'KubeArmorHostPolicy' }), spec })]);
  await enforcement.idle();
  expect(roots.asked).toEqual([{ pid: 1, paths: ['/bin/sh'] }]);
  expect(namesIn(enforcer.tables.get(0n))).toContain('dash');
});

test('a container’s files are found where its rules lead, and what became of them makes it anew', async () => {
  const enforcer = new FakeEnforcer();
  const roots = new FakeRoots();
  roots.targets.set(1001, '/usr/bin/dash');
  const asked: (readonly string[])[] = [];
  let inode = 5n;
  const files = {
    find: (_pid: number, paths: readonly string[]) => {
      asked.push(paths);
      return Promise.resolve(new Map([['/usr/bin/dash', { device: 1, inode, links: 2 }]]));
    },
  };
  const options = { enforcer, host, postures, links: roots, files, onChange: () => undefined, onInForce: () => undefined };
  const enforcement = new Enforcement(options);
  open.push(enforcement);
  enforcement.setPolicies([policy]);
  enforcement.setContainers([containerOf(1)]);
  await enforcement.idle();
  expect(asked.at(-1)).toEqual(['/bin/sh', '/usr/bin/dash']);
  expect(enforcer.files.get(1n)).toEqual(new Map([['/usr/bin/dash', { device: 1, inode: 5n, links: 2 }]]));
  const calls = enforcer.calls.filter(({ cgroup }) => cgroup === 1n).length;
  enforcement.setPolicies([policy, policyOf(manifest('b'))]);
  await enforcement.idle();
  inode = 6n;
  enforcement.setPolicies([policy]);
  await enforcement.idle();
  expect(enforcer.files.get(1n)?.get('/usr/bin/dash')?.inode).toBe(6n);
  expect(enforcer.calls.filter(({ cgroup }) => cgroup === 1n).length).toBeGreaterThan(calls + 1);
});
