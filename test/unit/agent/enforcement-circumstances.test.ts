import { afterEach, expect, test } from '@jest/globals';
import type { Policy, Table, Workload } from '@parapet/policy';
import type { Mode } from '../../../agent/src/annotations.ts';
import { Enforcement } from '../../../agent/src/enforcement.ts';
import type { Container } from '../../../agent/src/ports.ts';
import { containerOf, FakeEnforcer, manifest, policyOf } from '../../support/agent-fakes.ts';

const host: Workload = { host: true, namespace: '', name: 'n1', labels: {} };
const postures = { file: 'audit', network: 'audit', capabilities: 'audit' } as const;
const allow = policyOf(manifest('allow', { spec: { process: { matchPaths: [{ path: '/bin/sh', action: 'Allow' }] } } }));
const block = policyOf(manifest('block'));
const open: Enforcement[] = [];

afterEach(async () => {
  for (const enforcement of open.splice(0)) await enforcement.close();
});

async function tablesOf(
  containers: readonly Container[],
  policies: readonly Policy[],
  namespaces?: Parameters<Enforcement['setPolicies']>[1],
): Promise<{ enforcer: FakeEnforcer; enforcement: Enforcement; table: (cgroup: number) => Table | undefined }> {
  const enforcer = new FakeEnforcer();
  const hostPostures = { ...postures, file: 'block' } as const;
  const enforcement = new Enforcement({ enforcer, host, postures, hostPostures, onChange: () => undefined, onInForce: () => undefined });
  open.push(enforcement);
  enforcement.setPolicies(policies, namespaces);
  enforcement.setContainers(containers);
  await enforcement.idle();
  return { enforcer, enforcement, table: (cgroup) => enforcer.tables.get(BigInt(cgroup)) };
}

const withMode = (cgroup: number, mode: Mode): Container => containerOf(cgroup, { mode });

test('a namespace’s posture beats the node’s, for what it says', async () => {
  const containers = [containerOf(1), containerOf(2, { namespace: 'other' })];
  const everywhere = policyOf({
    ...manifest('all', { kind: 'KubeArmorClusterPolicy' }),
    spec: {
      selector: { matchExpressions: [{ key: 'namespace', operator: 'In', values: ['shop', 'other'] }] },
      action: 'Allow',
      process: { matchPaths: [{ path: '/bin/sh' }] },
    },
  });
  const { table, enforcement } = await tablesOf(containers, [everywhere], new Map([['shop', { file: 'block' }]]));
  expect([table(1)?.defaults.process, table(2)?.defaults.process]).toEqual(['block', 'audit']);
  enforcement.setPolicies([everywhere], new Map([['other', { file: 'block' }]]));
  await enforcement.idle();
  expect([table(1)?.defaults.process, table(2)?.defaults.process]).toEqual(['audit', 'block']);
});

test('the node’s own posture is for host policies', async () => {
  const edge = policyOf({
    ...manifest('edge', { kind: 'KubeArmorHostPolicy' }),
    spec: { nodeSelector: { matchLabels: {} }, action: 'Allow', process: { matchPaths: [{ path: '/bin/sh' }] } },
  });
  const { table } = await tablesOf([], [edge]);
  expect(table(0)?.defaults.process).toBe('block');
});

test('an audited container has its policies, and nothing of them blocks', async () => {
  const { table, enforcement } = await tablesOf(
    [withMode(1, 'audited'), withMode(2, 'enabled')],
    [allow, block],
    new Map([['shop', { file: 'block' }]]),
  );
  expect(table(1)?.policies.map(({ rules }) => rules.map(({ action, asWritten }) => [action, asWritten]))).toEqual([
    [['Allow', 'Allow']],
    [['Audit', 'Block']],
  ]);
  expect([table(1)?.defaults.process, table(2)?.defaults.process]).toEqual(['audit', 'block']);
  expect(enforcement.refusalOf({ cgroup: 1n, program: '/bin/sh', owner: true })).toBeUndefined();
  expect(enforcement.refusalOf({ cgroup: 2n, program: '/bin/sh', owner: true })).toBe(
    'KubeArmorPolicy shop/block spec.process.matchPaths[0] refuses /bin/sh',
  );
  expect(enforcement.refusalOf({ cgroup: 2n, program: '/bin/ls', owner: true })).toBe('no rule allows /bin/ls');
});

test('a disabled container has no policies, and has them again when it is enabled', async () => {
  const { table, enforcement } = await tablesOf([withMode(1, 'disabled')], [block]);
  expect(table(1)).toBeUndefined();
  enforcement.setContainers([withMode(1, 'enabled')]);
  await enforcement.idle();
  expect(table(1)?.policies).toEqual([block]);
});

test('of containers that share a cgroup the strictest counts', async () => {
  const { table } = await tablesOf(
    [withMode(1, 'disabled'), { ...withMode(1, 'audited'), id: 'b' }, { ...withMode(1, 'enabled'), id: 'c' }],
    [block],
  );
  expect(table(1)?.policies).toEqual([block]);
});
