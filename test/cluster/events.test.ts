/** What is told about objects, in a real API server, with exactly the rights that are installed. */
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import type { Connection } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import type { ReportedEvent } from '../../reconciler/src/adapters/kubernetes/event-object.ts';
import { Events } from '../../reconciler/src/adapters/kubernetes/events.ts';
import type { EventsOptions } from '../../reconciler/src/adapters/kubernetes/events.ts';
import type { SourceRef } from '../../reconciler/src/adapters/kubernetes/source-objects.ts';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { makeSource, SHOP, startInstalled, until } from './installed.ts';
import type { Installed } from './installed.ts';
import { BUILD_PATIENCE, PATIENCE, policy } from './manifests.ts';

jest.setTimeout(PATIENCE);

let plane: ControlPlane;
let installed: Installed;
let connection: Connection;

beforeAll(async () => {
  installed = await startInstalled();
  plane = installed.plane;
  connection = installed.connect();
}, BUILD_PATIENCE);
afterAll(async () => {
  await connection?.close();
  await plane?.stop();
});

const dropped: string[] = [];
const open = (options: Partial<EventsOptions> = {}): Events =>
  new Events({ connection, instance: 'parapet-reconciler-0', onDropped: (why) => dropped.push(why), ...options });
const about = (ref: SourceRef, said: Partial<ReportedEvent> = {}): ReportedEvent => ({
  regarding: { apiVersion: 'parapet.dev/v1alpha1', kind: 'PolicySource', ...ref },
  type: 'Normal',
  reason: 'Applied',
  action: 'Apply',
  note: '2 added',
  ...said,
});
interface Told {
  readonly metadata: { readonly namespace: string; readonly creationTimestamp: string };
  readonly note: string;
  readonly series?: { readonly count: number };
  readonly reportingInstance: string;
}
const listed = async ({ uid, namespace }: SourceRef): Promise<readonly Told[]> => {
  const where = namespace === '' ? 'default' : namespace;
  const { items } = JSON.parse(await plane.must(['get', 'events.v1.events.k8s.io', '-n', where, '-o', 'json'])) as {
    items: (Told & { readonly regarding: { readonly uid?: string } })[];
  };
  return items.filter(({ regarding }) => regarding.uid === uid);
};
beforeEach(() => void dropped.splice(0));

test('events are shown by kubectl describe', async () => {
  const one = await makeSource(plane);
  const events = open();
  events.record(about(one));
  events.record(about(one, { type: 'Warning', reason: 'BuildFailed', action: 'Synth', note: 'main.ts:3: no\u001b[31m such\nthing' }));
  await events.close();
  const described = await plane.must(['describe', 'policysource', one.name, '-n', SHOP]);
  expect(described).toMatch(/^Events:\n.*Type.*Reason.*Message/m);
  expect(described).toMatch(/Normal +Applied +\S+ +parapet\.dev\/reconciler +2 added/);
  expect(described).toMatch(/Warning +BuildFailed +\S+ +parapet\.dev\/reconciler +main\.ts:3: no \[31m such thing/);
  expect(dropped).toEqual([]);
});

test('events that are equal are one that is counted, and another object’s are its own', async () => {
  const [one, other] = [await makeSource(plane), await makeSource(plane)];
  const events = open();
  events.record(about(one));
  events.record(about(other));
  await until(async () => (await listed(other)).length === 1);
  for (let time = 0; time < 4; time += 1) events.record(about(one));
  await events.close();
  expect(await listed(one)).toMatchObject([{ note: '2 added', series: { count: 5 }, reportingInstance: 'parapet-reconciler-0' }]);
  expect(await listed(other)).toHaveLength(1);
  expect(await plane.must(['describe', 'policysource', one.name, '-n', SHOP])).toMatch(/Applied +\S+ \(x5 over \S+\)/);
});

test('events that the server has forgotten are told anew', async () => {
  const one = await makeSource(plane);
  const events = open();
  events.record(about(one));
  await until(async () => (await listed(one)).length === 1);
  await plane.must(['delete', 'events', '--all', '-n', SHOP]);
  events.record(about(one));
  await events.close();
  expect(await listed(one)).toMatchObject([{ series: { count: 2 } }]);
});

test('events about what is in no namespace are in the default one', async () => {
  await plane.apply([
    policy('KubeArmorHostPolicy', { nodeSelector: {}, action: 'Block', process: { matchPaths: [{ path: '/bin/sh' }] } }, 'hosts'),
  ]);
  const uid = await plane.must(['get', 'hsp', 'hosts', '-o', 'jsonpath={.metadata.uid}']);
  const regarding = { apiVersion: 'security.kubearmor.com/v1', kind: 'KubeArmorHostPolicy', namespace: '', name: 'hosts', uid };
  const events = open();
  events.record({ ...about({ ...regarding }), regarding });
  await events.close();
  expect(await listed(regarding)).toMatchObject([{ metadata: { namespace: 'default' } }]);
  expect(await plane.must(['describe', 'hsp', 'hosts'])).toMatch(/Applied .* 2 added/);
});

test('events about one object are bounded, and what is too much is counted', async () => {
  const one = await makeSource(plane);
  const events = open({ limits: { burst: 3, perSecond: 0.001 } });
  for (let time = 0; time < 10; time += 1) events.record(about(one, { note: `commit ${time}` }));
  const other = await makeSource(plane);
  events.record(about(other));
  await events.close();
  expect((await listed(one)).map(({ note }) => note).sort()).toEqual(['commit 0', 'commit 1', 'commit 2']);
  expect(await listed(other)).toHaveLength(1);
  expect(dropped).toEqual(Array(7).fill('there are too many about one object'));
});

test('events that the server refuses are dropped with its reason, and the next one is told', async () => {
  const one = await makeSource(plane);
  const events = open();
  events.record(about({ ...one, namespace: 'no-such-namespace' }));
  events.record(about(one));
  await events.close();
  expect(dropped).toEqual([expect.stringMatching(/namespaces "no-such-namespace" not found/)]);
  expect(await listed(one)).toHaveLength(1);
});

test('events are told when the server is back, as many as may wait; the others are dropped', async () => {
  const one = await makeSource(plane);
  const events = open({ limits: { waiting: 2, retry: { first: 200, attempts: 10 } } });
  await plane.stopApiServer('SIGKILL');
  for (let time = 0; time < 5; time += 1) events.record(about(one, { note: `commit ${time}` }));
  expect(dropped).toEqual(Array(2).fill('too many wait'));
  await plane.startApiServer();
  await until(async () => {
    return (await listed(one)).length === 3;
  });
  await events.close();
  expect((await listed(one)).map(({ note }) => note).sort()).toEqual(['commit 0', 'commit 1', 'commit 2']);
});

test('events are dropped when the server stays away, and hold up nobody who ends', async () => {
  const one = await makeSource(plane);
  const away = installed.connect();
  // It has something to close only once it was used.
  await away.ask({ method: 'GET', path: '/version' });
  await away.close();
  const short = open({ connection: away, limits: { retry: { first: 1, attempts: 2 } } });
  short.record(about(one));
  await until(() => dropped.length === 1);
  expect(dropped).toEqual(['the API server does not answer']);
  const long = open({ connection: away, limits: { retry: { first: 60_000, attempts: 10 } } });
  for (const note of ['one', 'two']) long.record(about(one, { note }));
  dropped.splice(0);
  await long.close();
  expect(dropped).toEqual(['the reconciler ends', 'the API server does not answer']);
  long.record(about(one));
  await short.close();
  expect(await listed(one)).toEqual([]);
});
