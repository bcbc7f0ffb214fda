import { expect, test } from '@jest/globals';
import { DEFAULT_POSTURES, evaluate, wholePaths } from '@parapet/policy';
import type { Access, Rule } from '@parapet/policy';
import { fileRule, nameRule, pathRule, patternRule, policyOf } from './builders.ts';

function decide(rules: readonly Rule[], access: Partial<Extract<Access, { type: 'path' }>>): string {
  const whole: Access = { type: 'path', operation: 'read', path: '/other', owner: true, source: '/bin/sh', otherNames: ['/a'], ...access };
  return evaluate({ policies: [policyOf(...rules)], postures: { ...DEFAULT_POSTURES, file: 'block' }, access: whole }).verdict;
}

test('a rule for a file’s other name counts where it is stronger than what counts for the name that is used', () => {
  expect(decide([fileRule('/a')], {})).toBe('block');
  expect(decide([fileRule('/a', { action: 'Audit' }), fileRule('/other')], {})).toBe('block');
  expect(decide([fileRule('/a'), fileRule('/other', { action: 'Audit' })], {})).toBe('block');
  expect(decide([fileRule('/a', { readOnly: true })], {})).toBe('allow');
  expect(decide([fileRule('/a', { readOnly: true })], { operation: 'write' })).toBe('block');
  expect(decide([fileRule('/a')], { otherNames: ['/b'] })).toBe('none');
});

test('of several other names that rules have, the strongest counts', () => {
  const names = { otherNames: ['/a', '/b', '/c'] };
  const rules = [fileRule('/a', { action: 'Allow', readOnly: true }), fileRule('/b'), fileRule('/c', { action: 'Audit' })];
  expect(decide(rules, names)).toBe('block');
  expect(decide([...rules].reverse(), names)).toBe('block');
});

test('where a name says nothing to the program that acts, what is said of the name that is used stays', () => {
  expect(decide([fileRule('/a', { from: ['/bin/other'] }), fileRule('/other', { action: 'Allow' })], {})).toBe('allow');
});

test('a rule for a directory counts where another rule names just that path', () => {
  expect(decide([fileRule('/a/')], {})).toBe('none');
  expect(decide([fileRule('/a/'), fileRule('/a', { action: 'Audit' })], {})).toBe('block');
});

test('a file is never allowed by its other name', () => {
  expect(decide([fileRule('/a', { action: 'Allow' })], {})).toBe('block');
});

test('only rules for the whole other name count: not those for its directory, a pattern or a name', () => {
  expect(decide([fileRule('/**'), patternRule('/x*')], { path: '/dir/other', otherNames: ['/xa'] })).toBe('block');
  expect(decide([patternRule('/x*')], { otherNames: ['/xa'] })).toBe('none');
  expect(decide([fileRule('/dir/**')], { otherNames: ['/dir/a'] })).toBe('none');
  expect(decide([nameRule('a')], { operation: 'exec' })).toBe('none');
});

test('sources and arguments count as they would for the other name', () => {
  expect(decide([fileRule('/a', { from: ['/bin/other'] })], {})).toBe('none');
  expect(decide([fileRule('/a', { from: ['/bin/sh'] })], {})).toBe('block');
  const rules = [pathRule('/a', { allowedArgs: ['-v'] })];
  expect(decide(rules, { operation: 'exec', arguments: ['-v'] })).toBe('allow');
  expect(decide(rules, { operation: 'exec', arguments: ['-x'] })).toBe('block');
});

test('the list of the name that is used counts, where both have one', () => {
  const rules = [pathRule('/a', { allowedArgs: ['-v'] }), pathRule('/other', { allowedArgs: ['-x'] })];
  expect(decide(rules, { operation: 'exec', arguments: ['-x'] })).toBe('allow');
  expect(decide(rules, { operation: 'exec', arguments: ['-v'] })).toBe('block');
});

test('a list of arguments counts although the name that is used has a rule, where that has no list', () => {
  const rules = [pathRule('/a', { allowedArgs: ['-v'] }), pathRule('/other', { action: 'Allow' })];
  expect(decide(rules, { operation: 'exec', arguments: ['-v'] })).toBe('allow');
  expect(decide(rules, { operation: 'exec', arguments: ['-x'] })).toBe('block');
});

test('of several other names with lists, that of the rule that is written first counts', () => {
  const rules = [pathRule('/b', { allowedArgs: ['-b'] }), pathRule('/a', { allowedArgs: ['-a'] })];
  const by = (argument: string) => decide(rules, { operation: 'exec', otherNames: ['/a', '/b'], arguments: [argument] });
  expect([by('-b'), by('-a')]).toEqual(['allow', 'block']);
});

test('a program with more than eight names is many programs, each with the name that is used', () => {
  const names = (count: number): readonly string[] => ['/a', ...Array.from({ length: count - 2 }, (_, i) => `/applet${i}`)];
  expect(decide([pathRule('/a')], { operation: 'exec', otherNames: names(8) })).toBe('block');
  expect(decide([pathRule('/a')], { operation: 'exec', otherNames: names(9) })).toBe('none');
  expect(decide([fileRule('/a')], { otherNames: names(9) })).toBe('block');
});

test('files to be found are those that rules name whole and refuse something about', () => {
  const allow = { action: 'Allow' } as const;
  const rules = [
    fileRule('/a'),
    fileRule('/a', { readOnly: true }),
    fileRule('/dir/'),
    patternRule('/x*'),
    nameRule('sh'),
    fileRule('/allowed', allow),
    fileRule('/fixed', { ...allow, readOnly: true }),
    pathRule('/told', { ...allow, allowedArgs: ['-v'] }),
    pathRule('/bin/a', { ...allow, ownerOnly: true }),
  ];
  expect(wholePaths([policyOf(...rules)])).toEqual(['/a', '/fixed', '/told', '/bin/a']);
});

test('a list of arguments that is nothing to a task with a terminal leaves another name’s list to count', () => {
  const rules = [
    pathRule('/a', { action: 'Audit', noTerminal: true, allowedArgs: ['-a'] }),
    pathRule('/b', { action: 'Block', allowedArgs: ['-b'] }),
  ];
  const exec = { operation: 'exec', arguments: ['-a'], otherNames: ['/a', '/b'] } as const;
  expect(decide(rules, { ...exec, terminal: true })).toBe('block');
  expect(decide(rules, { ...exec, terminal: false })).toBe('allow');
});
