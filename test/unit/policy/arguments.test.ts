import { describe, expect, test } from '@jest/globals';
import {
  compile,
  DEFAULT_POSTURES,
  encodeTable,
  evaluate,
  explainEvent,
  MAX_ARGUMENT_RULES,
  MAX_ARGUMENTS,
  siteKey,
} from '@parapet/policy';
import type { Access, DecodedEvent, Policy, ProcessRule, Table } from '@parapet/policy';
import { nameRule, pathRule, patternRule, policyOf } from './builders.ts';
import { errorsOf, parsed, problemsOf } from './manifests.ts';

const specWith = (allowedArgs: unknown): object => ({ process: { matchPaths: [{ path: '/bin/a', allowedArgs }] } });

describe('a rule', () => {
  test('has the arguments that it allows, each once', () => {
    expect(parsed({ spec: specWith(['-a', '', '-a', 'ä']) }).rules[0]).toMatchObject({ allowedArgs: ['-a', '', 'ä'] });
    expect(parsed({ spec: { process: { matchPaths: [{ path: '/bin/a' }] } } }).rules[0]).not.toHaveProperty('allowedArgs');
  });

  test('with an empty list allows every argument, and is warned of', () => {
    const { rules } = parsed({ spec: specWith([]) });
    expect(rules[0]).not.toHaveProperty('allowedArgs');
    expect(problemsOf({ spec: specWith([]) })).toMatchObject([{ code: 'invalid-value', severity: 'warning' }]);
  });

  test.each([
    ['a text', '-a', 'wrong-type', 'must be a list, not "-a"'],
    ['numbers', [1], 'wrong-type', 'must be a text, not 1'],
    ['a NUL', ['a\0b'], 'invalid-value', /NUL/],
    ['half a character', ['\ud800'], 'invalid-value', 'is not valid Unicode'],
    ['more than 240 bytes', ['ä'.repeat(121)], 'invalid-value', 'has 242 bytes, and an argument that can be allowed has at most 240'],
    ['too many', Array.from({ length: 257 }, (_, i) => `-${i}`), 'invalid-value', 'has 257 arguments, and a rule lists at most 256'],
  ])('with %s is refused', (...[, allowedArgs, code, message]) => {
    expect(errorsOf({ spec: specWith(allowedArgs) })).toMatchObject([{ code, message: expect.stringMatching(message) as unknown }]);
  });

  test.each(['matchDirectories', 'matchPatterns'])('of %s has no arguments, and is told where they go', (list) => {
    const match = list === 'matchPatterns' ? { pattern: '/bin/*' } : { dir: '/bin/' };
    const [problem] = errorsOf({ spec: { process: { [list]: [{ ...match, allowedArgs: ['-a'] }] } } });
    expect(problem).toMatchObject({ code: 'unknown-field', hint: expect.stringContaining('under matchPaths of process') as unknown });
  });
});

const exec = (given: readonly string[], more: Partial<Extract<Access, { type: 'path' }>> = {}): Access => ({
  type: 'path',
  operation: 'exec',
  path: '/bin/a',
  owner: true,
  source: '/bin/sh',
  arguments: given,
  ...more,
});

const decide = (policies: readonly Policy[], access: Access): string =>
  evaluate({ policies, postures: { ...DEFAULT_POSTURES, file: 'block' }, access }).verdict;

describe('an execution', () => {
  test.each([
    ['Block', 'allow', 'block'],
    ['Allow', 'allow', 'block'],
    ['Audit', 'allow', 'audit'],
  ] as const)('with arguments that a rule of action %s lists is %sed, with others it is %sed', (action, listed, other) => {
    const policies = [policyOf(pathRule('/bin/a', { action, allowedArgs: ['-a', '-b'] }))];
    expect([[], ['-a'], ['-b', '-a', '-a']].map((given) => decide(policies, exec(given)))).toEqual([listed, listed, listed]);
    expect([['-c'], ['-a', '-c'], ['']].map((given) => decide(policies, exec(given)))).toEqual([other, other, other]);
  });

  test('without arguments is one that every list allows', () => {
    const silent = { type: 'path', operation: 'exec', path: '/bin/a', owner: true, source: '/bin/sh' } as const;
    expect(decide([policyOf(pathRule('/bin/a', { allowedArgs: ['-a'] }))], silent)).toBe('allow');
  });

  test('with more arguments than are judged is refused, whatever they are', () => {
    const policies = [policyOf(pathRule('/bin/a', { allowedArgs: ['-a'] }))];
    expect(decide(policies, exec(Array.from({ length: MAX_ARGUMENTS }, () => '-a')))).toBe('allow');
    expect(decide(policies, exec(Array.from({ length: MAX_ARGUMENTS + 1 }, () => '-a')))).toBe('block');
  });

  test('has to satisfy every rule for the same program', () => {
    const policies = [policyOf(pathRule('/bin/a', { allowedArgs: ['-a', '-b'] }), pathRule('/bin/a', { allowedArgs: ['-b', '-c'] }))];
    expect(['-a', '-b', '-c'].map((argument) => decide(policies, exec([argument])))).toEqual(['block', 'allow', 'block']);
  });

  test('by a source that has a rule of its own is judged by that one', () => {
    const rules = [pathRule('/bin/a', { allowedArgs: ['-a'] }), pathRule('/bin/a', { allowedArgs: ['-b'], from: ['/bin/sh'] })];
    expect(decide([policyOf(...rules)], exec(['-b']))).toBe('allow');
    expect(decide([policyOf(...rules)], exec(['-b'], { source: '/bin/other' }))).toBe('block');
  });

  test('by others than the owner is refused by an owner-only rule, and by a terminal where the rule refuses those', () => {
    expect(decide([policyOf(pathRule('/bin/a', { allowedArgs: ['-a'], ownerOnly: true }))], exec(['-a'], { owner: false }))).toBe('block');
    const noTerminal = [policyOf(pathRule('/bin/a', { allowedArgs: ['-a'], noTerminal: true }))];
    expect(decide(noTerminal, exec(['-a'], { terminal: true }))).toBe('block');
    expect(decide(noTerminal, exec(['-a'], { terminal: false }))).toBe('allow');
    expect(decide(noTerminal, exec(['-b'], { terminal: false }))).toBe('block');
  });

  test('a directory above such a program is moved by nobody', () => {
    const policies = [policyOf(pathRule('/opt/bin/a', { action: 'Allow', allowedArgs: ['-a'] }))];
    const access: Access = { type: 'path', operation: 'move', path: '/opt', owner: true, source: '/bin/sh' };
    expect(decide(policies, access)).toBe('block');
  });
});

function tableOf(...rules: readonly ProcessRule[]): Table {
  return compile([policyOf(...rules)], DEFAULT_POSTURES).table!;
}

describe('a table', () => {
  test('has a list for each program and refusal, in an order that is not that of the rules', () => {
    const rules = [
      pathRule('/bin/a', { allowedArgs: ['-b', '-a'] }),
      pathRule('/bin/a', { allowedArgs: ['-a', '-b'], from: ['/bin/sh'] }),
      pathRule('/bin/a', { allowedArgs: ['-a', '-b'], action: 'Audit' }),
      nameRule('a', { allowedArgs: [''] }),
    ];
    const table = tableOf(...rules);
    const { lists, places } = table.arguments;
    expect(lists.map(({ allowed, empty }) => [allowed.length, empty])).toEqual([
      [2, false],
      [2, false],
      [0, true],
    ]);
    expect(places.map(({ source, rules: held }) => [source, held.length])).toEqual([
      [0, 2],
      [1, 1],
      [0, 1],
    ]);
    expect(encodeTable(tableOf(...rules.toReversed()), 0)).toEqual(encodeTable(table, 0));
  });

  test('names the rule whose list an argument is not in', () => {
    const rule = pathRule('/bin/a', { allowedArgs: ['-a'] });
    const table = tableOf(pathRule('/bin/b'), rule);
    const list = table.arguments.lists[0]!.id;
    expect(table.sites.get(siteKey({ node: list, site: 'arguments', source: 0, operation: 'exec', owner: false }))?.rule).toBe(rule);
    const event = { section: 'process', site: 'arguments', node: 100 + list, source: 0, owner: false, operation: 'exec', verdict: 'block' };
    expect(explainEvent({ table, nodeBase: 100, event: event as DecodedEvent })).toMatchObject({ verdict: 'block', rule });
  });

  test('for tasks with a terminal has no list of a rule that refuses those anyway', () => {
    const table = tableOf(pathRule('/bin/a', { allowedArgs: ['-a'], noTerminal: true }));
    expect([table.arguments.lists.length, table.terminal?.arguments.lists.length]).toEqual([1, 0]);
  });

  test('with more lists for one program than the kernel holds is refused', () => {
    const rules = Array.from({ length: MAX_ARGUMENT_RULES + 1 }, (_, i) => pathRule('/bin/a', { allowedArgs: [`-${i}`] }));
    const { table, problems } = compile([policyOf(...rules)], DEFAULT_POSTURES);
    expect(table).toBeUndefined();
    expect(problems).toMatchObject([{ code: 'table-too-large', hint: 'say in one rule which arguments the program may have' }]);
  });

  test('without rules for arguments has none', () => {
    expect(compile([policyOf(pathRule('/bin/a'), patternRule('/x*'))], DEFAULT_POSTURES).table?.arguments).toEqual({
      lists: [],
      places: [],
    });
  });
});
