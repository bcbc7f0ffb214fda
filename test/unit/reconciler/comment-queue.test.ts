import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CommentQueue } from '../../../reconciler/src/comment-queue.ts';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import { Pace } from '../../../reconciler/src/pace.ts';
import type { CommentHost, PostResult, PullRequestComment } from '../../../reconciler/src/ports.ts';
import { memoryLog } from './builders.ts';
import { FakeClock, settle } from './fakes.ts';

const POSTED: PostResult = { kind: 'posted' };
let clock: FakeClock;
let log: ReturnType<typeof memoryLog>;
let queue: CommentQueue;
/** What the host was asked, in order, and what it answers; `posted` where nothing is left. */
let asked: PullRequestComment[];
let answers: (PostResult | (() => Promise<PostResult>))[];
let stop: AbortController;
let delivering: Promise<void>;

const host: CommentHost = {
  upsert: (comment) => {
    asked.push(comment);
    const answer = answers.shift() ?? POSTED;
    return typeof answer === 'function' ? answer() : Promise.resolve(answer);
  },
  pullRequests: () => Promise.resolve({ kind: 'listed', pullRequests: [] }),
};
const comment = (pullRequest: number, body = 'x'): PullRequestComment => ({ pullRequest, marker: 'diff', body });
const put = (pullRequest: number, body?: string): void => queue.put({ host, comment: comment(pullRequest, body) });
const bodies = (): string[] => asked.map(({ pullRequest, body }) => `#${pullRequest} ${body}`);

beforeEach(() => {
  clock = new FakeClock();
  log = memoryLog();
  [asked, answers] = [[], []];
  queue = new CommentQueue({ clock, log: log.log, pace: new Pace(HOST_LIMITS.GitHub.pace, clock), random: () => 1 });
  stop = new AbortController();
  delivering = queue.deliver(stop.signal);
});

afterEach(async () => {
  stop.abort();
  await delivering;
});

test('a comment is delivered once, and the newest of what waits for a pull request', async () => {
  put(1, 'old');
  put(1, 'new');
  put(2);
  await clock.advance(1000);
  expect(bodies()).toEqual(['#1 new', '#2 x']);
  expect(queue.waiting).toBe(0);
  await clock.advance(3_600_000);
  expect(asked).toHaveLength(2);
});

test('one at a time: what comes while another is on its way waits for it', async () => {
  let arrive: (result: PostResult) => void = () => undefined;
  answers = [() => new Promise((done) => (arrive = done))];
  put(1, 'old');
  await settle();
  put(1, 'new');
  put(2);
  await clock.advance(1000);
  expect(bodies()).toEqual(['#1 old']);
  arrive(POSTED);
  await clock.advance(1000);
  expect(bodies().sort()).toEqual(['#1 new', '#1 old', '#2 x']);
  expect(queue.waiting).toBe(0);
});

test('a host that is away is asked ever less often, and others have their turn meanwhile', async () => {
  const away: PostResult = { kind: 'retry', message: 'nobody answers' };
  answers = [away, POSTED, away, away];
  put(1);
  put(2);
  await clock.advance(500);
  expect(bodies()).toEqual(['#1 x', '#2 x']);
  await clock.advance(1600);
  expect(asked).toHaveLength(3);
  await clock.advance(3000);
  expect(asked).toHaveLength(3);
  await clock.advance(60_000);
  expect(queue.waiting).toBe(0);
});

test('a host that limits us is left alone for as long as it says, by all', async () => {
  answers = [{ kind: 'retry', message: 'slow down', after: 120_000 }];
  put(1);
  await clock.advance(10);
  put(2);
  await clock.advance(119_000);
  expect(asked).toHaveLength(1);
  await clock.advance(2000);
  expect(bodies().sort()).toEqual(['#1 x', '#1 x', '#2 x']);
});

test('what the host refuses is said once, kept, and tried again now and then', async () => {
  const refused: PostResult = { kind: 'refused', message: 'the token needs "pull requests: write"' };
  answers = Array.from({ length: 5 }, () => refused);
  put(1);
  await clock.advance(1000);
  put(1, 'newer');
  await clock.advance(24 * 3_600_000);
  expect(log.events.filter(({ level }) => level === 'error')).toHaveLength(1);
  expect(log.text()).toContain('pull requests: write');
  expect(bodies().at(-1)).toBe('#1 newer');
  expect(asked.length).toBe(6);
  expect(queue.waiting).toBe(0);
});

test('what nobody wants any more is not sent', async () => {
  answers = [{ kind: 'retry', message: 'nobody answers' }];
  put(1);
  await clock.advance(10);
  queue.drop(comment(1));
  await clock.advance(3_600_000);
  expect(asked).toHaveLength(1);
});

test('one that was dropped while it was on its way does not come back', async () => {
  answers = [
    () => {
      queue.drop(comment(1));
      return Promise.resolve({ kind: 'retry', message: 'nobody answers' });
    },
  ];
  put(1);
  await clock.advance(3_600_000);
  expect(asked).toHaveLength(1);
  expect(queue.waiting).toBe(0);
});
