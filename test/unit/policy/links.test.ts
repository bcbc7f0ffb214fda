import { expect, test } from '@jest/globals';
import { evaluate, linkablePaths, withLinks } from '@parapet/policy';
import type { Links, RootLinks } from '@parapet/policy';
import { capabilityRule, fileRule, pathRule, patternRule, policyOf, syscallPathRule } from './builders.ts';

const links = (...pairs: readonly (readonly [string, ...string[]])[]): Links => new Map(pairs.map(([path, ...targets]) => [path, targets]));
const both = (found: Links): RootLinks => ({ first: found, now: found });

test('paths, directories and sources can lead elsewhere, each is asked for once and without the / at its end', () => {
  const policy = policyOf(
    pathRule('/bin/sh', { from: ['/bin/a', '/bin/b'] }),
    fileRule('/bin/'),
    fileRule('/bin/sh'),
    capabilityRule('net_raw'),
  );
  expect(linkablePaths([policy, policy])).toEqual(['/bin/a', '/bin/b', '/bin/sh', '/bin']);
});

test('a rule is for the path as it is written and for every path that this leads to, and names itself as written', () => {
  const policy = policyOf(pathRule('/bin/sh'));
  const [there] = withLinks([policy], both(links(['/bin/sh', '/usr/bin/sh', '/usr/bin/dash'])));
  expect(there?.rules.map((rule) => [rule.field, 'match' in rule ? rule.match : undefined])).toEqual([
    [policy.rules[0]?.field, { type: 'path', path: '/bin/sh' }],
    [policy.rules[0]?.field, { type: 'path', path: '/usr/bin/sh' }],
    [policy.rules[0]?.field, { type: 'path', path: '/usr/bin/dash' }],
  ]);
});

test('a directory leads to a directory, and stays as deep as it was', () => {
  const [there] = withLinks([policyOf(fileRule('/lib/**'))], both(links(['/lib', '/usr/lib'])));
  expect(there?.rules[1]).toMatchObject({ match: { type: 'directory', dir: '/usr/lib/', recursive: true } });
});

test('a source is any program that its path leads to', () => {
  const policies = withLinks([policyOf(fileRule('/a', { from: ['/bin/sh'] }))], both(links(['/bin/sh', '/usr/bin/dash'])));
  expect(policies[0]?.rules).toMatchObject([{ from: ['/bin/sh', '/usr/bin/dash'] }]);
});

test('a directory of sources is also the directory that it leads to', () => {
  const from = [{ dir: '/bin/', recursive: true }];
  const policies = withLinks([policyOf(fileRule('/a', { from }))], both(links(['/bin', '/usr/bin'])));
  expect(policies[0]?.rules).toMatchObject([{ from: [...from, { dir: '/usr/bin/', recursive: true }] }]);
});

test('a pattern also hangs from what its directory leads to', () => {
  const policy = policyOf(patternRule('/var/run/*.pid'), patternRule('/**/x'));
  expect(linkablePaths([policy])).toEqual(['/var/run']);
  const [there] = withLinks([policy], both(links(['/var/run', '/run', '/a*b', '/'])));
  expect(there?.rules.map((rule) => ('match' in rule && rule.match.type === 'pattern' ? rule.match.pattern : ''))).toEqual([
    '/var/run/*.pid',
    '/run/*.pid',
    '/a\\*b/*.pid',
    '/*.pid',
    '/**/x',
  ]);
});

test('what cannot be a path for the kernel is left out', () => {
  const deep = `/${Array<string>(2_048).fill('a').join('/')}`;
  const [there] = withLinks([policyOf(fileRule('/a'))], both(links(['/a', deep, '/b/../c', '/'])));
  expect(there?.rules).toHaveLength(1);
});

test('policies without links are the very same', () => {
  const policies = [policyOf(fileRule('/a')), policyOf(fileRule('/b'))];
  const found = withLinks(policies, both(links(['/b', '/c'])));
  expect(found[0]).toBe(policies[0]);
  expect(withLinks(policies, both(new Map()))).toBe(policies);
});

test('a link that is changed later has nothing more allowed, and nothing less blocked', () => {
  const changed: RootLinks = { first: links(['/a', '/good'], ['/b', '/bad']), now: links(['/a', '/evil'], ['/b', '/elsewhere']) };
  const policies = withLinks([policyOf(fileRule('/a', { action: 'Allow' }), fileRule('/b'))], changed);
  const postures = { file: 'block', network: 'block', capabilities: 'block' } as const;
  const verdictOf = (path: string): string =>
    evaluate({ policies, postures, access: { type: 'path', operation: 'read', path, owner: true, source: '/x' } }).verdict;
  expect(['/a', '/good', '/evil', '/b', '/bad', '/elsewhere'].map(verdictOf)).toEqual([
    'allow',
    'allow',
    'block',
    'block',
    'block',
    'block',
  ]);
  const [, ...rules] = policies.flatMap(({ rules: all }) =>
    all.map((rule) => ('match' in rule && rule.match.type === 'path' ? rule.match.path : '')),
  );
  expect(rules).toEqual(['/good', '/b', '/bad', '/elsewhere']);
});

test('a path that system calls act on leads elsewhere like others', () => {
  const policy = policyOf(syscallPathRule('/bin/', ['unlink']));
  expect(linkablePaths([policy])).toEqual(['/bin']);
  const [there] = withLinks([policy], both(links(['/bin', '/usr/bin'])));
  expect(there?.rules).toMatchObject([
    { on: { dir: '/bin/' } },
    { on: { type: 'directory', dir: '/usr/bin/', recursive: false }, syscalls: ['unlink'] },
  ]);
});
