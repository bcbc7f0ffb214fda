import { expect, test } from '@jest/globals';
import { parsePolicies } from '@parapet/policy';
import { manifest } from './manifests.ts';

test('two policies of one name are a problem that names both places, and the first stays', () => {
  const { policies, problems, rejected } = parsePolicies([
    { value: manifest({ spec: { process: { matchPaths: [{ path: '/bin/a' }] } } }), file: 'a.yaml', lineOf: () => 4 },
    { value: manifest({ metadata: { name: 'p', namespace: 'container_namespace' } }), file: 'b.yaml' },
    { value: manifest({ kind: 'KubeArmorClusterPolicy' }), file: 'c.yaml' },
  ]);
  expect(policies.map(({ kind, rules }) => [kind, rules.length])).toEqual([
    ['KubeArmorPolicy', 1],
    ['KubeArmorClusterPolicy', 1],
  ]);
  expect(problems).toMatchObject([{ code: 'duplicate-policy', place: { file: 'b.yaml' } }]);
  expect(problems[0]?.message).toContain('a.yaml:4');
  expect(rejected).toEqual([]);
});

test('a refused policy is named as rejected, and keeps its name against a later one', () => {
  const bad = manifest({ spec: { process: { matchPaths: [{ path: 'x' }] } } });
  const { policies, problems, rejected } = parsePolicies([{ value: bad }, { value: manifest({}) }, { value: manifest({ kind: 'Pod' }) }]);
  expect(policies).toEqual([]);
  expect(problems.map(({ code }) => code)).toEqual(['invalid-path', 'duplicate-policy', 'unknown-kind']);
  expect(rejected).toEqual([{ kind: 'KubeArmorPolicy', namespace: 'default', name: 'p' }]);
});
