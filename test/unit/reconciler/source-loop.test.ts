import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { SourceLoop } from '../../../reconciler/src/source-loop.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import { commitOf, delivered, endless, LoopWorld, refused, sourceObject } from './loop-world.ts';

let world: LoopWorld;
let loop: SourceLoop;
let stop: AbortController;
let life: Promise<void>;

beforeEach(() => {
  world = new LoopWorld();
});
afterEach(async () => {
  stop.abort('stopping');
  await life;
  expect(world.closed).toBe(1);
});

async function live(object = sourceObject()): Promise<void> {
  stop = new AbortController();
  loop = new SourceLoop(object, world.parts);
  life = loop.run(stop.signal);
  await world.clock.advance(0);
}

test('the newest commit is carried out at once, and looked at again after the interval', async () => {
  await live();
  expect(world.runs).toEqual(['a']);
  expect(world.ready).toBe('Ready=True Succeeded');
  expect(world.finalizers).toEqual([true]);
  await world.clock.advance(59_000);
  expect(world.asked).toBe(1);
  world.newest = commitOf('b');
  await world.clock.advance(1000);
  expect(world.runs).toEqual(['a', 'b']);
});

test('who is called asks at once; who is called while nothing is due has it done next', async () => {
  await live();
  world.newest = commitOf('b');
  loop.hint();
  await world.clock.advance(0);
  expect(world.runs).toEqual(['a', 'b']);
});

test('drift is looked at without asking the repository', async () => {
  await live();
  world.carryOut = (commit) => Promise.resolve(delivered(commit, ['unchanged']));
  loop.drifted();
  await world.clock.advance(250);
  expect(world.runs).toEqual(['a', 'a']);
  expect(world.asked).toBe(1);
});

test('a newer commit ends the run of an older one', async () => {
  let reason: unknown;
  world.carryOut = async (commit, signal) => {
    if (commit.startsWith('b')) return delivered(commit, ['added']);
    return endless(signal).catch((error: unknown) => {
      reason = signal.reason;
      throw error;
    });
  };
  await live();
  expect(world.ready).toBe('Ready=Unknown Progressing');
  world.newest = commitOf('b');
  loop.hint();
  await world.clock.advance(0);
  expect(reason).toEqual({ by: 'b'.repeat(40) });
  expect(world.runs).toEqual(['a', 'b']);
  expect(world.ready).toBe('Ready=True Succeeded');
});

test('the same commit once more leaves the run alone', async () => {
  world.carryOut = (_, signal) => endless(signal);
  await live();
  loop.hint();
  await world.clock.advance(0);
  expect([world.runs, world.asked]).toEqual([['a'], 2]);
});

test('another spec ends the run, and the commit is carried out as that says', async () => {
  world.carryOut = (_, signal) => endless(signal);
  await live();
  world.carryOut = (commit) => Promise.resolve(delivered(commit, ['added']));
  loop.update(sourceObject({ path: 'clusters/a' }, { generation: 2 }));
  await world.clock.advance(0);
  expect(world.runs).toEqual(['a', 'a']);
  expect(world.said.at(-1)).toMatchObject({ observedGeneration: 2 });
});

test('the world failing is tried again after the retry interval, and said once', async () => {
  world.newest = new StageError('resolve', 'nobody answers');
  await live();
  expect(world.ready).toBe('Ready=False SourceUnreachable');
  await world.clock.advance(20_000);
  expect(world.asked).toBe(3);
  expect(world.log.events.filter(({ level }) => level === 'error')).toHaveLength(1);
  world.newest = commitOf('a');
  await world.clock.advance(10_000);
  expect(world.ready).toBe('Ready=True Succeeded');
});

test('a source that can not even be opened is looked at after its interval, and not all the time', async () => {
  world.opening = () => {
    throw new StageError('resolve', 'that is not allowed', { retry: false });
  };
  await live();
  await world.clock.advance(59_000);
  expect(world.told).toEqual(['that is not allowed']);
  await world.clock.advance(1_000);
  expect(world.told).toHaveLength(2);
});

test("a refused commit is the author's, who is told once", async () => {
  world.carryOut = () => Promise.resolve(refused('main.ts is wrong'));
  await live();
  expect(world.ready).toBe('Ready=False CommitRefused');
  await world.clock.advance(60_000);
  expect(world.log.events.filter(({ level }) => level === 'error')).toHaveLength(1);
});

test('with a policy that is refused the rest counts, and the source is not ready', async () => {
  world.carryOut = (commit) => Promise.resolve(delivered(commit, ['added', 'refused']));
  await live();
  expect(world.ready).toBe('Ready=False PartlyApplied');
  expect(world.said.at(-1)?.policies).toMatchObject({ total: 2, refused: 1 });
});

test('a wrong spec, a suspended source and one that waits for another have no run until that changes', async () => {
  await live(sourceObject({ interval: 'often' }));
  expect(world.ready).toBe('Ready=False InvalidSpec');
  loop.update(sourceObject({ suspend: true }, { generation: 2 }));
  await world.clock.advance(0);
  expect(world.ready).toBe('Ready=False Suspended');
  world.obstacle = 'it depends on another one';
  loop.update(sourceObject({}, { generation: 3 }));
  await world.clock.advance(0);
  expect(world.ready).toBe('Ready=False DependencyNotReady');
  expect(world.runs).toEqual([]);
  world.obstacle = undefined;
  loop.dependencyChanged();
  await world.clock.advance(0);
  expect(world.ready).toBe('Ready=True Succeeded');
});

test('a request is answered even where nothing is new', async () => {
  await live();
  loop.update(sourceObject({}, { annotations: { 'reconcile.parapet.dev/requestedAt': 'now' } }));
  await world.clock.advance(0);
  expect(world.said.at(-1)?.lastHandledReconcileAt).toBe('now');
});

test('a deleted source takes back what it made, gives its finalizer up, and its life is over', async () => {
  await live();
  loop.update(sourceObject({}, { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['parapet.dev/finalizer'] }));
  await world.clock.advance(0);
  await life;
  expect([world.withdrawn, world.finalizers]).toEqual([1, [true, false]]);
});

test('an orphaning source leaves what it made, and never holds its object', async () => {
  await live(sourceObject({ deletionPolicy: 'Orphan' }));
  expect(world.finalizers).toEqual([]);
  loop.update(sourceObject({ deletionPolicy: 'Orphan' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }));
  await world.clock.advance(0);
  await life;
  expect(world.withdrawn).toBe(0);
});
