import { expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES, evaluate, HOOKS } from '@parapet/policy';
import type { Decision, Policy, SyscallPathSet, Table } from '@parapet/policy';
import { dnsRule, fileRule, policyOf, syscallPathRule, syscallRule } from './builders.ts';

const hook = (name: (typeof HOOKS)[number]): number => HOOKS.indexOf(name);

function tableOf(policy: Policy): Table {
  return compile([policy], DEFAULT_POSTURES).table!;
}

function decide(access: { readonly syscall: string; readonly path?: string; readonly source?: string }, of: Policy): Decision {
  return evaluate({ policies: [of], postures: DEFAULT_POSTURES, access: { type: 'syscall', source: '/bin/other', ...access } });
}

/** Sets with their calls as lists, to compare. */
function plain(sets: readonly SyscallPathSet[]): unknown {
  return sets.map(({ names, ...set }) => ({ ...set, names: [...names] }));
}

test('a trie of its own follows the other tries, and its root has all calls of each hook', () => {
  const rule = syscallPathRule('/a/', ['unlinkat', 'rmdir']);
  const { syscallPaths, sites, dns } = tableOf(policyOf(fileRule('/x'), dnsRule('example.com'), rule));
  const root = dns.nodes.at(-1)!.id + 1;
  expect(syscallPaths.root).toBe(root);
  const bits = (1 << hook('PATH_RMDIR')) | (1 << hook('PATH_UNLINK'));
  expect(syscallPaths.nodes).toMatchObject([
    { id: root + 1, parent: root, name: new Uint8Array(), words: { exact: 0, child: 0, deep: 0 } },
    { id: root + 2, parent: root + 1, words: { exact: bits, child: bits, deep: 0 } },
  ]);
  const [rmdir, unlink] = [
    { hook: hook('PATH_RMDIR'), source: 0, names: ['unlinkat', 'rmdir'] },
    { hook: hook('PATH_UNLINK'), source: 0, names: ['unlinkat'] },
  ];
  expect(plain(syscallPaths.sets)).toEqual([
    { node: root, ...rmdir },
    { node: root, ...unlink },
    { node: root + 2, site: 'exact', ...rmdir },
    { node: root + 2, site: 'child', ...rmdir },
    { node: root + 2, site: 'exact', ...unlink },
    { node: root + 2, site: 'child', ...unlink },
  ]);
  expect(sites.get(`syscall-path/child/${root + 2}/0/rmdir`)?.rule).toBe(rule);
});

test('there is none without such rules, and in the table for tasks with a terminal', () => {
  expect(tableOf(policyOf(syscallRule(['open']))).syscallPaths).toEqual({ root: 0, nodes: [], sets: [] });
  const table = tableOf(policyOf(fileRule('/x', { noTerminal: true }), syscallPathRule('/a', ['open'])));
  expect(table.syscallPaths.root).toBeGreaterThan(0);
  expect(table.terminal?.syscallPaths.root).toBe(0);
});

test('the deepest path wins, then a rule for the program, then the first', () => {
  const all = syscallPathRule('/**', ['open', 'unlink']);
  const shell = syscallPathRule('/etc/', ['open'], { from: ['/bin/sh'] });
  const etc = syscallPathRule('/etc/', ['open']);
  const again = syscallPathRule('/etc/', ['open']);
  const file = syscallPathRule('/etc/passwd', ['unlink']);
  const policy = policyOf(all, etc, again, shell, file);
  expect(decide({ syscall: 'open', path: '/etc/passwd' }, policy)).toMatchObject({ verdict: 'audit', rule: etc });
  expect(decide({ syscall: 'open', path: '/etc/passwd', source: '/bin/sh' }, policy)).toMatchObject({ rule: shell });
  expect(decide({ syscall: 'unlink', path: '/etc/passwd' }, policy)).toMatchObject({ rule: file });
  expect(decide({ syscall: 'unlink', path: '/etc/shadow' }, policy)).toMatchObject({ rule: all });
  expect(decide({ syscall: 'open', path: '/etc/a/b' }, policy)).toMatchObject({ rule: all });
  expect(decide({ syscall: 'open', path: '/' }, policy)).toMatchObject({ rule: all });
  expect(decide({ syscall: 'rmdir', path: '/etc/passwd' }, policy)).toEqual({ verdict: 'none' });
});

test('rules with a path and rules without judge a call each for themselves', () => {
  const [on, whole] = [syscallPathRule('/a', ['open']), syscallRule(['open'])];
  const policy = policyOf(on, whole);
  expect(decide({ syscall: 'open' }, policy)).toMatchObject({ rule: whole });
  expect(decide({ syscall: 'open', path: '/a' }, policy)).toMatchObject({ rule: on });
  expect(decide({ syscall: 'open', path: '/b' }, policy)).toEqual({ verdict: 'none' });
  expect(decide({ syscall: 'open' }, policyOf(on))).toEqual({ verdict: 'none' });
});
