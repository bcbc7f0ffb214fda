import { beforeEach, expect, test } from '@jest/globals';
import { Announcer } from '../../../reconciler/src/announcer.ts';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import type { SourceRunResult } from '../../../reconciler/src/source-run.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import type { Statuses } from '../../../reconciler/src/statuses.ts';
import { TOPICS } from '../../../reconciler/src/status-words.ts';
import { hash, memoryLog } from './builders.ts';
import { FakeClock, memoryStore, statusesFor } from './fakes.ts';
import { delivered, refused } from './loop-world.ts';

const [A, B] = [hash('a'), hash('b')];
let statuses: Statuses;
let announcer: Announcer;
beforeEach(() => {
  const host = {
    limits: HOST_LIMITS.GitHub,
    post: () => Promise.resolve({ kind: 'posted' } as const),
    find: () => Promise.resolve({ kind: 'none' } as const),
  };
  statuses = statusesFor({ host, store: memoryStore(), clock: new FakeClock(), log: memoryLog().log });
  announcer = new Announcer(statuses, 'clusters/a');
});

const said = (commit: string): string[] =>
  TOPICS.map((topic) => ({ topic, status: statuses.latest(commit, topic) }))
    .filter(({ status }) => status !== undefined)
    .map(({ topic, status }) => `${topic} ${status?.state ?? ''}: ${status?.description ?? ''}`);

function run(commit: string, result: SourceRunResult): void {
  announcer.begin(commit);
  if (result.kind === 'moved') return;
  announcer.synthesized(commit, result.synthesis);
  if (result.kind !== 'delivered') return;
  announcer.planned(commit, result);
  announcer.delivered(commit, result);
}

test('every stage is pending before it has an end', () => {
  announcer.begin(A);
  expect(said(A)).toEqual(['synth pending: synthesizing policies']);
  run(A, delivered(A, ['added', 'added']));
  expect(said(A)).toEqual(['synth success: 2 policies, 1 rule', 'diff success: 2 added', 'sync success: 2 added']);
});

test('a program that fails is told at synth, and nothing else is', () => {
  run(A, refused('is wrong'));
  expect(said(A)).toEqual([expect.stringMatching(/^synth failure: .*is wrong/)]);
});

test('looked at again a commit keeps saying what it did', () => {
  run(A, delivered(A, ['added']));
  run(A, delivered(A, ['unchanged']));
  expect(said(A).slice(1)).toEqual(['diff success: 1 added', 'sync success: 1 added']);
});

test.each([
  ['a process that was killed', () => undefined],
  ['the world failing', () => announcer.failed(A, new StageError('target', 'nobody answers'))],
])('after %s in the middle of it, what is left to do is not told as what the commit changes', (_, end) => {
  const [whole, rest] = [delivered(A, ['added', 'changed', 'removed']), delivered(A, ['unchanged', 'unchanged', 'removed'])];
  announcer.begin(A);
  announcer.synthesized(A, whole.synthesis);
  announcer.planned(A, whole);
  end();
  run(A, rest);
  expect(said(A)[1]).toBe('diff success: 1 added, 1 changed, 1 removed');
  expect(said(A)[2]).toMatch(/^sync success: 1 removed/);
  // Somebody has changed it in the cluster since: that is another thing than what was left.
  run(A, delivered(A, ['changed', 'unchanged', 'unchanged']));
  expect(said(A)[1]).toBe('diff success: 1 changed');
});

test('a policy that is refused makes synth and sync red, and both say which', () => {
  run(A, delivered(A, ['added', 'refused']));
  expect(said(A)[0]).toMatch(/^synth failure: .*is wrong/);
  expect(said(A)[2]).toMatch(/^sync failure: 1 added; 1 refused: .*is wrong/);
});

test('the world failing ends the stage at work, which is pending again when it is tried again', () => {
  announcer.begin(A);
  announcer.failed(A, new StageError('fetch', 'nobody answers'));
  expect(said(A)).toEqual(['synth error: fetch failed: nobody answers']);
  announcer.begin(A);
  expect(said(A)).toEqual(['synth pending: synthesizing policies']);
});

test('a commit that is carried out is not red because it could not be looked at again', () => {
  run(A, delivered(A, ['added']));
  announcer.begin(A);
  announcer.failed(A, new StageError('target', 'nobody answers'));
  expect(said(A)).toHaveLength(3);
  expect(said(A).every((line) => line.includes('success'))).toBe(true);
});

test('what a newer commit overtook ends, and commits of which others speak are left alone', () => {
  announcer = new Announcer(statuses, '.', () => [B]);
  announcer.begin(A);
  announcer.begin(B);
  expect(said(A)).toEqual(['synth error: superseded by bbbbbbb']);
  announcer.begin(hash('c'));
  expect(said(B)).toEqual(['synth pending: synthesizing policies']);
  announcer.superseded(hash('c'), A);
  expect(said(hash('c'))).toEqual(['synth error: superseded by aaaaaaa']);
});
