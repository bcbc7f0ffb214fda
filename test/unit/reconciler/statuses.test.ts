import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { CommitStatus, PostResult, Store } from '../../../reconciler/src/ports.ts';
import { contextOf, Statuses, STATUS_SETTINGS } from '../../../reconciler/src/statuses.ts';
import type { StatusSettings } from '../../../reconciler/src/statuses.ts';
import { hash, memoryLog } from './builders.ts';
import { FakeClock, memoryStore } from './fakes.ts';

const POSTED: PostResult = { kind: 'posted' };
let clock: FakeClock;
let log = memoryLog();
let posts: { readonly at: number; readonly status: CommitStatus }[] = [];
/** What the host answers next; then it takes everything. */
let answers: (PostResult | 'hang')[] = [];
let running: { statuses: Statuses; stop: () => Promise<void> }[] = [];

beforeEach(() => {
  clock = new FakeClock();
  log = memoryLog();
  [posts, answers, running] = [[], [], []];
});
afterEach(async () => {
  for (const { stop } of running) await stop();
});

function post(status: CommitStatus, signal: AbortSignal): Promise<PostResult> {
  posts.push({ at: clock.now(), status });
  const answer = answers.shift() ?? POSTED;
  if (answer !== 'hang') return Promise.resolve(answer);
  return new Promise((done) => signal.addEventListener('abort', () => done({ kind: 'retry', message: 'no answer' })));
}

async function started(store: Store = memoryStore(), settings: Partial<StatusSettings> = {}): Promise<(typeof running)[0]> {
  const statuses = new Statuses({ host: { post }, store, clock, log: log.log, settings: { ...STATUS_SETTINGS, ...settings } });
  await statuses.load();
  const abort = new AbortController();
  const delivered = statuses.deliver(abort.signal);
  const handle = {
    statuses,
    stop: async (): Promise<void> => {
      abort.abort();
      await clock.advance(0);
      await delivered;
    },
  };
  running.push(handle);
  return handle;
}
const sent = (): string[] => posts.map(({ status }) => `${status.context} ${status.state} ${status.description}`.trim());
const said = (state: CommitStatus['state'], description = ''): { state: CommitStatus['state']; description: string } => ({
  state,
  description,
});

test('what is said is posted, in order, with the settings’ context and link', async () => {
  const { statuses } = await started(memoryStore(), { cluster: 'prod', targetUrl: 'https://x.test' });
  statuses.set(hash('a'), 'synth', said('pending', 'working'));
  statuses.set(hash('a'), 'synth', said('success', 'done'));
  await clock.advance(5_000);
  expect(sent()).toEqual(['parapet/synth (prod) pending working', 'parapet/synth (prod) success done']);
  expect(posts[0]?.status).toMatchObject({ commit: hash('a'), targetUrl: 'https://x.test' });
});

test('descriptions are one line of at most 140 characters, whoever wrote them', async () => {
  const { statuses } = await started();
  statuses.set(hash('a'), 'synth', said('failure', `bad\u001b[31m\n${'x'.repeat(300)}`));
  await clock.advance(1_000);
  expect(posts[0]?.status.description).toHaveLength(140);
  expect(posts[0]?.status.description).toMatch(/^bad \[31m x+…$/);
});

test('a busy host is tried again, ever less often, until it takes the status once', async () => {
  answers = Array.from({ length: 12 }, () => ({ kind: 'retry', message: 'GitHub answered 500' }) as const);
  const { statuses } = await started();
  statuses.set(hash('a'), 'synth', said('success'));
  await clock.advance(3_600_000);
  const waits = posts.slice(1).map(({ at }, index) => at - posts[index]!.at);
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300].map((seconds) => seconds * 1000));
  expect(log.text()).toContain('GitHub answered 500; the status is kept and sent again in 300 s');
});

test('a host that says how long to wait is obeyed', async () => {
  answers = [{ kind: 'retry', message: 'limited', after: 90_000 }];
  const { statuses } = await started();
  statuses.set(hash('a'), 'synth', said('success'));
  await clock.advance(200_000);
  expect(posts.map(({ at }) => at - posts[0]!.at)).toEqual([0, 90_000]);
});

test('a refused status is logged, offered again ever less often, and arrives once the host lets us', async () => {
  answers = Array.from({ length: 4 }, () => ({ kind: 'refused', message: 'GitHub answered 401' }) as const);
  const { statuses } = await started();
  statuses.set(hash('a'), 'synth', said('success', 'done'));
  await clock.advance(60_000);
  expect(posts.map(({ at }) => Math.round((at - posts[0]!.at) / 1000))).toEqual([0, 1, 3, 7, 15]);
  expect(log.events.filter(({ level }) => level === 'error')).toHaveLength(4);
  await clock.advance(3_600_000);
  expect(posts).toHaveLength(5);
});

test('a burst goes out at once, then one a second', async () => {
  const { statuses } = await started();
  for (let number = 0; number < 15; number += 1) statuses.set(number.toString(16).padStart(40, '0'), 'synth', said('success'));
  await clock.advance(500);
  expect(posts.length).toBeGreaterThanOrEqual(10);
  expect(posts.length).toBeLessThanOrEqual(12);
  await clock.advance(10_000);
  expect(posts).toHaveLength(15);
});

test('statuses are on disk before they go to the host, and a restart sends what was not acknowledged', async () => {
  const store = memoryStore();
  answers = ['hang'];
  const first = await started(store);
  first.statuses.set(hash('a'), 'synth', said('pending'));
  await clock.advance(100);
  expect(posts).toHaveLength(1);
  const onDisk = structuredClone(store.value);
  await started({ load: () => Promise.resolve(onDisk), save: () => Promise.resolve() });
  await clock.advance(1_000);
  expect(sent()).toEqual(['parapet/synth pending', 'parapet/synth pending']);
});

test('what was acknowledged is not sent again after a restart', async () => {
  const store = memoryStore();
  const first = await started(store);
  first.statuses.set(hash('a'), 'synth', said('success'));
  await clock.advance(1_000);
  await first.stop();
  const second = await started(store);
  expect(second.statuses.set(hash('a'), 'synth', said('success'))).toBe(false);
  await clock.advance(10_000);
  expect(posts).toHaveLength(1);
});

test('a newer commit ends what is pending on the others, and nothing else', async () => {
  const { statuses } = await started();
  statuses.set(hash('a'), 'synth', said('pending'));
  statuses.set(hash('a'), 'enforced', said('pending'));
  statuses.set(hash('b'), 'synth', said('success'));
  statuses.set(hash('c'), 'synth', said('pending'));
  statuses.supersede(hash('c'), ['synth']);
  expect([hash('a'), hash('b'), hash('c')].map((commit) => statuses.latest(commit, 'synth')?.state)).toEqual([
    'error',
    'success',
    'pending',
  ]);
  expect(statuses.latest(hash('a'), 'synth')?.description).toBe('superseded by ccccccc');
  expect(statuses.latest(hash('a'), 'enforced')?.state).toBe('pending');
});

test('a store that fails costs a warning and no status', async () => {
  const broken: Store = { load: () => Promise.reject(new Error('EIO')), save: () => Promise.reject(new Error('ENOSPC')) };
  const { statuses } = await started(broken);
  statuses.set(hash('a'), 'synth', said('success'));
  await clock.advance(1_000);
  expect(posts).toHaveLength(1);
  expect(log.text()).toMatch(/EIO.*ENOSPC/s);
});

test('draining ends when all is delivered, and says so when it is not', async () => {
  const { statuses } = await started();
  statuses.set(hash('a'), 'synth', said('success'));
  const drained = statuses.drained(10_000);
  await clock.advance(1_000);
  expect(await drained).toBe(true);
  answers = Array.from({ length: 9 }, () => ({ kind: 'retry', message: 'no' }) as const);
  statuses.set(hash('b'), 'synth', said('success'));
  const given = statuses.drained(2_000);
  await clock.advance(2_100);
  expect(await given).toBe(false);
});

test('stopping does not wait for a host that hangs, and keeps the status', async () => {
  const store = memoryStore();
  answers = ['hang'];
  const { statuses, stop } = await started(store);
  statuses.set(hash('a'), 'synth', said('success', 'done'));
  await clock.advance(1_000);
  await stop();
  expect(JSON.stringify(store.value)).toContain('done');
  expect(log.text()).toContain('sent again at the next start');
});

test('contexts of clusters are told apart', () => {
  expect([contextOf('synth', undefined), contextOf('violations', 'eu-1')]).toEqual(['parapet/synth', 'parapet/violations (eu-1)']);
});
