/** What Argo CD and Flux get from us, byte for byte. */
import { expect, test } from '@jest/globals';
import { stringify, parseAllDocuments } from 'yaml';
import { artifactReady, externalArtifact, fluxRevision } from '../../reconciler/src/external-artifact.ts';
import { PRINT_DEFAULTS, PRINTED } from '../../reconciler/src/printed.ts';
import { faultsOf } from '../support/flux/definition.ts';
import { golden } from '../support/golden.ts';

const text = (what: keyof typeof PRINTED): string => PRINTED[what].text(PRINT_DEFAULTS);

test('the files for Argo CD are the golden ones', () => {
  const found = {
    'plugin.yaml': text('argocd-plugin'),
    Containerfile: text('argocd-containerfile'),
    'sidecar.yaml': text('argocd-sidecar'),
    'health.yaml': text('argocd-health'),
    'exclusions.yaml': text('argocd-exclusions'),
  };
  expect(found).toEqual(golden('argocd', found));
});

test('the files for Flux are the golden ones, and so is an ExternalArtifact', () => {
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const digest = 'ab'.repeat(32);
  const owner = { namespace: 'shop', name: 'policies', uid: '3f0c6d1e-0000-4000-8000-000000000000' };
  const object = externalArtifact(owner, 'policies');
  const before = { ...object, metadata: { name: 'policies', namespace: 'shop', generation: 1 } };
  const artifact = { digest, size: 20480, path: `shop/policies/${digest}.tar.gz` };
  const made = { artifact, revision: fluxRevision('main', commit), policies: 3, baseUrl: PRINT_DEFAULTS.artifactUrl };
  const ready = artifactReady(made, { before, now: Date.parse('2026-01-02T03:04:05Z') });
  const whole = { ...object, status: ready['status'] };
  expect(faultsOf(whole)).toEqual([]);
  const found = {
    'admission.yaml': text('flux-admission'),
    'health.yaml': text('flux-health'),
    'external-artifact.yaml': stringify(whole, { lineWidth: 0 }),
  };
  expect(found).toEqual(golden('flux', found));
});

test('each file is YAML that both generations of readers take for the same', () => {
  for (const what of Object.keys(PRINTED) as (keyof typeof PRINTED)[]) {
    if (what === 'argocd-containerfile') continue;
    const read = (version: '1.1' | '1.2') =>
      parseAllDocuments(text(what), { version }).map((document) => {
        expect(document.errors).toEqual([]);
        return document.toJS() as unknown;
      });
    expect(read('1.1')).toEqual(read('1.2'));
  }
});
