/** That what is pending has an end, for every topic. */
import { expect, test } from '@jest/globals';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import type { StatusHost } from '../../../reconciler/src/ports.ts';
import type { Statuses } from '../../../reconciler/src/statuses.ts';
import { STATUS_SETTINGS } from '../../../reconciler/src/statuses.ts';
import { TOPICS } from '../../../reconciler/src/status-words.ts';
import { hash, memoryLog } from './builders.ts';
import { FakeClock, memoryStore, statusesFor } from './fakes.ts';

const [A, B] = [hash('a'), hash('b')];
const store = memoryStore();
const clock = new FakeClock();
const host: StatusHost = {
  limits: HOST_LIMITS.GitHub,
  post: () => Promise.resolve({ kind: 'posted' }),
  find: () => Promise.resolve({ kind: 'none' }),
};

async function started(cluster?: string): Promise<Statuses> {
  const statuses = statusesFor({ host, store, clock, log: memoryLog().log, settings: { ...STATUS_SETTINGS, ...(cluster && { cluster }) } });
  await statuses.load();
  return statuses;
}
const pending = { state: 'pending', description: 'working' } as const;

test('every topic has an end when work is given up, but for a commit that is excepted', async () => {
  const statuses = await started();
  for (const topic of TOPICS) statuses.set(A, topic, pending);
  statuses.set(B, 'diff', pending);
  statuses.end({ topics: TOPICS, except: [B], description: 'the reconciler was stopped' });
  expect(TOPICS.map((topic) => statuses.latest(A, topic)?.description)).toEqual(TOPICS.map(() => 'the reconciler was stopped'));
  expect(statuses.latest(B, 'diff')?.state).toBe('pending');
});

test('what others still speak of is not superseded', async () => {
  const statuses = await started();
  for (const commit of [A, B, hash('c')]) statuses.set(commit, 'synth', pending);
  statuses.supersede(A, ['synth'], [B]);
  expect([A, B, hash('c')].map((commit) => statuses.latest(commit, 'synth')?.state)).toEqual(['pending', 'pending', 'error']);
});

test('what an earlier process left pending can be ended, and what ended stays as it is', async () => {
  const first = await started();
  first.set(A, 'sync', pending);
  first.set(A, 'diff', { state: 'success', description: 'no changes' });
  await first.drained(0);
  const second = await started();
  second.supersede(B, ['sync', 'diff']);
  expect([second.latest(A, 'sync')?.description, second.latest(A, 'diff')?.state]).toEqual(['superseded by bbbbbbb', 'success']);
});

test('what is pending under a name that is no longer ours gets an end at the next start', async () => {
  const first = await started('old');
  first.set(A, 'synth', pending);
  first.set(A, 'enforced', { state: 'success', description: '1 of 1 nodes' });
  await first.drained(0);
  await (await started('new')).drained(0);
  const again = await started('old');
  expect(again.latest(A, 'synth')).toMatchObject({ state: 'error', description: 'the reconciler reports under another name now' });
  expect(again.latest(A, 'enforced')?.state).toBe('success');
});
