import { beforeEach, expect, test } from '@jest/globals';
import { refKey } from '@parapet/policy';
import type { ApiObject } from '../../../reconciler/src/api-object.ts';
import { CommentQueue } from '../../../reconciler/src/comment-queue.ts';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import { Pace } from '../../../reconciler/src/pace.ts';
import type { CommentHost, OpenPullRequest, PullRequestComment, PullRequestsResult, StatusHost } from '../../../reconciler/src/ports.ts';
import { COMMENT_SETTINGS } from '../../../reconciler/src/pull-request-comment.ts';
import { PullRequests } from '../../../reconciler/src/pull-requests.ts';
import type { LookedAll, PullRequestsWiring } from '../../../reconciler/src/pull-requests.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import type { Topic } from '../../../reconciler/src/status-words.ts';
import type { Statuses } from '../../../reconciler/src/statuses.ts';
import type { Recorded, Telemetry } from '../../../reconciler/src/telemetry.ts';
import { readTelemetry } from '@parapet/policy';
import { record } from '../policy/telemetry-records.ts';
import { hash, manifest, memoryLog, problem } from './builders.ts';
import { FakeClock, memoryStore, settle, statusesFor } from './fakes.ts';
import { Planning } from './planning.ts';

const MAIN = hash('0');
const [A, B, C] = [hash('a'), hash('b'), hash('c')] as const;
const never = new AbortController().signal;
const NOTHING = { looked: 0, left: 0 };

let planning: Planning;
let clock: FakeClock;
let log: ReturnType<typeof memoryLog>;
let statuses: Statuses;
let comments: CommentQueue;
/** What the host answers to who asks for open pull requests, and what was commented. */
let answer: PullRequestsResult;
let commented: PullRequestComment[];
let telemetry: Telemetry | undefined;
let store: ReturnType<typeof memoryStore>;

const pull = (number: number, commit: string, base = 'main'): OpenPullRequest => ({
  number,
  commit,
  base,
  ref: `refs/pull/${number}/head`,
});
const opened = (...pullRequests: readonly OpenPullRequest[]): void => void (answer = { kind: 'listed', pullRequests });
const host: CommentHost = {
  upsert: (comment) => {
    commented.push(comment);
    return Promise.resolve({ kind: 'posted' });
  },
  pullRequests: () => Promise.resolve(answer),
};
const statusHost: StatusHost = {
  limits: HOST_LIMITS.GitHub,
  post: () => Promise.resolve({ kind: 'posted' }),
  find: () => Promise.resolve({ kind: 'none' }),
};

/** What the cluster stores: what was delivered. */
const stored = (): readonly ApiObject[] => [...planning.delivery.there.values()].map((desired) => desired.manifest);

function wiring(more: Partial<PullRequestsWiring> = {}): PullRequestsWiring {
  return {
    plan: planning.parts(),
    stored: { list: () => Promise.resolve(stored()) },
    telemetry,
    clock,
    log: log.log,
    source: 'parapet-system/shop',
    cluster: 'prod',
    statuses,
    host,
    comments,
    commentSettings: COMMENT_SETTINGS,
    limit: 20,
    path: 'policies',
    ...more,
  };
}

beforeEach(() => {
  planning = new Planning();
  clock = new FakeClock();
  log = memoryLog();
  store = memoryStore();
  statuses = statusesFor({ host: statusHost, store, clock, log: log.log });
  comments = new CommentQueue({ clock, log: log.log, pace: new Pace(HOST_LIMITS.GitHub.pace, clock), random: () => 1 });
  commented = [];
  telemetry = undefined;
  opened();
});

const look = (pulls: PullRequests, signal = never): Promise<LookedAll> => pulls.look({ branch: 'main', commit: MAIN }, signal);
const said = (commit: string): Partial<Record<Topic, string>> =>
  Object.fromEntries(
    (['synth', 'diff'] as const).map((topic) => {
      const status = statuses.latest(commit, topic);
      return [topic, status && `${status.state}: ${status.description}`];
    }),
  );
/** What is commented once everything waiting is delivered. */
async function delivered(): Promise<PullRequestComment[]> {
  const stop = new AbortController();
  const delivering = comments.deliver(stop.signal);
  await clock.advance(100);
  stop.abort();
  await delivering;
  return commented;
}
/** Puts policies into the cluster, as a run of the source would. */
function applied(...names: readonly string[]): void {
  planning.delivery.there.clear();
  for (const name of names) {
    const ref = { kind: 'KubeArmorPolicy', namespace: 'shop', name } as const;
    planning.delivery.there.set(refKey(ref), { ...ref, manifest: manifest(name), fingerprint: `applied ${name}`, rules: 1 });
  }
}

test('a new pull request gets both statuses and one comment, and nothing is applied', async () => {
  applied('old');
  planning.makes(A, manifest('web'), manifest('old', 'Audit'));
  opened(pull(7, A));
  expect(await look(new PullRequests(wiring()))).toEqual({ looked: 1, left: 0 });
  expect(said(A)).toEqual({ synth: 'success: 2 policies, 2 rules', diff: 'success: 1 added, 1 changed, 0 removed' });
  expect(planning.exported).toEqual([{ commit: A, pullRequest: pull(7, A) }]);
  expect(planning.delivery.carried).toBe(0);
  const [comment, ...others] = await delivered();
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
  planning.programs.set(A, () => new Promise((done) => (finish = done)));
  opened(pull(7, A));
  const looking = look(new PullRequests(wiring()));
  await settle();
  expect(said(A)).toEqual({ synth: 'pending: synthesizing policies', diff: 'pending: waiting to be compared with the cluster' });
  finish({ problems: [] });
  await looking;
  expect(said(A)).toEqual({ synth: 'success: 0 policies, 0 rules', diff: 'success: 0 added, 0 changed, 0 removed' });
});

test('a head is looked at once, until it or what is in the cluster changes', async () => {
  const pulls = new PullRequests(wiring());
  opened(pull(7, A));
  await look(pulls);
  expect(await look(pulls)).toEqual(NOTHING);
  applied('web');
  expect(await look(pulls)).toEqual({ looked: 1, left: 0 });
  opened(pull(7, B));
  expect(await look(pulls)).toEqual({ looked: 1, left: 0 });
  expect(planning.exported.map(({ commit }) => commit)).toEqual([A, A, B]);
  expect((await delivered()).map(({ body }) => /Commit `(\w+)`/.exec(body)?.[1])).toEqual(['bbbbbbb']);
});

test('a program with problems is refused at its lines, and nothing is compared', async () => {
  const wrong = problem('Error: no', { code: 'program-threw', place: { file: 'main.ts', line: 4 } });
  planning.programs.set(A, () => ({ problems: [wrong] }));
  opened(pull(7, A));
  await look(new PullRequests(wiring()));
  expect(said(A)).toEqual({ synth: 'failure: main.ts:4: Error: no', diff: 'failure: main.ts:4: Error: no' });
  expect(statuses.latest(A, 'synth')?.annotations).toEqual([{ path: 'policies/main.ts', line: 4, level: 'failure', message: 'Error: no' }]);
  expect((await delivered())[0]?.body).toContain('nothing is planned');
});

test('a pull request that changes no policy is not worth a comment', async () => {
  opened(pull(7, A));
  planning.makes(A);
  await look(new PullRequests(wiring()));
  expect(await delivered()).toMatchObject([{ pullRequest: 7, onlyChange: true }]);
});

test('only those for the followed branch are looked at, the newest, and none that the source itself is at', async () => {
  opened(pull(9, A, 'release'), pull(8, MAIN), pull(7, A), pull(6, B), pull(5, C));
  const pulls = new PullRequests(wiring({ limit: 2 }));
  expect(await look(pulls)).toEqual({ looked: 2, left: 0 });
  expect(pulls.heads).toEqual([A, B]);
  expect(said(C)).toEqual({});
  expect(said(MAIN)).toEqual({});
});

test('a newer head, and a closed pull request, end what is pending on the old one', async () => {
  const stop = new AbortController();
  const pulls = new PullRequests(wiring());
  opened(pull(8, B), pull(7, A));
  for (const commit of [A, B])
    planning.programs.set(commit, () => {
      stop.abort();
      return new Promise(() => undefined);
    });
  expect(await look(pulls, stop.signal)).toEqual({ looked: 0, left: 2 });
  // Whoever had its turn is last in the next look.
  const again = new AbortController();
  planning.programs.set(A, () => {
    again.abort();
    return new Promise(() => undefined);
  });
  await look(pulls, again.signal);
  expect([said(A).synth, said(B).synth]).toEqual(['pending: synthesizing policies', 'pending: synthesizing policies']);
  opened(pull(8, C));
  await look(pulls);
  expect(said(B)).toEqual({ synth: 'error: superseded by ccccccc', diff: 'error: superseded by ccccccc' });
  expect(said(A)).toEqual({ synth: 'error: the pull request is closed', diff: 'error: the pull request is closed' });
  expect(said(C).synth).toMatch(/^success/);
});

test('an aborted look goes on with the others, and no head stays pending', async () => {
  const pulls = new PullRequests(wiring());
  const stop = new AbortController();
  opened(pull(8, B), pull(7, A));
  planning.programs.set(B, () => {
    stop.abort('the source has a newer commit');
    return new Promise(() => undefined);
  });
  expect(await look(pulls, stop.signal)).toEqual({ looked: 0, left: 2 });
  expect(planning.left.size).toBe(0);
  planning.makes(B, manifest('web'));
  expect(await look(pulls)).toEqual({ looked: 2, left: 0 });
  expect(planning.exported.map(({ commit }) => commit)).toEqual([B, A, B]);
  expect([said(A).diff, said(B).diff]).toEqual(['success: 1 added, 0 changed, 0 removed', 'success: 1 added, 0 changed, 0 removed']);
});

test('when nobody will look again, what is pending ends with the reason', async () => {
  const pulls = new PullRequests(wiring());
  const stop = new AbortController();
  opened(pull(8, B));
  planning.programs.set(B, () => {
    stop.abort();
    return new Promise(() => undefined);
  });
  await look(pulls, stop.signal);
  pulls.end('the source is suspended');
  expect(said(B)).toEqual({ synth: 'error: the source is suspended', diff: 'error: the source is suspended' });
  expect(pulls.heads).toEqual([]);
});

test('what an earlier process left pending on a head that is none any more is ended, and on others it goes on', async () => {
  for (const commit of [A, B, MAIN]) statuses.set(commit, 'synth', { state: 'pending', description: 'synthesizing policies' });
  opened(pull(7, A));
  await look(new PullRequests(wiring()));
  expect([said(A).synth, said(B).synth, said(MAIN).synth]).toEqual([
    'success: 1 policy, 1 rule',
    'error: nobody looks at this commit any more',
    'pending: synthesizing policies',
  ]);
});

test('where the world fails the head says so and is looked at again; the others are looked at all the same', async () => {
  const pulls = new PullRequests(wiring());
  planning.programs.set(B, () => Promise.reject(new StageError('synth', 'the sandbox broke')));
  opened(pull(8, B), pull(7, A));
  expect(await look(pulls)).toEqual({ looked: 1, left: 1 });
  expect(said(B)).toEqual({ synth: 'error: synth failed: the sandbox broke', diff: 'error: synth failed: the sandbox broke' });
  planning.makes(B, manifest('web'));
  expect(await look(pulls)).toEqual({ looked: 1, left: 0 });
  expect(said(B).synth).toBe('success: 1 policy, 1 rule');
});

test('what was said of a head stays while the world fails later', async () => {
  const pulls = new PullRequests(wiring());
  opened(pull(7, A));
  await look(pulls);
  applied('web');
  planning.programs.set(A, () => Promise.reject(new StageError('synth', 'the sandbox broke')));
  expect(await look(pulls)).toEqual({ looked: 0, left: 1 });
  expect(said(A).diff).toBe('success: 1 added, 0 changed, 0 removed');
});

test('a bug is no one’s fault but ours: it comes through, and the head does not stay pending', async () => {
  opened(pull(7, A));
  const pulls = new PullRequests(wiring({ stored: { list: () => Promise.reject(new TypeError('x is undefined')) } }));
  await expect(look(pulls)).rejects.toThrow(TypeError);
  expect(said(A).diff).toBe('error: the reconciler has a bug: see its log');
});

test('a head that moved since it was listed is looked at when the host knows', async () => {
  const pulls = new PullRequests(wiring());
  planning.trees.set(A, { moved: B });
  opened(pull(7, A));
  expect(await look(pulls)).toEqual({ looked: 0, left: 1 });
  expect(said(A)).toEqual({ synth: 'error: superseded by bbbbbbb', diff: 'error: superseded by bbbbbbb' });
  opened(pull(7, B));
  expect(await look(pulls)).toEqual({ looked: 1, left: 0 });
});

test('a host that is away is asked later, and what was seen stays as it is', async () => {
  const pulls = new PullRequests(wiring());
  opened(pull(7, A));
  await look(pulls);
  answer = { kind: 'unknown', message: 'nobody answers', refused: false, after: 5000 };
  expect(await look(pulls)).toEqual({ ...NOTHING, failure: 'nobody answers', after: 5000 });
  expect(pulls.heads).toEqual([A]);
});

test('a cluster that does not answer is a failure of the look, and of no head', async () => {
  const delivery = { ...planning.parts().delivery, survey: () => Promise.reject(new StageError('target', 'nobody answers')) };
  opened(pull(7, A));
  const pulls = new PullRequests(wiring({ plan: { ...planning.parts(), delivery } }));
  expect(await look(pulls)).toEqual({ ...NOTHING, failure: 'nobody answers' });
  expect(said(A)).toEqual({});
});

test('where the host will not tell, Git does: the newest heads get statuses and no comments, and that is said once', async () => {
  const pulls = new PullRequests(wiring({ limit: 1 }));
  answer = { kind: 'unknown', message: 'the token needs "pull requests"', refused: true };
  planning.pullRequests = [pull(8, B), pull(7, A)];
  expect(await look(pulls)).toEqual({ looked: 1, left: 0 });
  expect(await look(pulls)).toEqual(NOTHING);
  expect(said(B).synth).toMatch(/^success/);
  expect(said(A)).toEqual({});
  expect(await delivered()).toEqual([]);
  expect(log.events.filter(({ level }) => level === 'warn')).toHaveLength(1);
});

/** Telemetry of these records, which begins so many hours ago. */
function recording(records: readonly object[], hours: number): Telemetry {
  return {
    recorded: (_since, take): Promise<Recorded> => {
      for (const one of records) take(readTelemetry(one));
      return Promise.resolve({ kind: 'read', from: clock.now() - hours * 3_600_000 });
    },
  };
}
const apt = record({
  namespaceName: 'shop',
  labels: 'app=web',
  resource: '/usr/bin/apt install --password s3cret',
  processName: '/usr/bin/apt',
  count: 3,
});

test('what would have been blocked is in the status and in the comment, without what programs were called with', async () => {
  telemetry = recording([apt, { nonsense: true }], 24);
  opened(pull(7, A));
  await look(new PullRequests(wiring()));
  const text = 'would have blocked 3 accesses in 24 h, in 1 workload';
  expect(said(A).diff).toBe(`success: 1 added, 0 changed, 0 removed; ${text}`);
  const body = (await delivered())[0]?.body ?? '';
  expect(body).toContain(`On recorded telemetry: **${text}**.`);
  expect(body).toContain('/usr/bin/apt by /bin/bash');
  expect(JSON.stringify([body, store.value, log.events])).not.toContain('s3cret');
});

test('what is blocked already is nothing new, and a shorter recording says how long it is', async () => {
  applied('web', 'other');
  telemetry = recording([apt], 2);
  planning.makes(A, manifest('web'), manifest('other', 'Audit'));
  opened(pull(7, A));
  await look(new PullRequests(wiring()));
  expect(said(A).diff).toMatch(/; would have blocked nothing in 2 h/);
});

test('telemetry that can’t be read is left out, and said in the log', async () => {
  telemetry = { recorded: () => Promise.resolve({ kind: 'failed', message: 'the telemetry in /t can’t be read: EACCES' }) };
  opened(pull(7, A));
  await look(new PullRequests(wiring()));
  expect(said(A).diff).toBe('success: 1 added, 0 changed, 0 removed');
  expect(log.text()).toContain('EACCES; the comment is without what-if');
});

test('nothing that a hostile head says gets out of code in the comment', async () => {
  const nasty = '`@octocat` <img src=x onerror=y> [a](https://a.test)\n/close ${{ secrets }}';
  planning.programs.set(A, () => ({ problems: [problem(nasty, { code: 'program-threw', place: { file: nasty, object: nasty } })] }));
  opened(pull(7, A));
  await look(new PullRequests(wiring()));
  const body = (await delivered())[0]?.body ?? '';
  const outside = body.replace(/(`+) ?[\s\S]*?[^`]\1(?!`)/g, '');
  expect(outside).not.toMatch(/octocat|<img|a\.test|^\/close/m);
  expect(said(A).synth).not.toMatch(/\n/);
});
