import { expect, test } from '@jest/globals';
import { DEFAULT_POSTURES, evaluate } from '@parapet/policy';
import type { Access, FileClass, Rule } from '@parapet/policy';
import { fileRule, pathRule, policyOf, switchRule } from './builders.ts';

type PathAccess = Extract<Access, { type: 'path' }>;

function decide(fileClass: FileClass, rules: readonly Rule[], more: Partial<PathAccess> = {}): string {
  const access: Access = { type: 'path', operation: 'read', path: '/a', owner: true, source: '/bin/sh', fileClass, ...more };
  return evaluate({ policies: [policyOf(...rules)], postures: { ...DEFAULT_POSTURES, file: 'block' }, access }).verdict;
}

const allowed = fileRule('/a', { action: 'Allow' });
const audited = fileRule('/a', { action: 'Audit' });

test('a file without a path is decided by the posture of an allow-list, and by nothing else', () => {
  expect(decide('anonymous', [allowed])).toBe('block');
  expect(decide('anonymous', [fileRule('/a'), fileRule('/**')])).toBe('none');
  expect(decide('anonymous', [fileRule('/a')], { operation: 'move' })).toBe('none');
});

test('a file in a mount that is attached to nothing is refused as mounting is, where the posture says less', () => {
  expect(decide('detached', [fileRule('/other')])).toBe('block');
  expect(decide('detached', [fileRule('/other', { action: 'Audit' })])).toBe('audit');
  expect(decide('detached', [fileRule('/other'), switchRule('mounts', { action: 'Allow' })])).toBe('allow');
  expect(decide('detached', [allowed, switchRule('mounts', { action: 'Audit' })])).toBe('block');
  expect(decide('detached', [fileRule('/other')], { operation: 'move' })).toBe('block');
});

test('a file of another mount namespace is refused by its path there, and never allowed by it', () => {
  expect(decide('foreign', [fileRule('/a')])).toBe('block');
  expect(decide('foreign', [audited])).toBe('audit');
  expect(decide('foreign', [allowed])).toBe('block');
  expect(decide('foreign', [fileRule('/a', { readOnly: true })])).toBe('none');
});

test('a program that was deleted is executed as one of another namespace would be; reading it is like before', () => {
  const programs = [pathRule('/a', { action: 'Allow' })];
  expect(decide('deleted', programs, { operation: 'exec' })).toBe('block');
  expect(decide('deleted', [pathRule('/a', { action: 'Audit' })], { operation: 'exec' })).toBe('audit');
  expect(decide('deleted', [allowed])).toBe('allow');
});

test('the posture counts whatever the arguments say of such a program', () => {
  const rules = [pathRule('/a', { action: 'Audit', allowedArgs: ['-v'] }), pathRule('/b', { action: 'Allow' })];
  for (const argument of ['-v', '-x']) expect(decide('deleted', rules, { operation: 'exec', arguments: [argument] })).toBe('block');
});

test('wherever a file is, a rule for one of its names counts', () => {
  for (const fileClass of ['anonymous', 'detached', 'foreign', 'deleted'] as const)
    expect(decide(fileClass, [fileRule('/b'), switchRule('mounts', { action: 'Allow' })], { path: '/', otherNames: ['/b'] })).toBe('block');
});
