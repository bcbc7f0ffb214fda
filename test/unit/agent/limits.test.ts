import { beforeEach, expect, test } from '@jest/globals';
import type { Policy, Resources } from '@parapet/policy';
import { toLimitAlert } from '../../../agent/src/limit-alert.ts';
import { Limits } from '../../../agent/src/limits.ts';
import type { Bite } from '../../../agent/src/limits.ts';
import type { Bites, Container, LimitName, LimitStore } from '../../../agent/src/ports.ts';
import { newEntry } from '../../../agent/src/units.ts';
import type { Unit } from '../../../agent/src/units.ts';
import { containerOf, manifest, policyOf } from '../../support/agent-fakes.ts';

class FakeStore implements LimitStore {
  readonly applied: (readonly [cgroup: bigint, limits: Resources | undefined])[] = [];
  readonly settled: (readonly bigint[])[] = [];
  problems: readonly string[] | Error = [];
  now: Bites = { memory: 0, pids: 0, periods: 0, throttled: 0, inForce: new Set(['memory', 'pids', 'cpu']) };
  settling: Promise<void> = Promise.resolve();
  readonly watched = new Map<string, (name: LimitName) => void>();
  gone = false;

  apply({ id }: { id: bigint }, limits: Resources | undefined): Promise<readonly string[]> {
    this.applied.push([id, limits]);
    return this.problems instanceof Error ? Promise.reject(this.problems) : Promise.resolve(this.problems);
  }

  settle(keep: ReadonlySet<bigint>): Promise<void> {
    this.settled.push([...keep]);
    return this.settling;
  }

  bites(): Promise<Bites | undefined> {
    return Promise.resolve(this.gone ? undefined : this.now);
  }

  watch(path: string, onBite: (name: LimitName) => void): () => void {
    this.watched.set(path, onBite);
    return () => this.watched.delete(path);
  }
}

let store: FakeStore;
let bites: Bite[];
let time: number;
let limits: Limits;

beforeEach(() => {
  store = new FakeStore();
  bites = [];
  time = 0;
  limits = new Limits({ store, onBite: (bite) => void bites.push(bite), onChange: () => undefined, now: () => time });
});

const limiting = (name: string, resources: object): Policy => policyOf(manifest(name, { spec: { resources } }));
const small = limiting('small', { memory: '1Mi', pids: 5 });
const large = limiting('large', { memory: '2Mi', cpu: '500m' });

function unitOf(wanted: readonly Policy[], over: Partial<Container> = {}): Unit {
  const container = containerOf(7, { cgroupPath: '/cgroup/7', ...over });
  return { ...newEntry(7n, { containers: [container], workloads: [container.workload] }), wanted };
}

async function update(...units: readonly Unit[]): Promise<void> {
  limits.update(units);
  await limits.idle();
}

test('a container has the tightest of its policies’ limits, once, and none when they go', async () => {
  await update(unitOf([small, large]));
  await update(unitOf([small, large]));
  expect(store.applied).toEqual([[7n, { memory: 2 ** 20, pids: 5, cpu: 0.5, io: new Map() }]]);
  await update(unitOf([policyOf(manifest('none'))]));
  expect(store.applied.at(-1)).toEqual([7n, undefined]);
  await update();
  expect(store.applied).toHaveLength(2);
});

test('nothing is limited in a container that is only audited', async () => {
  await update(unitOf([small], { mode: 'audited' }));
  expect(store.applied).toEqual([]);
});

test('why a limit is not held is known by cgroup, and it is tried again', async () => {
  store.problems = ['memory.max: EBUSY', 'pids.max: ENOENT'];
  await update(unitOf([small]));
  expect([...limits.problems]).toEqual([[7n, 'memory.max: EBUSY; pids.max: ENOENT']]);
  store.problems = new Error('no space');
  await update(unitOf([small]));
  expect([...limits.problems]).toEqual([[7n, 'no space']]);
  store.problems = [];
  await update(unitOf([small]));
  expect(limits.problems.size).toBe(0);
});

test('a limit that bites is told with its policy, and not again at once', async () => {
  await update(unitOf([large, small]));
  await limits.look();
  store.now = { ...store.now, memory: 3, pids: 1 };
  await limits.look();
  store.now = { ...store.now, memory: 9 };
  await limits.look();
  expect(bites.map(({ policy, resource, count }) => [policy.name, resource, count])).toEqual([
    ['small', 'memory', 3],
    ['small', 'pids', 1],
  ]);
  time = 30_000;
  store.now = { ...store.now, memory: 10 };
  await limits.look();
  // All since it was told last.
  expect(bites.slice(2).map(({ resource, count }) => [resource, count])).toEqual([['memory', 7]]);
});

test('a limit that bites is told when the kernel says so: the container may be gone before the next look', async () => {
  await update(unitOf([large, small]));
  store.now = { ...store.now, memory: 1 };
  store.watched.get('/cgroup/7')?.('memory');
  await update();
  expect(bites.map(({ resource, container }) => [resource, container.id])).toEqual([['memory', 'c7']]);
});

test('a limit that has bitten a container which is gone when that is looked at is told once', async () => {
  await update(unitOf([small]));
  store.gone = true;
  store.watched.get('/cgroup/7')?.('memory');
  await update();
  expect(bites.map(({ resource, count }) => [resource, count])).toEqual([['memory', 1]]);
});

test('the kernel is heard once until the next look, and no more when the limits go or the agent ends', async () => {
  await update(unitOf([small]));
  store.watched.get('/cgroup/7')?.('memory');
  expect(store.watched.size).toBe(0);
  await limits.look();
  expect(store.watched.size).toBe(1);
  await update();
  expect(store.watched.size).toBe(0);
  await update(unitOf([small]));
  await limits.stop({ keep: true });
  expect(store.watched.size).toBe(0);
});

test('processor time is not judged by the few periods before the kernel says that another limit bites', async () => {
  await update(unitOf([large]));
  store.now = { ...store.now, memory: 1, periods: 1, throttled: 1 };
  store.watched.get('/cgroup/7')?.('memory');
  store.now = { ...store.now, periods: 20, throttled: 4 };
  await limits.look();
  store.now = { ...store.now, periods: 40, throttled: 20 };
  await limits.look();
  expect(bites.map(({ resource, count }) => [resource, count])).toEqual([
    ['memory', 1],
    ['cpu', 16],
  ]);
});

test('what a limit holds back as soon as it is written counts', async () => {
  store.apply = () => {
    store.now = { ...store.now, memory: 2 };
    return Promise.resolve([]);
  };
  await update(unitOf([small]));
  await limits.look();
  expect(bites.map(({ resource, count }) => [resource, count])).toEqual([['memory', 2]]);
});

test('a tighter limit of somebody else that bites is not told as the policy’s', async () => {
  store.now = { ...store.now, inForce: new Set(['pids']) };
  await update(unitOf([small]));
  store.now = { ...store.now, memory: 5, pids: 1 };
  await limits.look();
  expect(bites.map(({ resource }) => resource)).toEqual(['pids']);
});

test('limits that are wished while those of an earlier agent go come after that', async () => {
  let done: () => void = () => undefined;
  store.settling = new Promise((resolve) => (done = resolve));
  const settled = limits.settle();
  limits.update([unitOf([small])]);
  await new Promise(setImmediate);
  expect(store.applied).toEqual([]);
  done();
  await settled;
  await limits.idle();
  expect(store.applied).toHaveLength(1);
});

test('processor time that is held back is told once until it was free again', async () => {
  await update(unitOf([large]));
  const look = async (periods: number, throttled: number): Promise<void> => {
    time += 31_000;
    store.now = { ...store.now, periods: store.now.periods + periods, throttled: store.now.throttled + throttled };
    await limits.look();
  };
  await limits.look();
  for (const [periods, throttled] of [
    [20, 4],
    [20, 15],
    [20, 18],
    [20, 4],
    [20, 16],
    [20, 0],
    [20, 12],
  ] as const)
    await look(periods, throttled);
  expect(bites.map(({ resource, count }) => [resource, count])).toEqual([
    ['cpu', 15],
    ['cpu', 12],
  ]);
});

test('limits of an earlier agent go once all containers are known; with removal all go', async () => {
  await update(unitOf([small]));
  await limits.settle();
  await limits.stop({ keep: true });
  await limits.stop({ keep: false });
  expect(store.settled).toEqual([[7n], []]);
});

test('the alert names policy, container and limit', () => {
  const alert = toLimitAlert(
    { container: containerOf(7), policy: small, resource: 'memory', count: 2 },
    { node: 'n', cluster: 'c', now: 1_000 },
  );
  expect(alert).toMatchObject({
    containerName: 'c7',
    policyName: 'small',
    operation: 'Resource',
    resource: 'memory',
    rule: 'spec.resources.memory',
    message: 'KubeArmorPolicy shop/small limits memory to 1048576 bytes, which held it back 2 times',
  });
});
