import { beforeEach, expect, test } from '@jest/globals';
import { PullRequests } from '../../../reconciler/src/pull-requests.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import { hash, manifest, problem } from './builders.ts';
import { settle } from './fakes.ts';
import { look, MAIN, pull, PullRequestWorld } from './pull-request-world.ts';

const [A, B, C] = [hash('a'), hash('b'), hash('c')] as const;
const NOTHING = { looked: 0, left: 0 };

let world: PullRequestWorld;
beforeEach(() => {
  world = new PullRequestWorld();
});

test('a new pull request gets both statuses and one comment, and nothing is applied', async () => {
  world.applied('old');
  world.planning.makes(A, manifest('web'), manifest('old', 'Audit'));
  world.opened(pull(7, A));
  expect(await look(new PullRequests(world.wiring()))).toEqual({ looked: 1, left: 0 });
  expect(world.said(A)).toEqual({ synth: 'success: 2 policies, 2 rules', diff: 'success: 1 added, 1 changed, 0 removed' });
  expect(world.planning.exported).toEqual([{ commit: A, pullRequest: pull(7, A) }]);
  expect(world.planning.delivery.carried).toBe(0);
  const [comment, ...others] = await world.commented();
  expect(others).toEqual([]);
  expect(comment).toMatchObject({
    pullRequest: 7,
    onlyChange: false,
    marker: expect.stringMatching(/^diff parapet-system\/shop \(prod\) /) as unknown,
  });
  expect(comment?.body).toContain('-  action: Block\n+  action: Audit');
});

test('while the program runs, both are pending', async () => {
  let finish: (made: { problems: [] }) => void = () => undefined;
  world.planning.programs.set(A, () => new Promise((done) => (finish = done)));
  world.opened(pull(7, A));
  const looking = look(new PullRequests(world.wiring()));
  await settle();
  expect(world.said(A)).toEqual({ synth: 'pending: synthesizing policies', diff: 'pending: waiting to be compared with the cluster' });
  finish({ problems: [] });
  await looking;
  expect(world.said(A)).toEqual({ synth: 'success: 0 policies, 0 rules', diff: 'success: 0 added, 0 changed, 0 removed' });
});

test('a head is looked at once, until it or what is in the cluster changes', async () => {
  const pulls = new PullRequests(world.wiring());
  world.opened(pull(7, A));
  await look(pulls);
  expect(await look(pulls)).toEqual(NOTHING);
  world.applied('web');
  expect(await look(pulls)).toEqual({ looked: 1, left: 0 });
  world.opened(pull(7, B));
  expect(await look(pulls)).toEqual({ looked: 1, left: 0 });
  expect(world.planning.exported.map(({ commit }) => commit)).toEqual([A, A, B]);
  expect((await world.commented()).map(({ body }) => /Commit `(\w+)`/.exec(body)?.[1])).toEqual(['bbbbbbb']);
});

test('a program with problems is refused at its lines, and nothing is compared', async () => {
  const wrong = problem('Error: no', { code: 'program-threw', place: { file: 'main.ts', line: 4 } });
  world.planning.programs.set(A, () => ({ problems: [wrong] }));
  world.opened(pull(7, A));
  await look(new PullRequests(world.wiring()));
  expect(world.said(A)).toEqual({ synth: 'failure: main.ts:4: Error: no', diff: 'failure: main.ts:4: Error: no' });
  expect(world.statuses.latest(A, 'synth')?.annotations).toEqual([
    { path: 'policies/main.ts', line: 4, level: 'failure', message: 'Error: no' },
  ]);
  expect((await world.commented())[0]?.body).toContain('nothing is planned');
});

test('a pull request that changes no policy is not worth a comment', async () => {
  world.opened(pull(7, A));
  world.planning.makes(A);
  await look(new PullRequests(world.wiring()));
  expect(await world.commented()).toMatchObject([{ pullRequest: 7, onlyChange: true }]);
});

test('only those for the followed branch are looked at, the newest, and none that the source itself is at', async () => {
  world.opened(pull(9, A, 'release'), pull(8, MAIN), pull(7, A), pull(6, B), pull(5, C));
  const pulls = new PullRequests(world.wiring({ limit: 2 }));
  expect(await look(pulls)).toEqual({ looked: 2, left: 0 });
  expect(pulls.heads).toEqual([A, B]);
  expect(world.said(C)).toEqual({});
  expect(world.said(MAIN)).toEqual({});
});

test('a newer head, and a closed pull request, end what is pending on the old one', async () => {
  const stop = new AbortController();
  const pulls = new PullRequests(world.wiring());
  world.opened(pull(8, B), pull(7, A));
  for (const commit of [A, B])
    world.planning.programs.set(commit, () => {
      stop.abort();
      return new Promise(() => undefined);
    });
  expect(await look(pulls, stop.signal)).toEqual({ looked: 0, left: 2 });
  // Whoever had its turn is last in the next look.
  const again = new AbortController();
  world.planning.programs.set(A, () => {
    again.abort();
    return new Promise(() => undefined);
  });
  await look(pulls, again.signal);
  expect([world.said(A).synth, world.said(B).synth]).toEqual(['pending: synthesizing policies', 'pending: synthesizing policies']);
  world.opened(pull(8, C));
  await look(pulls);
  expect(world.said(B)).toEqual({ synth: 'error: superseded by ccccccc', diff: 'error: superseded by ccccccc' });
  expect(world.said(A)).toEqual({ synth: 'error: the pull request is closed', diff: 'error: the pull request is closed' });
  expect(world.said(C).synth).toMatch(/^success/);
});

test('an aborted look goes on with the others, and no head stays pending', async () => {
  const pulls = new PullRequests(world.wiring());
  const stop = new AbortController();
  world.opened(pull(8, B), pull(7, A));
  world.planning.programs.set(B, () => {
    stop.abort('the source has a newer commit');
    return new Promise(() => undefined);
  });
  expect(await look(pulls, stop.signal)).toEqual({ looked: 0, left: 2 });
  expect(world.planning.left.size).toBe(0);
  world.planning.makes(B, manifest('web'));
  expect(await look(pulls)).toEqual({ looked: 2, left: 0 });
  expect(world.planning.exported.map(({ commit }) => commit)).toEqual([B, A, B]);
  expect([world.said(A).diff, world.said(B).diff]).toEqual([
    'success: 1 added, 0 changed, 0 removed',
    'success: 1 added, 0 changed, 0 removed',
  ]);
});

test('when nobody will look again, what is pending ends with the reason', async () => {
  const pulls = new PullRequests(world.wiring());
  const stop = new AbortController();
  world.opened(pull(8, B));
  world.planning.programs.set(B, () => {
    stop.abort();
    return new Promise(() => undefined);
  });
  await look(pulls, stop.signal);
  pulls.end('the source is suspended');
  expect(world.said(B)).toEqual({ synth: 'error: the source is suspended', diff: 'error: the source is suspended' });
  expect(pulls.heads).toEqual([]);
});

test('what an earlier process left pending on a head that is none any more is ended, and on others it goes on', async () => {
  for (const commit of [A, B, MAIN]) world.statuses.set(commit, 'synth', { state: 'pending', description: 'synthesizing policies' });
  world.opened(pull(7, A));
  await look(new PullRequests(world.wiring()));
  expect([world.said(A).synth, world.said(B).synth, world.said(MAIN).synth]).toEqual([
    'success: 1 policy, 1 rule',
    'error: nobody looks at this commit any more',
    'pending: synthesizing policies',
  ]);
});

test('where the world fails the head says so and is looked at again; the others are looked at all the same', async () => {
  const pulls = new PullRequests(world.wiring());
  world.planning.programs.set(B, () => Promise.reject(new StageError('synth', 'the sandbox broke')));
  world.opened(pull(8, B), pull(7, A));
  expect(await look(pulls)).toEqual({ looked: 1, left: 1 });
  expect(world.said(B)).toEqual({ synth: 'error: synth failed: the sandbox broke', diff: 'error: synth failed: the sandbox broke' });
  world.planning.makes(B, manifest('web'));
  expect(await look(pulls)).toEqual({ looked: 1, left: 0 });
  expect(world.said(B).synth).toBe('success: 1 policy, 1 rule');
});

test('what was said of a head stays while the world fails later', async () => {
  const pulls = new PullRequests(world.wiring());
  world.opened(pull(7, A));
  await look(pulls);
  world.applied('web');
  world.planning.programs.set(A, () => Promise.reject(new StageError('synth', 'the sandbox broke')));
  expect(await look(pulls)).toEqual({ looked: 0, left: 1 });
  expect(world.said(A).diff).toBe('success: 1 added, 0 changed, 0 removed');
});

test('a bug is no one’s fault but ours: it comes through, and the head does not stay pending', async () => {
  world.opened(pull(7, A));
  const pulls = new PullRequests(world.wiring({ stored: { list: () => Promise.reject(new TypeError('x is undefined')) } }));
  await expect(look(pulls)).rejects.toThrow(TypeError);
  expect(world.said(A).diff).toBe('error: the reconciler has a bug: see its log');
});

test('a head that moved since it was listed is looked at when the host knows', async () => {
  const pulls = new PullRequests(world.wiring());
  world.planning.trees.set(A, { moved: B });
  world.opened(pull(7, A));
  expect(await look(pulls)).toEqual({ looked: 0, left: 1 });
  expect(world.said(A)).toEqual({ synth: 'error: superseded by bbbbbbb', diff: 'error: superseded by bbbbbbb' });
  world.opened(pull(7, B));
  expect(await look(pulls)).toEqual({ looked: 1, left: 0 });
});

test('a host that is away is asked later, and what was seen stays as it is', async () => {
  const pulls = new PullRequests(world.wiring());
  world.opened(pull(7, A));
  await look(pulls);
  world.answer = { kind: 'unknown', message: 'nobody answers', refused: false, after: 5000 };
  expect(await look(pulls)).toEqual({ ...NOTHING, failure: 'nobody answers', after: 5000 });
  expect(pulls.heads).toEqual([A]);
});

test('a cluster that does not answer is a failure of the look, and of no head', async () => {
  const plan = world.planning.parts();
  const delivery = { ...plan.delivery, survey: () => Promise.reject(new StageError('target', 'nobody answers')) };
  world.opened(pull(7, A));
  const pulls = new PullRequests(world.wiring({ plan: { ...plan, delivery } }));
  expect(await look(pulls)).toEqual({ ...NOTHING, failure: 'nobody answers' });
  expect(world.said(A)).toEqual({});
});

test('where the host will not tell, Git does: the newest heads get statuses and no comments, and that is said once', async () => {
  const pulls = new PullRequests(world.wiring({ limit: 1 }));
  world.answer = { kind: 'unknown', message: 'the token needs "pull requests"', refused: true };
  world.planning.pullRequests = [pull(8, B), pull(7, A)];
  expect(await look(pulls)).toEqual({ looked: 1, left: 0 });
  expect(await look(pulls)).toEqual(NOTHING);
  expect(world.said(B).synth).toMatch(/^success/);
  expect(world.said(A)).toEqual({});
  expect(await world.commented()).toEqual([]);
  expect(world.log.events.filter(({ level }) => level === 'warn')).toHaveLength(1);
});
