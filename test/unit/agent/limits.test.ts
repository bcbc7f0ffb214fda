import { beforeEach, expect, test } from '@jest/globals';
import type { Policy, Resources } from '@parapet/policy';
import { toLimitAlert } from '../../../agent/src/limit-alert.ts';
import { Limits } from '../../../agent/src/limits.ts';
import type { Bite } from '../../../agent/src/limits.ts';
import type { Bites, Container, LimitStore } from '../../../agent/src/ports.ts';
import { newEntry } from '../../../agent/src/units.ts';
import type { Unit } from '../../../agent/src/units.ts';
import { containerOf, manifest, policyOf } from '../../support/agent-fakes.ts';

class FakeStore implements LimitStore {
  readonly applied: (readonly [cgroup: bigint, limits: Resources | undefined])[] = [];
  readonly settled: (readonly bigint[])[] = [];
  problems: readonly string[] | Error = [];
  now: Bites = { memory: 0, pids: 0, periods: 0, throttled: 0 };

  apply({ id }: { id: bigint }, limits: Resources | undefined): Promise<readonly string[]> {
    this.applied.push([id, limits]);
    return this.problems instanceof Error ? Promise.reject(this.problems) : Promise.resolve(this.problems);
  }

  settle(keep: ReadonlySet<bigint>): Promise<void> {
    this.settled.push([...keep]);
    return Promise.resolve();
  }

  bites(): Promise<Bites> {
    return Promise.resolve(this.now);
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
  expect(bites).toHaveLength(3);
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
