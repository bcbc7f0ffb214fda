import { expect, test } from '@jest/globals';
import { errorsOf, parsed } from './manifests.ts';

const rule = { path: '/a' };

function first(spec: Record<string, unknown>): unknown {
  const { action, severity, tags, message } = parsed({ spec }).rules[0]!;
  return { action, severity, tags, message };
}

test('what nobody says is Block, severity 1, without tags and message', () => {
  expect(first({ file: { matchPaths: [rule] } })).toEqual({ action: 'Block', severity: 1, tags: [], message: '' });
});

test('the rule speaks before its section, and the section before the policy', () => {
  const spec = { action: 'Allow', severity: 2, tags: ['spec'], message: 'spec' };
  const section = { action: 'Audit', severity: 3, message: 'section' };
  expect(first({ ...spec, file: { matchPaths: [rule] } })).toEqual(spec);
  expect(first({ ...spec, file: { ...section, matchPaths: [rule] } })).toEqual({ ...section, tags: ['spec'] });
  expect(first({ ...spec, file: { ...section, matchPaths: [{ ...rule, action: 'Block', tags: ['own'] }] } })).toEqual({
    action: 'Block',
    severity: 3,
    tags: ['own'],
    message: 'section',
  });
});

test('empty tags and messages count as not written', () => {
  expect(first({ tags: ['t'], message: 'm', file: { matchPaths: [{ ...rule, tags: [], message: '' }] } })).toMatchObject({
    tags: ['t'],
    message: 'm',
  });
});

test('the action in lower case is taken on the policy and nowhere else', () => {
  expect(first({ action: 'audit', file: { matchPaths: [rule] } })).toMatchObject({ action: 'Audit' });
  const refused = [{ code: 'invalid-value', hint: 'did you mean Audit?' }];
  expect(errorsOf({ spec: { file: { action: 'audit', matchPaths: [rule] } } })).toMatchObject(refused);
  expect(errorsOf({ spec: { file: { matchPaths: [{ ...rule, action: 'audit' }] } } })).toMatchObject(refused);
});

test.each([0, 11, 1.5, -1, Number.NaN])('the severity %p is refused', (severity) => {
  expect(errorsOf({ spec: { severity } })).toMatchObject([{ code: 'invalid-value', place: { field: 'spec.severity' } }]);
});

test.each([1, 10])('the severity %p passes', (severity) => {
  expect(first({ severity, file: { matchPaths: [rule] } })).toMatchObject({ severity });
});
