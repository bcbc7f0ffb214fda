/** The definitions of PolicySource and NodeReport in a real API server, and what people see with kubectl. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { nextStatus, NO_STATUS } from '../../reconciler/src/source-status.ts';
import type { Moment } from '../../reconciler/src/source-status.ts';
import type { ControlPlane, Kubectl } from '../support/cluster/control-plane.ts';
import { nodeReport, policyReport, violation } from '../unit/reconciler/builders.ts';
import { apply, BUILD_PATIENCE, PATIENCE, policy, source, startWithDefinitions } from './manifests.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startWithDefinitions();
}, BUILD_PATIENCE);
afterAll(() => plane?.stop(), PATIENCE);

describe('sources', () => {
  test.each([
    {},
    { url: 'git@git.test:shop/policies.git', ref: { semver: '>=1.2.0 <2' } },
    { url: 'file:///srv/policies', interval: '1h30m', timeout: '500ms', suspend: false },
    { url: '/srv/policies', path: 'clusters/a', ref: { name: 'refs/pull/42/head' } },
    { url: 'ssh://git@git.test:2222/a', delivery: { mode: 'RenderedBranch', branch: 'rendered', secretRef: { name: 'x' } } },
    { verify: { mode: 'Tag', secretRef: { name: 'k' } }, ref: { tag: 'v1' }, delivery: { mode: 'FluxArtifact' } },
  ])('%j is taken', async (spec) => expect(await apply(plane, source(spec))).toMatchObject({ status: 0, stderr: '' }), PATIENCE);

  test.each([
    [{ ref: {} }, /spec\.ref: .*must have exactly one of branch, tag, semver, commit, name/],
    [{ ref: { branch: 'a', tag: 'b' } }, /spec\.ref: .*must have exactly one of branch, tag, semver, commit, name/],
    [{ ref: { branch: '--upload-pack=x' } }, /spec\.ref\.branch: Invalid value/],
    [{ url: 'https://you:s3cret@git.test/p' }, /spec\.url: .*must not have credentials in it: they belong into a Secret/],
    [{ url: 'https://s3cret@git.test/p' }, /must not have credentials in it/],
    [{ url: 'ssh://git:s3cret@git.test/p' }, /must not have credentials in it/],
    [{ url: 'ext::sh -c x' }, /spec\.url: .*must be an https, http, ssh or file URL, an absolute path, or user@host:path/],
    [{ interval: '0s' }, /spec\.interval: .*must be from 500ms to 24h/],
    [{ interval: '30h' }, /must be from 500ms to 24h/],
    [{ interval: 'soon' }, /spec\.interval: Invalid value: "soon"/],
    [{ path: 'a/../b' }, /spec\.path: .*must be a relative path without \.\./],
    [{ delivery: { mode: 'RenderedBranch' } }, /spec\.delivery: .*mode RenderedBranch needs a branch/],
    [{ delivery: { mode: 'Direct', branch: 'x' } }, /spec\.delivery: .*branch, path, url, secretRef are for mode RenderedBranch/],
    [{ delivery: { mode: 'Direct', artifactName: 'x' } }, /artifactName is for mode FluxArtifact/],
    [{ pullRequests: {} }, /pullRequests needs statuses, which name the host/],
    [{ verify: { mode: 'Tag', secretRef: { name: 'k' } } }, /verifying a tag needs a ref that names one: tag or semver/],
    [{ pruneLimit: 101 }, /spec\.pruneLimit: Invalid value: 101/],
    [{ secretRef: { name: 'x', namespace: 'kube-system' } }, /\.spec\.secretRef\.namespace: field not declared in schema/],
  ])(
    '%j is refused with a clear message',
    async (spec, message) => {
      const { status, stderr } = await apply(plane, source(spec, 'wrong'));
      expect(stderr).toMatch(message);
      expect(status).toBe(1);
    },
    PATIENCE,
  );

  test(
    'a name that is no label is refused with a clear message',
    async () => {
      expect((await apply(plane, source({}, 'a'.repeat(63)))).status).toBe(0);
      expect((await apply(plane, source({}, 'a'.repeat(64)))).stderr).toMatch(/metadata\.name must have at most 63 characters/);
    },
    PATIENCE,
  );
});

test(
  'reports of nodes are taken, and garbage is not',
  async () => {
    const report = nodeReport('n1', { policies: [policyReport('a')], violations: [violation()], totals: { policies: 1, violations: 1 } });
    expect(await apply(plane, { ...report })).toMatchObject({ status: 0, stderr: '' });
    const garbage = { ...report, status: { ...report.status, policies: [{ ...policyReport('a'), state: 'Fine' }] } };
    expect((await apply(plane, garbage)).stderr).toMatch(/status\.policies\[0\]\.state: Unsupported value: "Fine"/);
  },
  PATIENCE,
);

describe('what people see', () => {
  const at = (generation: number): Moment => ({ now: new Date(Date.now() - 5000), generation });
  const ended = {
    revision: `main@sha1:${'a'.repeat(40)}`,
    digest: `sha256:${'b'.repeat(64)}`,
    startedAt: new Date(),
    policies: { total: 3, enforced: 3, degraded: 0, refused: 0 },
    message: '3 policies applied',
  };
  const setStatus = (kind: string, name: string, status: unknown): Promise<string> =>
    plane.must(['patch', kind, name, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })]);
  /** Lines of a table, cells with two blanks between. */
  const table = async (...args: readonly string[]): Promise<string[][]> =>
    (await plane.must(['get', ...args]))
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().split(/\s{2,}/));

  beforeAll(async () => {
    expect(await apply(plane, source({}, 'seen'), policy('KubeArmorPolicy', { action: 'Audit' }, 'seen'))).toMatchObject({ status: 0 });
    const condition = {
      type: 'Enforced',
      status: 'True',
      reason: 'AllNodes',
      message: 'all 3 nodes',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const nodes = { summary: '3/3', total: 3, enforced: 3, degraded: 0, rejected: 0, pending: 0 };
    await setStatus('ksp', 'seen', { conditions: [condition], nodes, containers: 5, observedGeneration: 1 });
  }, PATIENCE);

  test(
    'kubectl get',
    async () => {
      await setStatus('psrc', 'seen', nextStatus(NO_STATUS, { kind: 'succeeded', ...ended }, at(1)));
      expect(await table('psrc', 'seen')).toEqual([
        ['NAME', 'READY', 'STATUS', 'REVISION', 'POLICIES', 'AGE'],
        ['seen', 'True', '3 policies applied', ended.revision, '3', expect.stringMatching(/^\d+s$/)],
      ]);
      expect(await table('ksp', 'seen')).toEqual([
        ['NAME', 'ACTION', 'ENFORCED', 'NODES', 'REASON', 'AGE'],
        ['seen', 'Audit', 'True', '3/3', 'AllNodes', expect.stringMatching(/^\d+s$/)],
      ]);
      const [head, row] = await table('nodereports', 'n1', '-o', 'wide');
      expect(head).toEqual(['NAME', 'ENFORCER', 'POLICIES', 'VIOLATIONS', 'OBSERVED', 'KERNEL', 'AGE']);
      expect(row?.slice(0, 4)).toEqual(['n1', 'BPF-LSM', '1', '1']);
      // Everything of ours at once.
      expect((await plane.must(['get', 'parapet', '-o', 'name'])).split('\n')).toEqual(
        expect.arrayContaining([
          'policysource.parapet.dev/seen',
          'kubearmorpolicy.security.kubearmor.com/seen',
          'nodereport.parapet.dev/n1',
        ]),
      );
    },
    PATIENCE,
  );

  test(
    'kubectl describe',
    async () => {
      await setStatus(
        'psrc',
        'seen',
        nextStatus(NO_STATUS, { kind: 'failed', stage: 'fetch', retry: true, message: 'nobody answers', startedAt: new Date() }, at(1)),
      );
      const text = await plane.must(['describe', 'psrc', 'seen']);
      expect(text).toMatch(/Message:\s+nobody answers/);
      expect(text).toMatch(/Reason:\s+ProgressingWithRetry/);
      expect(text).toMatch(/Outcome:\s+Failed/);
    },
    PATIENCE,
  );

  test.each([
    ['psrc.spec.interval', /interval <string>[\s\S]*Default: 1m/],
    ['psrc.spec.ref', /exactly one of these[\s\S]*semver\s+<string>/],
    ['psrc.status.conditions', /enum: True, False, Unknown/],
    ['ksp.spec.process.matchPaths.allowedArgs', /The only arguments/],
    ['ksp.spec.hardening.mounts', /ENUM:\s+Allow\s+Audit\s+Block/],
    ['hsp.spec.nodeSelector', /-required-|matchLabels/],
    ['csp.spec.selector.matchExpressions', /namespace: values are names of namespaces/],
    ['nodereports.status.policies.state', /Degraded: something of it cannot be held here/],
  ])('kubectl explain %s', async (field, text) => expect(await plane.must(['explain', field])).toMatch(text), PATIENCE);

  test(
    'kubectl wait ends when the source is ready in its newest generation, and not before',
    async () => {
      await plane.must(['patch', 'psrc', 'seen', '--type=merge', '-p', '{"spec":{"interval":"2m"}}']);
      const { metadata } = JSON.parse(await plane.must(['get', 'psrc', 'seen', '-o', 'json'])) as { metadata: { generation: number } };
      await setStatus('psrc', 'seen', nextStatus(NO_STATUS, { kind: 'succeeded', ...ended }, at(metadata.generation - 1)));
      const wait = (limit: string): Promise<Kubectl> => plane.kubectl(['wait', '--for=condition=Ready', `--timeout=${limit}`, 'psrc/seen']);
      expect(await wait('2s')).toMatchObject({ status: 1, stderr: expect.stringMatching(/timed out/) as unknown });
      const waiting = wait('60s');
      await setStatus('psrc', 'seen', nextStatus(NO_STATUS, { kind: 'succeeded', ...ended }, at(metadata.generation)));
      expect(await waiting).toMatchObject({ status: 0, stdout: 'policysource.parapet.dev/seen condition met\n' });
      expect(await plane.must(['wait', '--for=condition=Enforced', '--timeout=60s', 'ksp/seen'])).toMatch(/condition met/);
    },
    PATIENCE,
  );
});
