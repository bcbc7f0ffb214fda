import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { foldedPolicy } from '../../../reconciler/src/folded-policy.ts';
import { livePolicy } from '../../../reconciler/src/live-policy.ts';
import { NOBODY } from '../../../reconciler/src/fold-names.ts';
import { policyStatus, statusObject } from '../../../reconciler/src/policy-status.ts';
import type { FoldedPolicy } from '../../../reconciler/src/policy-status.ts';

import { hash, manifest } from './builders.ts';

const NOBODY_REPORTS = { enforced: 0, degraded: NOBODY, rejected: NOBODY, pending: NOBODY, containers: 0, stale: NOBODY, patience: 60_000 };

function fold(object: Record<string, unknown>, metadata: object = {}): FoldedPolicy {
  const whole = { ...object, metadata: { name: 'web', namespace: 'shop', uid: 'u', generation: 3, ...metadata } };
  const live = livePolicy('KubeArmorPolicy', whole);
  if (live === undefined) throw new Error('it is no policy');
  return foldedPolicy(live, whole);
}

test('a good policy of a commit', () => {
  const annotations = { 'parapet.dev/commit': hash('c'), 'parapet.dev/fingerprint': 'f' };
  expect(fold(manifest('web'), { annotations, managedFields: [{ time: 'x' }] })).toEqual({
    ...{ kind: 'KubeArmorPolicy', namespace: 'shop', name: 'web', generation: 3 },
    ...{ commit: hash('c'), fingerprint: 'f' },
  });
});

test('a commit that nodes would not take for one is none', () => {
  expect(fold(manifest('web'), { annotations: { 'parapet.dev/commit': 'soon' } })).not.toHaveProperty('commit');
});

test('the status that the object has, where it is one of ours', () => {
  const status = policyStatus(fold(manifest('web')), NOBODY_REPORTS, { before: undefined, now: 0 });
  expect(fold({ ...manifest('web'), status: statusObject(status) }).written).toEqual(status);
  expect(fold({ ...manifest('web'), status: { status: 'OK' } })).not.toHaveProperty('written');
});

test('whatever stands in an object, it is folded', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (spec, status, annotations) => {
      expect(fold({ ...manifest('web'), spec, status }, { annotations }).name).toBe('web');
    }),
  );
  expect(fold({ ...manifest('web'), spec: undefined }).name).toBe('web');
});
