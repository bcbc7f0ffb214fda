import { expect, test } from '@jest/globals';
import { ANNOTATION, parsePolicy } from '@parapet/policy';
import { manifest, parsed, problemsOf } from './manifests.ts';

function annotated(annotations: Record<string, unknown>): Record<string, unknown> {
  return { metadata: { name: 'p', annotations } };
}

test('provenance is read from the annotations', () => {
  const change = annotated({
    [ANNOTATION.repository]: 'https://git.example/a.git',
    [ANNOTATION.commit]: 'a'.repeat(40),
    [ANNOTATION.source]: 'main.ts:12',
    [ANNOTATION.ruleSources]: '{"spec.process.matchPaths[0]":"main.ts:14","__proto__":"x.ts:1"}',
    other: 'ignored',
  });
  const { provenance } = parsed(change);
  expect(problemsOf(change)).toEqual([]);
  expect(provenance).toMatchObject({ repository: 'https://git.example/a.git', commit: 'a'.repeat(40), source: 'main.ts:12' });
  expect(Object.entries(provenance.rules)).toEqual([
    ['spec.process.matchPaths[0]', 'main.ts:14'],
    ['__proto__', 'x.ts:1'],
  ]);
});

test('a policy without annotations has no provenance', () => {
  expect(parsed({}).provenance).toEqual({ rules: {} });
});

test.each([
  [ANNOTATION.repository, 'https://user:secret@git.example/a'],
  [ANNOTATION.repository, 'https://token@git.example/a'],
  [ANNOTATION.repository, 'a\nb'],
  [ANNOTATION.commit, 'HEAD'],
  [ANNOTATION.source, 'main.ts'],
  [ANNOTATION.source, 3],
  [ANNOTATION.ruleSources, 'not json'],
  [ANNOTATION.ruleSources, '[]'],
  [ANNOTATION.ruleSources, 'null'],
])('a malformed %s (%j) is a warning that does not repeat it, and the policy stays', (annotation, value) => {
  const { policy, problems } = parsePolicy(manifest(annotated({ [annotation]: value })), {});
  expect(policy?.provenance).toEqual({ rules: {} });
  expect(problems).toMatchObject([{ code: 'provenance-malformed', severity: 'warning' }]);
  expect(JSON.stringify(problems)).not.toMatch(/secret|token@/);
});

test('good entries of rule sources are kept when others are malformed', () => {
  const change = annotated({ [ANNOTATION.ruleSources]: '{"a":"main.ts:1","b":2}' });
  expect(parsed(change).provenance.rules).toEqual({ a: 'main.ts:1' });
  expect(problemsOf(change)).toMatchObject([{ code: 'provenance-malformed' }]);
});

test('a repository reached by ssh may name its user', () => {
  const change = annotated({ [ANNOTATION.repository]: 'ssh://git@git.example/a.git' });
  expect(problemsOf(change)).toEqual([]);
});
