import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { kubeconfigOf } from '../../../cli/src/kubeconfig.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'parapet-home-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test('the flag comes before the environment, the environment before the home directory', () => {
  const env = { KUBECONFIG: '/a::/b', HOME: home };
  expect(kubeconfigOf('/flag', env)).toBe('/flag');
  expect(kubeconfigOf(undefined, env)).toEqual(['/a', '/b']);
  expect(kubeconfigOf(undefined, { KUBECONFIG: '', HOME: home })).toBe(join(home, '.kube/config'));
});

test('in a pod its own account is used, where there is no file', () => {
  const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', HOME: home };
  expect(kubeconfigOf(undefined, env)).toBeUndefined();
  mkdirSync(join(home, '.kube'));
  writeFileSync(join(home, '.kube/config'), '');
  expect(kubeconfigOf(undefined, env)).toBe(join(home, '.kube/config'));
});
