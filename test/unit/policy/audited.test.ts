import { expect, test } from '@jest/globals';
import { audited, compile, evaluate } from '@parapet/policy';
import type { Access } from '@parapet/policy';
import { capabilityRule, fileRule, networkRule, pathRule, policyOf } from './builders.ts';

const rules = [
  pathRule('/bin/sh'),
  fileRule('/secret'),
  fileRule('/readonly', { action: 'Allow', readOnly: true }),
  fileRule('/owned', { action: 'Allow', ownerOnly: true }),
  fileRule('/told', { action: 'Audit' }),
  networkRule('raw'),
  capabilityRule('sys_admin'),
];
const policies = audited([policyOf(...rules)]);
const postures = { file: 'audit', network: 'audit', capabilities: 'audit' } as const;

const open = (path: string, operation: 'read' | 'write' | 'exec', owner = false): Access => ({
  type: 'path',
  operation,
  path,
  owner,
  source: '/x',
});

test('nothing blocks that did, and what was allowed still is', () => {
  const verdictOf = (access: Access): string => evaluate({ policies, postures, access }).verdict;
  expect([
    verdictOf(open('/bin/sh', 'exec')),
    verdictOf(open('/secret', 'read')),
    verdictOf(open('/readonly', 'write')),
    verdictOf(open('/readonly', 'read')),
    verdictOf(open('/owned', 'read')),
    verdictOf(open('/owned', 'read', true)),
    verdictOf(open('/told', 'read')),
    verdictOf({ type: 'network', family: 2, socketType: 3, protocol: 0, source: '/x' }),
    verdictOf({ type: 'capability', capability: 21, source: '/x' }),
  ]).toEqual(['audit', 'audit', 'audit', 'allow', 'audit', 'allow', 'audit', 'audit', 'audit']);
});

test('the compiled table has no verdict that blocks', () => {
  const { table } = compile(policies, postures);
  const words = table!.nodes.flatMap(({ words: { exact, child, deep } }) => [exact, child, deep]);
  const verdicts = words.flatMap((word) => [...Array(8).keys()].map((at) => (word >> (at * 2)) & 3));
  expect(verdicts).not.toContain(3);
  expect([table!.flat.network.block, table!.flat.capability.block]).toEqual([0, 0n]);
});

test('each rule remembers its action as written', () => {
  expect(policies[0]?.rules.map(({ action, asWritten }) => `${action} ${asWritten ?? ''}`)).toEqual([
    'Audit Block',
    'Audit Block',
    'Allow Allow',
    'Allow Allow',
    'Audit Audit',
    'Audit Block',
    'Audit Block',
  ]);
});
