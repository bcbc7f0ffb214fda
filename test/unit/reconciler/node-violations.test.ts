import { beforeEach, expect, test } from '@jest/globals';
import { refKey } from '@parapet/policy';
import { MAX_OF_ALL, MAX_OF_NODE, NodeViolations } from '../../../reconciler/src/node-violations.ts';
import { entry, hash, violation } from './builders.ts';

const commit = hash('c');
const [web, db] = [refKey(entry('web')), refKey(entry('db'))];
const hit = (rest = {}): ReturnType<typeof violation> => violation({ commit, ...rest });
let violations: NodeViolations;
beforeEach(() => {
  violations = new NodeViolations();
});
const of = (...keys: readonly string[]): string[] =>
  violations.of(new Map(keys.map((key) => [key, commit]))).map(({ node, violation: { name, count } }) => `${node} ${name} ${count}`);

test('violations are found by policy, over all nodes', () => {
  violations.set('n1', [hit(), hit({ name: 'db', count: 3 })]);
  violations.set('n2', [hit({ count: 2 })]);
  expect([of(web), of(db), of(web, db), of('KubeArmorPolicy shop/other')]).toEqual([
    ['n1 web 1', 'n2 web 2'],
    ['n1 db 3'],
    ['n1 web 1', 'n2 web 2', 'n1 db 3'],
    [],
  ]);
});

test('those of another version of the policy, of nothing, and of what was allowed are none', () => {
  violations.set('n1', [hit({ commit: hash('b') }), hit({ commit: undefined }), hit({ count: 0 }), hit({ action: 'Allow' })]);
  expect(of(web)).toEqual([]);
});

test('it is told which policies something else is reported of', () => {
  expect(violations.set('n1', [hit(), hit({ name: 'db' })])).toEqual([web, db]);
  expect(violations.set('n1', [hit({ lastSeen: 'later' }), hit({ name: 'db' })])).toEqual([]);
  expect(violations.set('n1', [hit({ count: 2 }), hit({ name: 'db' })])).toEqual([web]);
  expect(violations.set('n1', [hit({ count: 2 })])).toEqual([db]);
  expect(violations.set('n1', [])).toEqual([web]);
  expect(of(web, db)).toEqual([]);
});

test('of one node, and of all, no more is kept than there is room for', () => {
  const many = Array.from({ length: MAX_OF_NODE + 5 }, (_, index) => hit({ rule: `r${index}` }));
  violations.set('n0', many.slice(0, MAX_OF_NODE));
  expect(violations.overflowed).toBe(false);
  violations.set('n0', many);
  expect([of(web).length, violations.overflowed]).toEqual([MAX_OF_NODE, true]);
  for (let node = 1; node <= MAX_OF_ALL / MAX_OF_NODE; node += 1) violations.set(`n${node}`, many);
  expect(of(web)).toHaveLength(MAX_OF_ALL);
  violations.set('n0', []);
  violations.set('last', [hit({ name: 'db' })]);
  expect([of(web).length, of(db)]).toEqual([MAX_OF_ALL - MAX_OF_NODE, ['last db 1']]);
});
