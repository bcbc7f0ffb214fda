/** What `parapet install` prints, in a real API server: whether it is taken, what the reconciler may then do, and what it may not. */
import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { installObjects, renderInstall } from '../../reconciler/src/install/install.ts';
import type { InstallOptions } from '../../reconciler/src/install/part.ts';
import { ControlPlane } from '../support/cluster/control-plane.ts';
import type { Kubectl } from '../support/cluster/control-plane.ts';
import { BUILD_PATIENCE, PATIENCE, policy } from './manifests.ts';

const HOME = 'parapet-system';
const OPTIONS: InstallOptions = { namespace: HOME, image: 'parapet:1', sourceNamespaces: [HOME, 'shop'], impersonation: true, flux: false };
/** Another namespace, where nothing of the reconciler's is. */
const ELSEWHERE = 'bank';

let plane: ControlPlane;
/** kubectl with the token of the reconciler's account, as its pod has it. */
let asReconciler: (...args: readonly string[]) => Promise<Kubectl>;

beforeAll(async () => {
  plane = await ControlPlane.start();
  for (const namespace of [HOME, 'shop', ELSEWHERE]) await plane.must(['create', 'namespace', namespace]);
}, BUILD_PATIENCE);
afterAll(() => plane?.stop(), PATIENCE);

const APPLY = ['apply', '--server-side', '--validate=strict', '-f', '-'];

test(
  'all of it is taken, tried out first, without a warning',
  async () => {
    for (const args of [[...APPLY, '--dry-run=server'], APPLY]) {
      const { status, stdout, stderr } = await plane.kubectl(args, { input: renderInstall(OPTIONS) });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout.trimEnd().split('\n')).toHaveLength(installObjects(OPTIONS).length);
    }
    // Again, as upgrades do it: nothing changes.
    expect(await plane.kubectl(['diff', '--server-side', '-f', '-'], { input: renderInstall(OPTIONS) })).toMatchObject({
      status: 0,
      stdout: '',
    });
    const token = await plane.token(HOME, 'parapet-reconciler');
    const kubeconfig = plane.kubeconfig(token);
    asReconciler = (...args) => plane.kubectl(args, { kubeconfig });
  },
  PATIENCE,
);

describe('the pods', () => {
  const podOf = (change: object): string => {
    const deployment = installObjects(OPTIONS).find(({ kind }) => kind === 'Deployment') as unknown as {
      spec: { template: { metadata: object; spec: { containers: readonly object[] } } };
    };
    const { metadata, spec } = deployment.spec.template;
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'try', namespace: HOME }, spec: { ...spec, ...change } };
    return JSON.stringify(pod);
  };
  const create = (change: object): Promise<Kubectl> => plane.kubectl(['create', '--dry-run=server', '-f', '-'], { input: podOf(change) });

  test(
    'are admitted under restricted Pod Security',
    async () => {
      expect(await create({})).toEqual({ status: 0, stdout: 'pod/try created (server dry run)\n', stderr: '' });
    },
    PATIENCE,
  );

  test(
    'would not be with more privilege: the namespace does enforce it',
    async () => {
      const { status, stderr } = await create({ hostPID: true });
      expect(status).toBe(1);
      expect(stderr).toMatch(/violates PodSecurity "restricted:latest": host namespaces/);
    },
    PATIENCE,
  );
});

describe('the account may', () => {
  /** `get list pods`: resources with their verbs, without what every account may. */
  async function listed(namespace: string): Promise<string[]> {
    const { stdout } = await asReconciler('auth', 'can-i', '--list', '--no-headers', '-n', namespace);
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => /^(\S+)\s+\[\]\s+\[\]\s+\[(.*)\]$/.exec(line))
      .flatMap((found) => (found === null || (found[1] ?? '').startsWith('selfsubject') ? [] : [`${found[2]} ${found[1]}`]))
      .sort();
  }

  const EVERYWHERE = [
    'create patch events',
    'create patch events.events.k8s.io',
    'get list watch create patch delete kubearmorclusterpolicies.security.kubearmor.com',
    'get list watch create patch delete kubearmorhostpolicies.security.kubearmor.com',
    'get list watch create patch delete kubearmorpolicies.security.kubearmor.com',
    'get list watch nodereports.parapet.dev',
    'get list watch patch policysources.parapet.dev',
    'patch kubearmorclusterpolicies.security.kubearmor.com/status',
    'patch kubearmorhostpolicies.security.kubearmor.com/status',
    'patch kubearmorpolicies.security.kubearmor.com/status',
    'patch policysources.parapet.dev/status',
  ];
  const AT_SOURCES = ['get secrets', 'impersonate serviceaccounts'];
  const AT_HOME = ['get create update patch leases.coordination.k8s.io', 'get list create update patch delete configmaps'];

  test.each([
    { namespace: ELSEWHERE, allowed: EVERYWHERE },
    { namespace: 'shop', allowed: [...EVERYWHERE, ...AT_SOURCES] },
    { namespace: HOME, allowed: [...EVERYWHERE, ...AT_SOURCES, ...AT_HOME] },
  ])(
    'exactly what it needs in $namespace',
    async ({ namespace, allowed }) => {
      expect(await listed(namespace)).toEqual([...allowed].sort());
    },
    PATIENCE,
  );

  test.each([
    `get secrets -n shop`,
    'list kubearmorpolicies -A',
    'watch nodereports',
    'patch policysources --subresource=status -n bank',
    `update leases -n ${HOME}`,
  ])(
    '%s',
    async (words) => expect(await asReconciler('auth', 'can-i', ...words.split(' '))).toMatchObject({ status: 0, stdout: 'yes\n' }),
    PATIENCE,
  );

  test.each([
    'get secrets -n bank',
    'list secrets -n shop',
    'watch secrets -n shop',
    'get secrets -A',
    'get configmaps -n shop',
    'get leases -n shop',
    'list pods -A',
    'create pods -n shop',
    'create pods --subresource=exec -n shop',
    'list namespaces',
    'list nodes',
    'patch nodereports',
    'delete policysources -n shop',
    'create policysources -n shop',
    'delete crd',
    'create clusterrolebindings',
    'impersonate users',
    'impersonate serviceaccounts -n bank',
    `create serviceaccounts --subresource=token -n shop`,
  ])(
    'not %s',
    async (words) => expect(await asReconciler('auth', 'can-i', ...words.split(' '))).toMatchObject({ status: 1, stdout: 'no\n' }),
    PATIENCE,
  );
});

/** Writes the status of the policy `p`; gives the HTTP status. */
function patchStatus(token: string, status: object): Promise<number | undefined> {
  const path = '/apis/security.kubearmor.com/v1/namespaces/default/kubearmorpolicies/p/status';
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/merge-patch+json' };
  return new Promise((resolve, reject) => {
    const asking = request(`${plane.url}${path}`, { method: 'PATCH', ca: plane.ca, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asking.once('error', reject);
    asking.end(JSON.stringify({ status }));
  });
}

test(
  'with its own token it applies, tells and removes a policy, and reads a Secret where sources are',
  async () => {
    const token = await plane.token(HOME, 'parapet-reconciler');
    const kubeconfig = plane.kubeconfig(token);
    const us = (args: readonly string[], input?: unknown): Promise<Kubectl> =>
      plane.kubectl(args, { kubeconfig, ...(input === undefined ? {} : { input: JSON.stringify(input) }) });
    const done = { status: 0, stderr: '' };
    const one = policy('KubeArmorPolicy', { process: { matchPaths: [{ path: '/bin/sh' }] } });
    expect(await us([...APPLY, '--field-manager=parapet-reconciler'], one)).toMatchObject(done);
    // kubectl would read the subresource first, which the reconciler need not.
    expect(await patchStatus(token, { containers: 1 })).toBe(200);
    expect(await us(['delete', 'ksp', 'p', '--wait=false'])).toMatchObject(done);
    await plane.must(['create', 'secret', 'generic', 'git', '-n', 'shop', '--from-literal=token=x']);
    expect(await us(['get', 'secret', 'git', '-n', 'shop'])).toMatchObject(done);
    expect(await us(['get', 'secret', '-n', 'shop'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/cannot list resource "secrets"/) as unknown,
    });
  },
  PATIENCE,
);

test(
  'a source writes as an account of its namespace with what that account may, and as no other',
  async () => {
    await plane.must(['create', 'serviceaccount', 'writer', '-n', 'shop']);
    await plane.must([
      'create',
      'role',
      'writer',
      '-n',
      'shop',
      '--verb=create,patch',
      '--resource=kubearmorpolicies.security.kubearmor.com',
    ]);
    await plane.must(['create', 'rolebinding', 'writer', '-n', 'shop', '--role=writer', '--serviceaccount=shop:writer']);
    const writes = (account: string, namespace: string): Promise<Kubectl> =>
      asReconciler('auth', 'can-i', 'patch', 'kubearmorpolicies', '-n', namespace, `--as=system:serviceaccount:${account}`);
    expect(await writes('shop:writer', 'shop')).toMatchObject({ status: 0, stdout: 'yes\n' });
    expect(await writes('shop:writer', ELSEWHERE)).toMatchObject({ status: 1, stdout: 'no\n' });
    expect(await writes(`${ELSEWHERE}:default`, ELSEWHERE)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/cannot impersonate/) as unknown,
    });
  },
  PATIENCE,
);
