import { beforeEach, expect, test } from '@jest/globals';
import type { NodeReport, ViolationReport } from '@parapet/policy';
import { Observer, OBSERVER_SETTINGS } from '../../../reconciler/src/observe.ts';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import type { CommitStatus, StatusHost, Store } from '../../../reconciler/src/ports.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import type { Statuses } from '../../../reconciler/src/statuses.ts';
import { hash, inventory, memoryLog, nodeReport, policyReport, violation } from './builders.ts';
import { FakeClock, FakeTarget, memoryStore, statusesFor } from './fakes.ts';

const commit = hash('c');
let clock: FakeClock;
let target: FakeTarget;
let statuses: Statuses;
let observer: Observer;
let log = memoryLog();
let store = memoryStore();
/** Everything that was said, in order. */
let said: string[] = [];

beforeEach(() => {
  clock = new FakeClock();
  target = new FakeTarget();
  log = memoryLog();
  store = memoryStore();
  said = [];
  const host: StatusHost = {
    limits: HOST_LIMITS.GitHub,
    post: () => Promise.resolve({ kind: 'posted' }),
    find: () => Promise.resolve({ kind: 'none' }),
  };
  statuses = statusesFor({ host, store: memoryStore(), clock, log: log.log });
  const set = statuses.set.bind(statuses);
  statuses.set = (sha, topic, status): boolean => {
    const changed = set(sha, topic, status);
    if (changed) said.push(`${topic} ${status.state}: ${status.description}`);
    return changed;
  };
  observer = observing();
  observer.applied(inventory(commit));
});

function observing(kept: Store = store): Observer {
  return new Observer({ target, statuses, store: kept, clock, log: log.log, settings: OBSERVER_SETTINGS });
}

let reports = 0;
function report(name: string, status: Partial<NodeReport['status']> = {}): NodeReport {
  return nodeReport(name, { observedAt: `report ${(reports += 1)}`, policies: [policyReport('web', { commit })], ...status });
}
async function look(...seen: readonly NodeReport[]): Promise<string[]> {
  target.report(clock.now(), ...seen);
  const before = said.length;
  await observer.look();
  return said.slice(before);
}
const violated = (rest: Partial<ViolationReport>): NodeReport => report('n1', { violations: [violation({ commit, ...rest })] });
const latest = (topic: 'enforced' | 'violations'): CommitStatus | undefined => statuses.latest(commit, topic);

test('a commit waits for its nodes, and is enforced when they hold it', async () => {
  expect(await look()).toEqual(['enforced pending: waiting for a node to report']);
  expect(await look(report('n1', { policies: [] }))).toEqual(['enforced pending: 0 of 1 nodes']);
  expect(await look(report('n1'), report('n2', { policies: [] }))).toEqual(['enforced pending: 1 of 2 nodes']);
  expect(await look(report('n1'), report('n2'))).toEqual(['enforced success: 2 of 2 nodes', 'violations success: no violations']);
  expect(await look(report('n1'), report('n2'))).toEqual([]);
});

test('without a node the wait has an end, and a node that comes later mends it', async () => {
  await look();
  await clock.advance(59_999);
  expect(await look()).toEqual([]);
  await clock.advance(1);
  expect(await look()).toEqual(['enforced error: no node has reported for 60 seconds']);
  expect((await look(report('n1')))[0]).toBe('enforced success: 1 of 1 nodes');
});

test('a node that goes quiet no longer counts, whatever its own clock says', async () => {
  const old = report('n1', { observedAt: '2099-01-01T00:00:00.000Z' });
  await look(old);
  await clock.advance(59_000);
  expect(await look(old)).toEqual([]);
  await clock.advance(1_000);
  expect(await look(old)).toEqual(['enforced error: no node has reported for 60 seconds']);
  expect(await look(report('n1'))).toEqual(['enforced success: 1 of 1 nodes']);
});

test('a report left by a node of long ago is stale from the start', async () => {
  target.files = [{ node: 'n1', value: report('n1'), modified: clock.now() - 3_600_000 }];
  await observer.look();
  expect(said).toEqual(['enforced pending: waiting for a node to report']);
});

test('a policy that a node cannot hold is a failure that names policy, node and reason', async () => {
  const degraded = report('n1', { policies: [policyReport('web', { commit, state: 'Degraded', message: 'the kernel has no hook' })] });
  expect(await look(degraded)).toEqual(['enforced failure: web: degraded on n1: the kernel has no hook']);
});

test('reports about an older commit say nothing about this one', async () => {
  const policies = [policyReport('web', { commit: hash('b') })];
  const old = report('n1', { policies, violations: [violation({ commit: hash('b'), count: 99 })] });
  expect(await look(old)).toEqual(['enforced pending: 0 of 1 nodes']);
  expect(latest('violations')).toBeUndefined();
});

test('a violation turns the commit red at once, with the worst rule', async () => {
  await look(report('n1'));
  expect(await look(violated({ count: 1, source: 'main.ts:12' }))).toEqual([
    'violations failure: 1 blocked: web spec.process.matchPaths[0] /usr/bin/apt (main.ts:12)',
  ]);
});

test('what changes while it is red is said once a minute, and green comes after a quiet quarter of an hour', async () => {
  await look(violated({ count: 1 }));
  await clock.advance(59_000);
  expect(await look(violated({ count: 501 }))).toEqual([]);
  await clock.advance(1_000);
  expect(await look(violated({ count: 501 }))).toEqual(['violations failure: 501 blocked: web spec.process.matchPaths[0] /usr/bin/apt']);
  await clock.advance(60_000);
  expect(await look(violated({ count: 600, rule: 'another' }))).toHaveLength(1);
  await clock.advance(899_999);
  expect(await look(report('n1'))).toEqual([]);
  await clock.advance(1);
  const quiet = 'violations success: quiet for 15 min; 1101 earlier, last 1970-01-01 00:18 UTC: web another';
  expect(await look(report('n1'))).toEqual([quiet]);
});

test('very many changing reports make few statuses, and few writes to the store', async () => {
  let writes = 0;
  const counted: Store = { load: () => store.load(), save: (value) => ((writes += 1), store.save(value)) };
  observer = observing(counted);
  observer.applied(inventory(commit));
  for (let turn = 0; turn < 1200; turn += 1) {
    await look(violated({ count: turn + 1, rule: `rule ${turn % 7}` }));
    await clock.advance(50);
  }
  expect(said.filter((text) => text.startsWith('violations')).length).toBe(1);
  await look(violated({ count: 1300 }));
  expect(said.filter((text) => text.startsWith('violations')).length).toBe(2);
  expect(writes).toBe(2);
});

test('a restart says nothing twice, whatever becomes of the statuses', async () => {
  await look(violated({ count: 40 }));
  said = [];
  observer = observing();
  observer.applied(inventory(commit));
  const fresh = statuses.set.bind(statuses);
  const all: string[] = [];
  statuses.set = (sha, topic, status): boolean => {
    all.push(topic);
    return fresh(sha, topic, status);
  };
  await look(violated({ count: 40 }));
  await clock.advance(120_000);
  await look(violated({ count: 41 }));
  expect([all.includes('violations'), said]).toEqual([false, []]);
});

test('a store that fails costs a warning, and what was stored about another commit is not used', async () => {
  observer = observing({ load: () => Promise.reject(new Error('EIO')), save: () => Promise.reject(new Error('ENOSPC')) });
  observer.applied(inventory(commit));
  expect(await look(violated({}))).toHaveLength(2);
  expect(log.text()).toMatch(/EIO.*ENOSPC/s);
  observer = observing();
  observer.applied(inventory(commit));
  await look(violated({}));
  observer = observing();
  observer.applied(inventory(hash('d')));
  expect(await look(report('n1', { policies: [policyReport('web', { commit: hash('d') })] }))).toHaveLength(2);
});

test('another commit starts afresh, and the one before says nothing more', async () => {
  await look(violated({ count: 1 }));
  const next = hash('d');
  observer.applied(inventory(next));
  expect(await look(report('n1'))).toEqual(['enforced pending: 0 of 1 nodes']);
  expect(statuses.latest(next, 'enforced')?.state).toBe('pending');
  expect(latest('violations')?.state).toBe('failure');
});

test('the same commit applied again goes on waiting from where it was', async () => {
  await look();
  await clock.advance(30_000);
  observer.applied(inventory(commit));
  await clock.advance(30_000);
  expect(await look()).toEqual(['enforced error: no node has reported for 60 seconds']);
});

test('the last look of a run that ends leaves nothing pending', async () => {
  await observer.look({ final: true });
  expect(said).toEqual([]);
  target.report(clock.now(), report('n1'));
  await observer.look({ final: true });
  expect(said[0]).toBe('enforced success: 1 of 1 nodes');
});

test('what an earlier run left pending gets its end with the last look', async () => {
  await look(report('n1', { policies: [] }));
  await observer.look({ final: true });
  expect(said.at(-1)).toBe('enforced error: nobody waits any longer: 0 of 1 nodes');
});

test('reports that are none are ignored with one line each, and the others count', async () => {
  const bad = (node: string, value: unknown, fault?: string): (typeof target.files)[0] => ({
    node,
    value,
    modified: clock.now(),
    ...(fault === undefined ? {} : { fault }),
  });
  const good = report('n1');
  target.files = [
    bad('broken', undefined),
    bad('huge', undefined, 'it is larger than 8 MiB'),
    bad('liar', good),
    bad('evil\u001b[2J\nname', { kind: 'NodeReport' }),
    bad('n1', good),
  ];
  for (let turn = 0; turn < 3; turn += 1) await observer.look();
  expect(said[0]).toBe('enforced success: 1 of 1 nodes');
  expect(log.events.map(({ level, message }) => `${level} ${message}`)).toEqual([
    'warn the report of node broken is ignored: it is not JSON',
    'warn the report of node huge is ignored: it is larger than 8 MiB',
    'warn the report of node liar is ignored: metadata.name is not the name of the file',
    'warn the report of node evil [2J name is ignored: it is not a NodeReport of parapet.dev/v1alpha1',
  ]);
});

test('a target that cannot be read is the world’s failure, and the next look goes on', async () => {
  target.failure = new StageError('target', 'gone');
  await expect(observer.look()).rejects.toThrow('gone');
  expect(await look(report('n1'))).toHaveLength(2);
});

test('without an applied commit there is nothing to say', async () => {
  const idle = observing();
  target.report(clock.now(), violated({ count: 3 }));
  await idle.look();
  expect(said).toEqual([]);
});
