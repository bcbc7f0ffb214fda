import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { follow, once } from '../../../reconciler/src/follow.ts';
import type { Ending } from '../../../reconciler/src/follow.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import { hash, manifest, nodeReport, policyReport, problem } from './builders.ts';
import { settle } from './fakes.ts';
import { makes, World } from './world.ts';

const [A, B, C] = [hash('a'), hash('b'), hash('c')];
let world: World;
let stop: AbortController;
let ending: Promise<Ending> | undefined;
let delivering: Promise<void>;

beforeEach(() => {
  world = new World();
  stop = new AbortController();
  ending = undefined;
  delivering = world.parts.statuses.deliver(stop.signal);
});
afterEach(async () => {
  stop.abort('stopping');
  await settle();
  await delivering;
  await ending?.catch(() => undefined);
});

async function following(head: typeof world.head): Promise<void> {
  world.head = head;
  ending = follow(world.parts, stop.signal);
  ending.catch(() => undefined);
  await world.clock.advance(0);
}
const applied = (): string | undefined => world.target.applied?.inventory.commit;
const lines = (level: string): string[] =>
  world.log.events.filter((event) => event.level === level && event.stage === 'resolve').map(({ message }) => message);

test('each commit is carried out once, and stopping ends in order', async () => {
  await following(A);
  await world.clock.advance(10_000);
  world.head = B;
  await world.clock.advance(10_000);
  expect([world.said(A), world.said(B)]).toEqual([
    ['pending: synthesizing policies', 'success: 1 policy, 1 rule: 1 added'],
    ['pending: synthesizing policies', 'success: 1 policy, 1 rule: no changes'],
  ]);
  stop.abort('stopping');
  expect(await ending).toEqual({ exit: 0, problems: [] });
});

test('a push in the middle of a run stops it, and every pending has an end', async () => {
  world.programs.set(A, () => new Promise(() => undefined));
  await following(A);
  world.head = B;
  await world.clock.advance(3_000);
  expect(world.said(A)).toEqual(['pending: synthesizing policies', 'error: superseded by bbbbbbb']);
  expect(applied()).toBe(B);
  expect(world.left.size).toBe(0);
});

test('a bad commit leaves the last good one in force until the next good one', async () => {
  await following(A);
  world.programs.set(B, makes('bad'));
  world.head = B;
  await world.clock.advance(3_000);
  expect(applied()).toBe(A);
  expect(world.said(B).at(-1)).toMatch(/^failure/);
  world.head = C;
  await world.clock.advance(3_000);
  expect(applied()).toBe(C);
});

test('a reference that goes back is followed back', async () => {
  await following(A);
  world.programs.set(B, makes(manifest('other')));
  for (const head of [B, A]) {
    world.head = head;
    await world.clock.advance(3_000);
    expect(applied()).toBe(head);
  }
  expect(world.said(A).at(-1)).toBe('success: 1 policy, 1 rule: 1 added, 1 removed');
});

test('a repository that vanishes is complained about once, and followed again when it is back', async () => {
  await following(A);
  world.head = new StageError('resolve', 'nobody answers', { code: 'repository-unreachable' });
  await world.clock.advance(10_000);
  expect(lines('error')).toEqual(['nobody answers [repository-unreachable]; what is applied stays in force']);
  expect(applied()).toBe(A);
  world.head = B;
  await world.clock.advance(3_000);
  expect(lines('info').filter((line) => line.includes('again'))).toEqual(['the repository can be read again']);
  expect(applied()).toBe(B);
});

test('a branch that is deleted is complained about once, and followed again when it is back', async () => {
  await following(A);
  world.head = { problems: [problem('there is no branch main', { code: 'ref-not-found' })] };
  await world.clock.advance(10_000);
  expect(lines('error')).toEqual(['there is no branch main [ref-not-found]; what is applied stays in force']);
  world.head = B;
  await world.clock.advance(3_000);
  expect(applied()).toBe(B);
});

test('what failed in the world is tried again, ever less often, until it works', async () => {
  let tries = 0;
  world.trees.set(A, () => Promise.reject(new StageError('fetch', `try ${(tries += 1)}`)));
  await following(A);
  await world.clock.advance(60_000);
  expect(tries).toBeGreaterThanOrEqual(5);
  expect(tries).toBeLessThanOrEqual(8);
  world.trees.clear();
  await world.clock.advance(120_000);
  expect(applied()).toBe(A);
  expect(world.said(A).at(-1)).toMatch(/^success/);
});

test('what trying again cannot mend is not tried again, but the next commit is', async () => {
  let tries = 0;
  world.trees.set(A, () => Promise.reject(new StageError('target', `try ${(tries += 1)}`, { retry: false })));
  await following(A);
  await world.clock.advance(600_000);
  expect(tries).toBe(1);
  world.head = B;
  await world.clock.advance(3_000);
  expect(applied()).toBe(B);
});

test('a stop in the middle of a run ends its status, and the next start carries the commit out', async () => {
  world.programs.set(A, () => new Promise(() => undefined));
  await following(A);
  stop.abort('stopping');
  await ending;
  expect(world.parts.statuses.latest(A, 'synth')).toMatchObject({ state: 'error', description: 'the reconciler was stopped' });
  expect(await world.parts.statuses.drained(0)).toBe(false);
  await settle();
  const next = new World({ store: world.store, target: world.target });
  await next.parts.statuses.load();
  next.head = A;
  await once(next.parts, new AbortController().signal);
  expect(next.parts.statuses.latest(A, 'synth')?.state).toBe('success');
});

test('what waits for nodes has an end when the reconciler is stopped, and goes on with the next start', async () => {
  await following(A);
  await world.clock.advance(500);
  expect(world.said(A, 'parapet/enforced')).toEqual(['pending: waiting for a node to report']);
  stop.abort('stopping');
  await ending;
  expect(world.parts.statuses.latest(A, 'enforced')).toMatchObject({ state: 'error', description: 'the reconciler was stopped' });
});

test('a stop while the repository is asked is no bug', async () => {
  await following(A);
  const asked = { ...world.parts, source: { ...world.parts.source, resolve: (signal: AbortSignal) => untilAborted(signal) } };
  const second = follow(asked, stop.signal);
  await settle();
  stop.abort('stopping');
  expect(await second).toEqual({ exit: 0, problems: [] });
});

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_done, fail) => signal.addEventListener('abort', () => fail(signal.reason as Error)));
}

test('a bug in a run ends the process, also when a newer commit has come', async () => {
  world.trees.set(A, () => Promise.reject(new TypeError('x is not a function')));
  await following(A);
  world.head = B;
  await world.clock.advance(2_000);
  await expect(ending).rejects.toThrow('x is not a function');
});

test('nodes are watched from the start, also for what an earlier process applied', async () => {
  await following(A);
  await world.clock.advance(500);
  stop.abort('stopping');
  await ending;
  const next = new World({ target: world.target });
  const again = new AbortController();
  next.head = new StageError('resolve', 'nobody answers');
  const run = follow(next.parts, again.signal);
  next.target.report(next.clock.now(), nodeReport('n1', { policies: [policyReport('web', { commit: A })] }));
  await next.clock.advance(500);
  expect(next.parts.statuses.latest(A, 'enforced')?.description).toBe('1 of 1 nodes');
  again.abort('stopping');
  await run;
});

test('reports that cannot be read are complained about once and looked at again', async () => {
  await following(A);
  const reports = world.target.reports.bind(world.target);
  world.target.reports = () => Promise.reject(new StageError('target', 'EIO'));
  await world.clock.advance(5_000);
  expect(world.log.events.filter(({ stage }) => stage === 'report')).toHaveLength(1);
  world.target.reports = reports;
  world.target.report(world.clock.now(), nodeReport('n1', { policies: [policyReport('web', { commit: A })] }));
  await world.clock.advance(500);
  expect(world.parts.statuses.latest(A, 'enforced')?.state).toBe('success');
});

test.each([
  ['a good commit', (): void => undefined, { exit: 0, problems: [] }],
  ['a bad one', (): void => void world.programs.set(A, makes('bad')), { exit: 1 }],
  [
    'no such branch',
    (): void => void (world.head = { problems: [problem('none', { code: 'ref-not-found' })] }),
    { exit: 1, problems: [{ code: 'ref-not-found' }] },
  ],
  [
    'no repository',
    (): void => void (world.head = new StageError('resolve', 'no', { code: 'repository-unreachable' })),
    { exit: 3, problems: [{ code: 'repository-unreachable' }] },
  ],
  [
    'a broken target',
    (): void => void (world.target.failure = new StageError('target', 'EIO')),
    { exit: 3, failure: 'target failed: EIO' },
  ],
])('one run of %s ends with its exit code', async (_name, arrange, expected) => {
  world.head = A;
  arrange();
  expect(await once(world.parts, stop.signal)).toMatchObject(expected);
});

test('one run that is told to stop says that it did not do its work', async () => {
  world.head = A;
  world.programs.set(A, () => new Promise(() => undefined));
  const run = once(world.parts, stop.signal);
  await settle();
  stop.abort('stopping');
  expect(await run).toMatchObject({ exit: 3, failure: 'stopped before the commit was carried out' });
});

test('one run follows a reference that moves meanwhile, and leaves nothing pending', async () => {
  world.head = A;
  world.trees.set(A, () => {
    world.head = B;
    return Promise.resolve({ moved: B });
  });
  expect(await once(world.parts, stop.signal)).toMatchObject({ exit: 0 });
  expect(applied()).toBe(B);
  await world.clock.advance(3_000);
  expect(world.said(A).at(-1)).toBe('error: superseded by bbbbbbb');
  expect(world.posted.filter(({ context }) => context !== 'parapet/synth')).toEqual([]);
});
