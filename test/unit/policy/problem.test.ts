import { expect, test } from '@jest/globals';
import { formatProblem } from '@parapet/policy';
import type { Problem } from '@parapet/policy';

const problem: Problem = { code: 'invalid-value', severity: 'error', place: {}, message: 'is wrong' };

test('a problem is one line with every part of its place that is known', () => {
  const place = { file: 'a.yaml', line: 3, column: 5, object: 'KubeArmorPolicy default/a', field: 'spec.action' };
  expect(formatProblem({ ...problem, place, hint: 'write Block' })).toBe(
    'a.yaml:3:5: KubeArmorPolicy default/a: spec.action: is wrong (write Block) [invalid-value]',
  );
  expect(formatProblem({ ...problem, severity: 'warning', place: { file: 'a.yaml' } })).toBe('a.yaml: warning: is wrong [invalid-value]');
  expect(formatProblem(problem)).toBe('is wrong [invalid-value]');
});

test('nothing in a problem can break the line or steer a terminal', () => {
  const text = formatProblem({ ...problem, place: { file: 'a\n.yaml' }, message: 'x\u001b[2Jy\u009bz\u202eq\u2028' });
  expect(text).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u);
  expect(text).toBe('a .yaml: x [2Jy z q  [invalid-value]');
});
