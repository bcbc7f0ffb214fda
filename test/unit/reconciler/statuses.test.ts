import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import { Pace } from '../../../reconciler/src/pace.ts';
import type { CommitStatus, FindResult, PostResult, Store } from '../../../reconciler/src/ports.ts';
import { STATUS_SETTINGS } from '../../../reconciler/src/statuses.ts';
import type { Statuses, StatusSettings } from '../../../reconciler/src/statuses.ts';
import type { Said } from '../../../reconciler/src/status-words.ts';
import { hash, memoryLog } from './builders.ts';
import { FakeClock, memoryStore, statusesFor } from './fakes.ts';

const POSTED: PostResult = { kind: 'posted' };
const RETRY: PostResult = { kind: 'retry', message: 'GitHub answered 500' };
let clock: FakeClock;
let log = memoryLog();
let posts: { readonly at: number; readonly status: CommitStatus }[] = [];
/** What the host answers next; then it takes everything. `lost` takes a status and gives no answer. */
let answers: (PostResult | 'hang' | 'lost')[] = [];
/** What the host has, newest last, and when it was asked. */
let shown: CommitStatus[] = [];
let questions: number[] = [];
/** What the host answers to the next questions; then it tells what it has. */
let findings: FindResult[] = [];
let running: { statuses: Statuses; stop: () => Promise<void> }[] = [];

beforeEach(() => {
  clock = new FakeClock();
  log = memoryLog();
  [posts, answers, running, shown, questions, findings] = [[], [], [], [], [], []];
});
afterEach(async () => {
  for (const { stop } of running) await stop();
});

function post(status: CommitStatus, signal: AbortSignal): Promise<PostResult> {
  posts.push({ at: clock.now(), status });
  const answer = answers.shift() ?? POSTED;
  if (answer === 'lost' || (typeof answer === 'object' && answer.kind === 'posted')) shown.push(status);
  if (answer !== 'hang') return Promise.resolve(answer === 'lost' ? RETRY : answer);
  return new Promise((done) => signal.addEventListener('abort', () => done({ kind: 'retry', message: 'no answer' })));
}

function find({ commit, context }: Pick<CommitStatus, 'commit' | 'context'>): Promise<FindResult> {
  questions.push(clock.now());
  const status = shown.findLast((one) => one.commit === commit && one.context === context);
  return Promise.resolve(findings.shift() ?? (status === undefined ? { kind: 'none' } : { kind: 'found', status }));
}

async function started(
  store: Store = memoryStore(),
  { pace, ...settings }: Partial<StatusSettings> & { pace?: Pace } = {},
): Promise<(typeof running)[0]> {
  const host = { limits: HOST_LIMITS.GitHub, post, find };
  const wiring = { host, store, clock, log: log.log, settings: { ...STATUS_SETTINGS, ...settings } };
  const statuses = statusesFor({ ...wiring, ...(pace === undefined ? {} : { pace }) });
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
/** Something about as many commits. */
function say(statuses: Statuses, commits: number): void {
  for (let number = 0; number < commits; number += 1) statuses.set(number.toString(16).padStart(40, '0'), 'synth', said('success'));
}
const sent = (): string[] => posts.map(({ status }) => `${status.context} ${status.state} ${status.description}`.trim());
const said = (state: Said['state'], description = ''): Said => ({ state, description });

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
  expect(posts[0]?.status.description).toMatch(/^bad \[31m x{130}…$/);
});

test('a busy host is tried again, ever less often, and asked first each time, until it takes the status once', async () => {
  answers = Array.from({ length: 11 }, () => RETRY);
  const { statuses } = await started();
  statuses.set(hash('a'), 'synth', said('success'));
  await clock.advance(3_600_000);
  const waits = posts.slice(1).map(({ at }, index) => at - posts[index]!.at);
  expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300].map((seconds) => seconds * 1000));
  expect(questions).toEqual(posts.slice(1).map(({ at }) => at));
  expect(log.text()).toContain('GitHub answered 500; the status is kept and sent again in 300 s');
});

test('a status that arrived without an answer is not posted again', async () => {
  answers = ['lost'];
  findings = [{ kind: 'unknown', message: 'GitHub answered 502' }];
  const { statuses } = await started();
  statuses.set(hash('a'), 'synth', said('pending'));
  await clock.advance(1_000);
  statuses.set(hash('a'), 'synth', said('success', 'd'.repeat(300)));
  await clock.advance(60_000);
  expect(sent()).toEqual(['parapet/synth pending', `parapet/synth success ${'d'.repeat(139)}…`]);
  expect(questions).toHaveLength(2);
});

test('a host that says how long to wait is obeyed, also over a restart and by all who write to it', async () => {
  answers = [{ kind: 'retry', message: 'limited', after: 90_000 }];
  const store = memoryStore();
  const first = await started(store);
  first.statuses.set(hash('a'), 'synth', said('success'));
  await clock.advance(10_000);
  await first.stop();
  const pace = new Pace(HOST_LIMITS.GitHub.pace, clock);
  await started(store, { pace });
  const other = await started(memoryStore(), { pace });
  other.statuses.set(hash('b'), 'synth', said('success'));
  await clock.advance(79_999);
  expect([posts.length, questions]).toEqual([1, []]);
  await clock.advance(1_000);
  expect(sent()).toHaveLength(3);
});

test('a refused status is logged, offered again ever less often, and arrives once the host lets us', async () => {
  answers = Array.from({ length: 4 }, () => ({ kind: 'refused', message: 'GitHub answered 401' }) as const);
  const { statuses } = await started();
  statuses.set(hash('a'), 'synth', said('success', 'done'));
  await clock.advance(60_000);
  expect(posts.map(({ at }) => Math.round((at - posts[0]!.at) / 1000))).toEqual([0, 2, 6, 14, 30]);
  expect(log.events.filter(({ level }) => level === 'error')).toHaveLength(4);
  await clock.advance(3_600_000);
  expect([posts.length, questions]).toEqual([5, []]);
});

test('one status that the host never takes does not hold up the others', async () => {
  answers = [RETRY];
  const { statuses } = await started();
  statuses.set(hash('f'), 'synth', said('failure'));
  await clock.advance(100);
  for (let number = 0; number < 5; number += 1) statuses.set(hash(String(number)), 'synth', said('success'));
  await clock.advance(100);
  expect(posts).toHaveLength(6);
});

test('a host that is away is asked ever less often, however many statuses wait', async () => {
  answers = Array.from({ length: 10_000 }, () => RETRY);
  const { statuses } = await started();
  say(statuses, 50);
  await clock.advance(600_000);
  const before = posts.length + questions.length;
  await clock.advance(3_600_000);
  expect(posts.length + questions.length - before).toBeLessThanOrEqual(26);
  answers = [];
  await clock.advance(3_600_000 * 6);
  expect(new Set(shown.map(({ commit }) => commit)).size).toBe(50);
});

test('a burst goes out at once, then one a second', async () => {
  const { statuses } = await started();
  say(statuses, 30);
  await clock.advance(500);
  expect(posts).toHaveLength(20);
  await clock.advance(10_000);
  expect(posts).toHaveLength(30);
});

test('the newest failure overtakes what was waiting for its turn', async () => {
  const { statuses } = await started();
  say(statuses, 40);
  await clock.advance(500);
  statuses.set(hash('f'), 'synth', said('failure'));
  await clock.advance(1_000);
  expect(posts.findIndex(({ status }) => status.state === 'failure')).toBe(20);
});

test('a source with much to say leaves the others their turn', async () => {
  const pace = new Pace({ minute: 4, hour: 1000 }, clock);
  const [busy, quiet] = [await started(memoryStore(), { pace }), await started(memoryStore(), { pace })];
  for (let number = 0; number < 100; number += 1) busy.statuses.set(number.toString(16).padStart(40, '0'), 'synth', said('failure'));
  await clock.advance(100);
  quiet.statuses.set(hash('f'), 'synth', said('pending'));
  await clock.advance(41_000);
  expect([posts.length, posts.some(({ status }) => status.state === 'pending')]).toEqual([3, true]);
});

test('what is sent is marked on disk before, and after a crash the host is asked instead of told twice', async () => {
  const store = memoryStore();
  answers = ['hang'];
  const first = await started(store);
  first.statuses.set(hash('a'), 'synth', said('pending'));
  await clock.advance(100);
  const onDisk = structuredClone(store.value);
  shown.push(posts[0]!.status);
  await started({ load: () => Promise.resolve(onDisk), save: () => Promise.resolve() });
  await clock.advance(1_000);
  expect([sent(), questions.length]).toEqual([['parapet/synth pending'], 1]);
});

test('nothing is sent before its mark is stored', async () => {
  let stored = (): void => undefined;
  const slow: Store = { load: () => Promise.resolve(undefined), save: () => new Promise((done) => (stored = done)) };
  const { statuses } = await started(slow);
  statuses.set(hash('a'), 'synth', said('success'));
  await clock.advance(10_000);
  expect(posts).toEqual([]);
  for (let turn = 0; turn < 4; turn += 1) await clock.advance(0).then(() => stored());
  await clock.advance(0);
  expect(posts).toHaveLength(1);
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
