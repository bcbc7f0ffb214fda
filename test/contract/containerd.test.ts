/** The agent's view of containers against the real containerd and runc. Needs root. */
import { readFileSync, statSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { openCgroups, unifiedMount } from '../../agent/src/adapters/containerd/cgroup.ts';
import { openContainerd } from '../../agent/src/adapters/containerd/index.ts';
import type { Container, Runtime } from '../../agent/src/ports.ts';
import { eventually } from '../support/agent-fakes.ts';
import { OwnContainerd } from '../support/own-containerd.ts';

const containerd = new OwnContainerd();
const created: [namespace: string, id: string][] = [];
let runtime: Runtime;
let containers: readonly Container[] | undefined;
let told: readonly Container[][] = [];
let states: boolean[] = [];

beforeAll(() => containerd.start());
afterAll(() => containerd.clean());

beforeEach(() => {
  [containers, told, states] = [undefined, [], []];
});

afterEach(async () => {
  await runtime.close();
  for (const [namespace, id] of created.splice(0)) containerd.remove(namespace, id);
});

async function watching(): Promise<void> {
  runtime = openContainerd({ address: containerd.address, cgroups: await openCgroups() });
  await runtime.watch({
    onContainers: (found) => {
      containers = found;
      told = [...told, [...found]];
    },
    onState: ({ connected }) => void states.push(connected),
  });
}

function run(namespace: string, id: string, over: { labels?: string[]; command?: string[] } = {}): void {
  created.push([namespace, id]);
  containerd.run({ namespace, id, ...over });
}

const found = (id: string): Container | undefined => containers?.find((container) => container.id === id);

test('containers of every namespace that run already are found, with labels and cgroup', async () => {
  run('default', 'first', { labels: ['app=web', 'parapet.dev/namespace=shop'] });
  run('moby', 'second');
  await watching();
  expect(containers?.map(({ runtimeNamespace, id }) => `${runtimeNamespace}/${id}`).sort()).toEqual(['default/first', 'moby/second']);
  const first = found('first');
  expect(first?.workload).toEqual({
    host: false,
    namespace: 'shop',
    name: 'first',
    labels: { app: 'web', 'parapet.dev/namespace': 'shop', 'kubearmor.io/container.name': 'first' },
  });
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${first?.pid}/cgroup`, 'utf8'))?.[1] ?? '';
  const mount = unifiedMount(readFileSync('/proc/self/mountinfo', 'utf8')) ?? '';
  expect(first?.cgroup).toBe(statSync(`${mount}${path}`, { bigint: true }).ino);
});

test('a container is told when it is created, before its program needs to run, and again when it ends', async () => {
  await watching();
  expect(containers).toEqual([]);
  run('default', 'later');
  await eventually('the container', () => found('later') !== undefined);
  containerd.remove('default', 'later');
  await eventually('its end', () => found('later') === undefined);
});

test('labels that change are told', async () => {
  run('default', 'labelled');
  await watching();
  containerd.ctr('containers', 'label', 'labelled', 'tier=front');
  await eventually('the label', () => found('labelled')?.workload.labels['tier'] === 'front');
});

test('a program that is executed in a container and ends does not end the container', async () => {
  run('default', 'busy');
  await watching();
  containerd.ctr('tasks', 'exec', '--exec-id', 'x', 'busy', '/bin/sh', '-c', 'exit 0');
  await runtime.refresh();
  expect(found('busy')).toBeDefined();
  expect(told.every((list) => list.some(({ id }) => id === 'busy'))).toBe(true);
});

test('a container that was started anew under its old name has its new cgroup', async () => {
  run('default', 'again');
  await watching();
  const before = found('again');
  containerd.remove('default', 'again');
  run('default', 'again');
  await eventually('the new one', () => found('again') !== undefined && found('again')?.pid !== before?.pid);
  expect(found('again')?.cgroup).not.toBe(before?.cgroup);
});

test('while containerd is gone its containers stay, and what changed meanwhile is found when it is back', async () => {
  run('default', 'stays');
  await watching();
  await containerd.stop();
  await eventually('the loss', () => states.at(-1) === false);
  await runtime.refresh();
  expect(found('stays')).toBeDefined();
  process.kill(found('stays')?.pid ?? 0, 'SIGKILL');
  await containerd.start();
  await eventually('the return', () => states.at(-1) === true && found('stays') === undefined, 8000);
  run('default', 'after');
  await eventually('the next container', () => found('after') !== undefined);
}, 20_000);

test('a containerd that is not there yet is waited for', async () => {
  await containerd.stop();
  await watching();
  expect(states).toEqual([false]);
  expect(containers).toBeUndefined();
  await containerd.start();
  await eventually('the connection', () => containers !== undefined, 8000);
}, 20_000);
