import { beforeEach, expect, test } from '@jest/globals';
import { ANNOTATION } from '@parapet/policy';
import { parse } from 'yaml';
import { reconcile } from '../../../reconciler/src/reconcile.ts';
import type { RunResult, StopReason } from '../../../reconciler/src/reconcile.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import { hash, manifest, problem } from './builders.ts';
import { makes, World } from './world.ts';

const [A, B] = [hash('a'), hash('b')];
let world: World;
let abort: AbortController;

beforeEach(() => {
  world = new World();
  abort = new AbortController();
});

const run = (commit: string): Promise<RunResult> => reconcile(world.parts, commit, abort.signal);
/** What is said of a commit by now. */
const status = (commit: string): string => {
  const latest = world.parts.statuses.latest(commit, 'synth');
  return `${latest?.state}: ${latest?.description}`;
};

test('a good commit is stored with where it came from, and its status says what changed', async () => {
  world.programs.set(A, makes(manifest('web'), manifest('db')));
  expect(await run(A)).toMatchObject({ kind: 'applied', problems: [] });
  expect(status(A)).toBe('success: 2 policies, 2 rules: 2 added');
  const { inventory, files } = world.target.applied!;
  expect(inventory).toMatchObject({ commit: A, repository: 'https://git.test/p.git', path: '.' });
  expect(inventory.policies.map(({ name, file, rules }) => [name, file, rules])).toEqual([
    ['web', 'shop.web.yaml', 1],
    ['db', 'shop.db.yaml', 1],
  ]);
  expect(parse(files[0]!.content)).toMatchObject({
    metadata: { name: 'web', annotations: { [ANNOTATION.repository]: 'https://git.test/p.git', [ANNOTATION.commit]: A } },
  });
  expect(world.left.size).toBe(0);
});

test('the same commit gives the same bytes, and another the same but for its hash', async () => {
  await run(A);
  const first = world.target.applied!;
  await run(A);
  expect(world.target.applied).toEqual(first);
  await run(B);
  expect(world.target.applied!.files[0]!.content.replaceAll(B, A)).toBe(first.files[0]!.content);
  expect(status(B)).toBe('success: 1 policy, 1 rule: no changes');
});

test('a commit looked at again keeps the status that says what it changed', async () => {
  await run(A);
  await run(A);
  expect(status(A)).toBe('success: 1 policy, 1 rule: 1 added');
});

const spec = manifest('web')['spec'] as Record<string, unknown>;
test.each([
  [
    'a program that threw',
    () =>
      Promise.resolve({ problems: [problem('the program threw boom', { code: 'program-threw', place: { file: 'main.ts', line: 7 } })] }),
    'main.ts:7: the program threw boom',
  ],
  ['another kind', makes(manifest('ok'), { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } }), 'main.ts:2'],
  ['an unknown field', makes({ ...manifest('web'), spec: { ...spec, procces: {} } }), 'main.ts:1'],
  [
    'a path that is none',
    makes({ ...manifest('web'), spec: { ...spec, process: { matchPaths: [{ path: 'usr/bin/apt' }] } } }),
    'main.ts:1',
  ],
  [
    'a rule that no kernel table can hold',
    makes({ ...manifest('web'), spec: { ...spec, process: { matchPaths: [{ path: `/${'x'.repeat(300)}` }] } } }),
    'main.ts:1',
  ],
  ['a policy that is there twice', makes(manifest('web'), manifest('web')), 'main.ts:2'],
  ['something that is no object', makes('policy'), 'main.ts:1'],
])('%s fails the commit at its line, and what was applied stays byte for byte', async (_name, program, start) => {
  await run(A);
  const before = structuredClone(world.target.applied);
  world.programs.set(B, program);
  const result = await run(B);
  expect(result.kind).toBe('refused');
  expect(result.problems.length).toBeGreaterThan(0);
  expect(status(B)).toMatch(/^failure: /);
  expect(status(B).slice('failure: '.length)).toMatch(new RegExp(`^${start.replaceAll('.', '\\.')}`));
  expect(status(B).length).toBeLessThanOrEqual('failure: '.length + 140);
  expect(status(B)).not.toMatch(/\p{Cc}/u);
  expect(world.target.applied).toEqual(before);
  expect(world.left.size).toBe(0);
});

test('all problems of a commit are in the result, and their number in the status', async () => {
  world.programs.set(A, makes({ ...manifest('a'), spec: { ...spec, x: 1, y: 2 } }, { ...manifest('b'), spec: { ...spec, z: 3 } }));
  const { problems } = await run(A);
  expect(problems).toHaveLength(3);
  expect(status(A)).toMatch(/^failure: main\.ts:1: .*x.* \(\+2 more\)$/);
});

test('what a program calls things cannot break the line or the length of a status', async () => {
  world.programs.set(A, makes({ ...manifest('web'), metadata: { name: `evil\u001b[31m\n${'x'.repeat(500)}`, namespace: 'shop' } }));
  await run(A);
  expect(status(A)).toMatch(/^failure: main\.ts:1: .{1,129}$/u);
  expect(status(A)).not.toMatch(/\p{Cc}/u);
});

test('the next good commit is applied after a bad one', async () => {
  world.programs.set(A, makes('bad'));
  await run(A);
  expect(world.target.applied).toBeUndefined();
  expect((await run(B)).kind).toBe('applied');
  expect(status(B)).toBe('success: 1 policy, 1 rule: 1 added');
});

test('a commit without policies is refused unless that is wished for', async () => {
  await run(A);
  world.programs.set(B, makes());
  expect((await run(B)).kind).toBe('refused');
  expect(status(B)).toBe('failure: the commit has no policy, and 1 policy is applied: nothing is removed');
  const result = await reconcile({ ...world.parts, allowEmpty: true }, B, abort.signal);
  expect(result.kind).toBe('applied');
  expect(world.target.applied?.files).toEqual([]);
});

test('a repository whose files cannot be used is refused before anything of it runs', async () => {
  const bad = problem('this file of the repository can’t be used', { code: 'repository-entry', place: { file: '../x' } });
  world.trees.set(A, () => Promise.resolve({ directory: '', problems: [bad], dispose: () => Promise.resolve() }));
  world.programs.set('', () => Promise.reject(new Error('it ran')));
  expect(await run(A)).toMatchObject({ kind: 'refused', problems: [bad] });
});

test('a warning does not refuse the commit', async () => {
  const warning = problem('a submodule', { severity: 'warning' });
  world.trees.set(A, () => Promise.resolve({ directory: A, problems: [warning], dispose: () => Promise.resolve() }));
  expect(await run(A)).toMatchObject({ kind: 'applied', problems: [warning] });
});

test.each([
  ['the repository', (): void => void world.trees.set(A, () => Promise.reject(new StageError('fetch', 'nobody answers')))],
  ['the target', (): void => void (world.target.failure = new StageError('target', 'nobody answers'))],
  ['the sandbox', (): void => void world.programs.set(A, () => Promise.reject(new Error('nobody answers')))],
])('a failure of %s ends the commit’s status as an error, and a later run mends it', async (_name, fail) => {
  fail();
  expect(await run(A)).toMatchObject({ kind: 'failed' });
  expect(status(A)).toMatch(/^error: (fetch|target|synth) failed: nobody answers$/);
  expect(world.left.size).toBe(0);
  world.trees.clear();
  world.programs.clear();
  expect(await run(A)).toMatchObject({ kind: 'applied' });
  expect(status(A)).toMatch(/^success/);
});

test('a bug ends the commit’s status and is not hidden', async () => {
  world.trees.set(A, () => Promise.reject(new TypeError('x is not a function')));
  await expect(run(A)).rejects.toThrow('x is not a function');
  expect(status(A)).toBe('error: the reconciler has a bug: see its log');
});

test.each([
  ['a newer commit', { by: B } satisfies StopReason, 'error: superseded by bbbbbbb'],
  ['a stop', 'stopping' satisfies StopReason, 'error: the reconciler was stopped'],
])('%s in the middle of a run ends its status, applies nothing and removes its files', async (_name, reason, said) => {
  world.programs.set(A, () => new Promise(() => undefined));
  const running = run(A);
  await world.clock.advance(0);
  expect(status(A)).toMatch(/^pending/);
  abort.abort(reason);
  expect((await running).kind).toBe('overtaken');
  expect(status(A)).toBe(said);
  expect(world.target.applied).toBeUndefined();
  expect(world.left.size).toBe(0);
});

test('a reference that moves between asking and fetching is left to the newer commit', async () => {
  world.trees.set(A, () => Promise.resolve({ moved: B }));
  expect((await run(A)).kind).toBe('overtaken');
  expect(status(A)).toBe('error: superseded by bbbbbbb');
});

test('what a crash left pending ends with the next run, of the same commit or of another', async () => {
  world.parts.statuses.set(A, 'synth', { state: 'pending', description: 'synthesizing policies' });
  await run(B);
  expect(status(A)).toBe('error: superseded by bbbbbbb');
  world.parts.statuses.set(B, 'synth', { state: 'pending', description: 'synthesizing policies' });
  await run(B);
  expect(status(B)).toMatch(/^success/);
});

test('an applied commit ends what its predecessors were waiting for on nodes', async () => {
  world.parts.statuses.set(A, 'enforced', { state: 'pending', description: '0 of 1 nodes' });
  world.programs.set(B, makes('bad'));
  await run(B);
  expect(world.parts.statuses.latest(A, 'enforced')?.state).toBe('pending');
  world.programs.clear();
  await run(B);
  expect(world.parts.statuses.latest(A, 'enforced')).toMatchObject({ state: 'error', description: 'superseded by bbbbbbb' });
});
