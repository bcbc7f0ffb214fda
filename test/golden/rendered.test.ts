/** The rendered folder of one revision, byte for byte, and what kustomize makes of it. */
import { execFileSync } from 'node:child_process';
import { expect, jest, test } from '@jest/globals';
import type { PolicyKind } from '@parapet/policy';
import { parsePolicy } from '@parapet/policy';
import { parseAllDocuments } from 'yaml';
import type { PlannedPolicy } from '../../reconciler/src/delivery.ts';
import { fingerprint, stamp } from '../../reconciler/src/manifest.ts';
import { EMPTY_FOLDER, renderFolder } from '../../reconciler/src/rendered.ts';
import { findBinaries } from '../support/cluster/binaries.ts';
import { golden, goldenFolder } from '../support/golden.ts';

// kubectl may have to be built
jest.setTimeout(900_000);

const FROM = { repository: 'https://git.test/policies.git', commit: '0123456789abcdef0123456789abcdef01234567' };

function added(kind: PolicyKind, name: string, spec: object): PlannedPolicy {
  const namespace = kind === 'KubeArmorPolicy' ? 'shop' : '';
  const metadata = { name, ...(namespace === '' ? {} : { namespace }), annotations: { 'parapet.dev/source': 'main.ts:7' } };
  const manifest = { apiVersion: 'security.kubearmor.com/v1', kind, metadata, spec };
  const desired = { kind, namespace, name, manifest: stamp(manifest, FROM), fingerprint: fingerprint(manifest), rules: 1 };
  return { kind, namespace, name, change: 'added', desired, problems: [] };
}

const policies = [
  added('KubeArmorPolicy', 'no-package-managers', {
    selector: { matchLabels: { app: 'shop', tier: 'on' } },
    process: { matchPaths: [{ path: '/usr/bin/apt' }, { path: '/usr/bin/0777' }] },
    action: 'Block',
    message: 'no: package managers\n{{ }} ${HOME} # here',
  }),
  added('KubeArmorClusterPolicy', 'edge', {
    selector: { matchExpressions: [{ key: 'namespace', operator: 'NotIn', values: ['kube-system'] }] },
    file: { matchDirectories: [{ dir: '/etc/', recursive: true, readOnly: true }] },
    action: 'Audit',
  }),
  added('KubeArmorHostPolicy', 'nodes', { nodeSelector: { matchLabels: {} }, process: { matchPaths: [{ path: '/bin/nc' }] }, action: 'Block' }),
];

test('the rendered folder is the golden one', () => {
  const rendered = renderFolder(EMPTY_FOLDER, { ...FROM, digest: '', policies }, { owner: 'parapet-system/shop', path: 'clusters/a' });
  const found = Object.fromEntries((rendered?.files ?? []).map(({ file, content }) => [file, content]));
  expect(found).toEqual(golden('rendered', found));
  expect(Object.keys(found)).toHaveLength(5);
});

test('kustomize, which Flux and Argo CD build such a folder with, gives all policies as they were, and nothing else', async () => {
  const { kubectl } = await findBinaries((sentence) => console.error(sentence));
  const built = execFileSync(kubectl, ['kustomize', goldenFolder('rendered')], { encoding: 'utf8', env: { HOME: '/nonexistent' } });
  const objects = parseAllDocuments(built).map((document) => document.toJS() as unknown);
  expect(objects).toHaveLength(policies.length);
  expect(objects).toEqual(expect.arrayContaining(policies.map(({ desired }) => desired?.manifest)));
  for (const object of objects) expect(parsePolicy(object, { file: 'built.yaml' }).problems).toEqual([]);
});
