/** The judges of a run with faults: what is wrong is seen, and what only looks so is not. */
import { describe, expect, test } from '@jest/globals';
import type { PolicyEvent, Post, Pushed, SourceEvent } from '../../support/faults/history.ts';
import { faultsOfPolicies } from '../../support/faults/policy-judge.ts';
import { Random } from '../../support/faults/random.ts';
import { ASK, deaths, STAGES } from '../../support/faults/stages.ts';
import { faultsOfPosts, pendingPosts, shownOf } from '../../support/faults/status-judge.ts';

const pushed = (commit: string, policies: Readonly<Record<string, string>>, rest: Partial<Pushed> = {}): Pushed => ({
  commit,
  kind: 'good',
  policies: new Map(Object.entries(policies)),
  at: Number(commit),
  ...rest,
});
let versions = 0;
const event = (type: PolicyEvent['type'], name: string, rest: Partial<PolicyEvent> = {}): PolicyEvent => ({
  type,
  name,
  resourceVersion: (versions += 1),
  at: 100,
  source: 'east',
  ...rest,
});
const attempted = (commit: string): SourceEvent => ({ resourceVersion: (versions += 1), source: 'east', attempted: commit });
const faults = (commits: readonly Pushed[], policies: readonly PolicyEvent[], sources: readonly SourceEvent[] = []): readonly string[] =>
  faultsOfPolicies({ pushed: new Map([['east', commits]]), policies, sources });

describe('what becomes of policies', () => {
  const first = pushed('1', { web: 'v1', api: 'v1' });
  const second = pushed('2', { web: 'v2' });
  const added = (): PolicyEvent[] => [
    event('ADDED', 'web', { commit: '1', version: 'v1' }),
    event('ADDED', 'api', { commit: '1', version: 'v1' }),
  ];

  test('a commit that is applied, and one that changes and removes, are right', () => {
    const events = [...added(), event('MODIFIED', 'web', { commit: '2', version: 'v2' }), event('DELETED', 'api')];
    expect(faults([first, second], events)).toEqual([]);
  });

  test('a policy that the commit before and the commit after hold is not to be deleted', () => {
    expect(faults([first, second], [...added(), event('DELETED', 'web')])).toEqual([
      'web was deleted at commit 0 of east, and no commit from there on asks for that: good, with it; good, with it',
    ]);
  });

  test('a commit that nobody knew of yet asks for nothing, and neither does one that has been left behind', () => {
    expect(faults([first, pushed('200', {})], [...added(), event('DELETED', 'api')])).toHaveLength(1);
    const back = pushed('3', { web: 'v2', api: 'v1' });
    const events = [...added(), event('DELETED', 'api', { resourceVersion: 1e6 })];
    expect(faults([first, second, back], events, [attempted('3')])).toHaveLength(1);
    expect(faults([first, second, back], events, [attempted('2')])).toEqual([]);
  });

  test.each(['broken', 'emptied'] as const)('a commit that is %s asks for nothing', (kind) => {
    const last = pushed('2', {}, { kind });
    expect(faults([first, last], [...added(), event('DELETED', 'api')])).toHaveLength(1);
    expect(faults([first, last], [...added(), event('MODIFIED', 'web', { commit: '2', version: 'v1' })])[0]).toContain(kind);
  });

  test('a policy says what its commit says, and never that of an older one again', () => {
    expect(faults([first, second], [event('ADDED', 'web', { commit: '2', version: 'v1' })])).toEqual([
      'web is of commit 1, and says v1, not v2',
    ]);
    const events = [event('ADDED', 'web', { commit: '2', version: 'v2' }), event('MODIFIED', 'web', { commit: '1', version: 'v1' })];
    expect(faults([first, second], events)).toEqual(['web goes back from commit 1 to 0']);
    expect(faults([first], [event('ADDED', 'web', { commit: '9', version: 'v1' })])).toEqual(['web is of 9, which nobody pushed']);
  });

  test('a policy that can not be applied keeps its last good version', () => {
    const spoilt = pushed('2', { web: 'v2', api: 'v1' }, { kind: 'partly', spoilt: 'web' });
    expect(faults([first, spoilt], [...added(), event('MODIFIED', 'web', { commit: '2', version: 'v2' })])).toHaveLength(1);
    expect(faults([first, spoilt], [...added(), event('DELETED', 'web')])).toHaveLength(1);
  });

  test('a policy of nobody is never deleted, and a source never goes back', () => {
    const foreign: PolicyEvent = { type: 'DELETED', name: 'by-hand', resourceVersion: 1, at: 1 };
    expect(faults([first], [foreign])).toEqual(["by-hand is nobody's, and was deleted"]);
    expect(faults([first, second], [], [attempted('2'), attempted('1')])).toEqual(['east goes back from commit 1 to 0']);
  });
});

describe('what a host is told', () => {
  const post = (topic: string, state: string, description = state): Post => ({
    sha: 'c'.repeat(40),
    context: `parapet/${topic}`,
    state,
    description,
  });

  test('a stage begins, may fail and begin again, and ends once', () => {
    const posts = [post('synth', 'pending'), post('synth', 'error'), post('synth', 'pending'), post('synth', 'success')];
    expect(faultsOfPosts(posts)).toEqual([]);
    expect(pendingPosts(posts)).toEqual([]);
    expect(shownOf(posts, 'c'.repeat(40))).toEqual(['parapet/synth: success']);
  });

  test.each([
    ['posted twice', [post('synth', 'pending'), post('synth', 'pending')]],
    ['out of order', [post('synth', 'success'), post('synth', 'pending')]],
    ['out of order', [post('sync', 'success'), post('sync', 'failure')]],
    ['out of order', [post('diff', 'success', '2 added, 1 removed'), post('diff', 'success', '1 removed')]],
    ['superseded', [post('sync', 'error', 'superseded by 1234'), post('sync', 'success')]],
  ] as const)('%s is seen', (why, posts) => {
    expect(faultsOfPosts(posts)).toEqual([expect.stringContaining(why)]);
  });

  test('what is told of other contexts in between is no matter', () => {
    expect(faultsOfPosts([post('synth', 'pending'), post('diff', 'pending'), post('synth', 'success')])).toEqual([]);
  });

  test('what never ends is seen', () => {
    expect(pendingPosts([post('synth', 'success'), post('sync', 'pending')])).toEqual([expect.stringContaining('parapet/sync pending')]);
  });
});

test('deaths are spread over all stages and random moments, the same for the same seed', () => {
  const all = deaths(STAGES.length * 2, new Random(7));
  expect(deaths(STAGES.length * 2, new Random(7))).toEqual(all);
  expect(new Set(all.flatMap(({ stage }) => (stage === undefined ? [] : [stage.name])))).toEqual(
    new Set([...STAGES, ASK].map(({ name }) => name)),
  );
  expect(all.filter(({ stage }) => stage === undefined).length).toBeGreaterThanOrEqual(STAGES.length / 2);
});
