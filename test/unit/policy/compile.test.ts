import { expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES, MAX_TABLE_NODES, siteKey } from '@parapet/policy';
import type { Rule, Table } from '@parapet/policy';
import { capabilityRule, fileRule, networkRule, pathRule, policyOf } from './builders.ts';

function tableOf(...rules: readonly Rule[]): Table {
  const { table } = compile([{ ...policyOf(), rules }], DEFAULT_POSTURES);
  if (table === undefined) throw new Error('no table');
  return table;
}

function named(table: Table, name: string): Table['nodes'][number] | undefined {
  return table.nodes.find((node) => new TextDecoder().decode(node.name) === name);
}

test('no rules give no table', () => {
  expect(compile([], DEFAULT_POSTURES)).toEqual({ problems: [] });
  expect(compile([policyOf()], DEFAULT_POSTURES)).toEqual({ problems: [] });
});

test('a path rule fills the exact word of its node only', () => {
  const table = tableOf(pathRule('/bin/sh'));
  expect(named(table, 'sh')?.words).toEqual({ exact: 0b1111, child: 0, deep: 0 });
  expect(named(table, 'bin')?.words).toEqual({ exact: 0b1111 << 12, child: 0, deep: 0 });
});

test('the directories above what a rule refuses cannot be moved; those above what it allows can', () => {
  expect(named(tableOf(fileRule('/a/b/c', { action: 'Audit', from: ['/s'] })), 'a')?.words.exact).toBe(0b1010 << 12);
  expect(named(tableOf(fileRule('/a/b/c', { action: 'Allow', readOnly: true })), 'b')?.words.exact).toBe(0b1111 << 12);
  expect(named(tableOf(fileRule('/a/b/c', { action: 'Allow' })), 'a')?.words).toEqual({ exact: 0, child: 0, deep: 0 });
});

test('a directory rule also fills the child word, with recursive the deep word too', () => {
  expect(named(tableOf(pathRule('/bin/')), 'bin')?.words).toEqual({ exact: 0b1111, child: 0b1111, deep: 0 });
  expect(named(tableOf(pathRule('/bin/**')), 'bin')?.words).toEqual({ exact: 0b1111, child: 0b1111, deep: 0b1111 });
});

test('readOnly and ownerOnly are cells of the word: read in bits 4 to 7, write in bits 8 to 11, the owner first', () => {
  expect(named(tableOf(fileRule('/f', { readOnly: true })), 'f')?.words.exact).toBe(0b1111_0101_0000);
  expect(named(tableOf(fileRule('/f', { ownerOnly: true })), 'f')?.words.exact).toBe(0b1101_1101_0000);
  expect(named(tableOf(fileRule('/f', { action: 'Audit', readOnly: true, ownerOnly: true })), 'f')?.words.exact).toBe(0b1010_1001_0000);
});

test('the stronger verdict stays in a cell, and its site names the rule that gave it', () => {
  const [audit, block] = [pathRule('/a', { action: 'Audit' }), pathRule('/a')];
  const table = tableOf(audit, block, pathRule('/a'));
  expect(named(table, 'a')?.words.exact).toBe(0b1111);
  expect(table.sites.get(siteKey({ node: 2, site: 'exact', source: 0, operation: 'exec', owner: false }))?.rule).toBe(block);
});

test('rules with a source have words of their own, in the class of their source', () => {
  const table = tableOf(pathRule('/a', { from: ['/z', '/b'] }), pathRule('/a', { action: 'Allow' }));
  expect(table.sources.classes).toBe(2);
  expect(named(table, 'a')?.words.exact).toBe(0b0101);
  expect([...(named(table, 'a')?.sources ?? [])]).toEqual([
    [1, { exact: 0b1111, child: 0, deep: 0 }],
    [2, { exact: 0b1111, child: 0, deep: 0 }],
  ]);
});

test('rules for / are the words of the root', () => {
  const table = tableOf(fileRule('/', { from: ['/b'] }), fileRule('/**', { action: 'Audit' }));
  expect(table.nodes).toEqual([]);
  expect(table.root.words).toEqual({ exact: 0b1010_1010_0000, child: 0b1010_1010_0000, deep: 0b1010_1010_0000 });
  expect(table.root.sources.get(1)).toEqual({ exact: 0b1111_1111_0000, child: 0b1111_1111_0000, deep: 0 });
});

test('nodes come parents first, numbered in the order of their names’ bytes', () => {
  const table = tableOf(pathRule('/b'), pathRule('/a/c'), pathRule('/é'), pathRule('/a-'));
  expect(table.nodes.map(({ id, parent, name }) => [id, parent, new TextDecoder().decode(name)])).toEqual([
    [2, 1, 'a'],
    [3, 2, 'c'],
    [4, 1, 'a-'],
    [5, 1, 'b'],
    [6, 1, 'é'],
  ]);
});

test('network and capability rules are bits of the masks', () => {
  const table = tableOf(
    networkRule('udp'),
    networkRule('all', { from: ['/s'], action: 'Allow' }),
    capabilityRule('bpf', { action: 'Audit' }),
  );
  expect(table.flat.network).toEqual({ allow: 0, audit: 0, block: 1 << 1 });
  expect(table.flat.capability).toEqual({ allow: 0n, audit: 1n << 39n, block: 0n });
  expect(table.sourceFlat.get(1)?.network).toEqual({ allow: 1 << 12, audit: 0, block: 0 });
});

test('the default of a class is its posture where an Allow rule makes it an allow-list', () => {
  const postures = { file: 'block', network: 'audit', capabilities: 'block' } as const;
  const rules = [pathRule('/a', { action: 'Allow' }), networkRule('udp', { action: 'Allow' }), capabilityRule('bpf')];
  expect(compile([policyOf(...rules)], postures).table?.defaults).toEqual({
    process: 'block',
    file: 'none',
    network: 'audit',
    dns: 'none',
    capabilities: 'none',
  });
});

test('a table that the kernel cannot hold is a problem with the count, not a table', () => {
  const rules = Array.from({ length: MAX_TABLE_NODES + 1 }, (_, i) => pathRule(`/f${i}`));
  const { table, problems } = compile([{ ...policyOf(), rules }], DEFAULT_POSTURES);
  expect(table).toBeUndefined();
  expect(problems).toMatchObject([{ code: 'table-too-large', severity: 'error' }]);
  expect(problems[0]?.message).toContain(String(MAX_TABLE_NODES + 1));
});

test('chunks of long names and sources count towards the size of a table', () => {
  const rules = Array.from({ length: 20_000 }, (_, i) => pathRule(`/${'x'.repeat(240)}${i}`, { from: [`/s${i}`] }));
  const { problems } = compile([{ ...policyOf(), rules }], DEFAULT_POSTURES);
  expect(problems).toEqual([]);
  const many = rules.map((rule, i) => ({ ...rule, match: { type: 'path' as const, path: `/${i}${'x'.repeat(240)}` } }));
  expect(compile([{ ...policyOf(), rules: many }], DEFAULT_POSTURES).problems[0]?.message).toContain(
    '240000 components of paths and names',
  );
});
