/** Policies that a source may not have, and what is no policy. */
import { byProgram } from '../attempt.ts';
import type { Attempt, Expected, Family } from '../attempt.ts';
import { policy, writing } from '../programs.ts';

/** A policy that this source may not have, as JSON. */
const gated = (title: string, manifest: unknown, expected: Expected): Attempt =>
  byProgram(title, writing(`write(${JSON.stringify(JSON.stringify(manifest))}, 'dist/a.json');`), {
    spec: { allow: { kinds: ['KubeArmorPolicy'], namespaces: ['shop'] } },
    expected,
  });

const RULES = { process: { matchPaths: [{ path: '/a' }] } };

export const gate: Family = {
  title: 'the gate',
  attempts: () => [
    gated('a policy in another namespace', policy(RULES, { namespace: 'kube-system' }), { refused: 'namespace-not-allowed' }),
    gated('a policy without a namespace', { ...policy(RULES), metadata: { name: 'p' } }, { refused: 'namespace-not-allowed' }),
    gated('a namespace that is a list', policy(RULES, { namespace: ['shop'] }), { refused: 'namespace-not-allowed' }),
    gated('a namespace in capitals', policy(RULES, { namespace: 'Kube-System' }), { refused: 'namespace-not-allowed' }),
    gated('a policy for the whole cluster', { ...policy(RULES), kind: 'KubeArmorClusterPolicy' }, { refused: 'kind-not-allowed' }),
    gated('a policy for nodes', { ...policy(RULES), kind: 'KubeArmorHostPolicy' }, { refused: 'kind-not-allowed' }),
    gated('a kind with a space', { ...policy(RULES), kind: 'KubeArmorClusterPolicy ' }, { refused: 'unknown-kind' }),
    gated(
      'a list of policies',
      { apiVersion: 'v1', kind: 'List', items: [policy(RULES, { namespace: 'kube-system' })] },
      { refused: 'unknown-field' },
    ),
    gated(
      'another kind of object',
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'p' } },
      { refused: 'wrong-api-version' },
    ),
    gated('a name that is a path', policy(RULES, { name: '../../up' }), { refused: 'invalid-name' }),
  ],
};
