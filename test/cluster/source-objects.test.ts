/** PolicySources and events in a real API server: what is written on sources and said about them, with exactly the rights that are installed. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Connection } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import { FINALIZER, SourceObjects } from '../../reconciler/src/adapters/kubernetes/source-objects.ts';
import type { SourceRef, WatchedSource } from '../../reconciler/src/adapters/kubernetes/source-objects.ts';
import { REQUESTED_AT } from '../../reconciler/src/source-object.ts';
import { readSourceStatus } from '../../reconciler/src/source-status-object.ts';
import { nextStatus } from '../../reconciler/src/source-status.ts';
import type { SourceStatus } from '../../reconciler/src/source-status.ts';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { HOME, SHOP, startInstalled } from './installed.ts';
import type { Installed } from './installed.ts';
import { BUILD_PATIENCE, PATIENCE, source } from './manifests.ts';

jest.setTimeout(PATIENCE);

const never = new AbortController().signal;
let plane: ControlPlane;
let installed: Installed;
let connection: Connection;
let number = 0;

beforeAll(async () => {
  installed = await startInstalled();
  plane = installed.plane;
  connection = installed.connect();
}, BUILD_PATIENCE);
afterAll(async () => {
  await connection?.close();
  await plane?.stop();
});

interface Stored {
  readonly metadata: {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly finalizers?: readonly string[];
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly status?: { readonly conditions?: readonly { readonly type: string }[]; readonly [field: string]: unknown };
}

const stored = async ({ name }: { readonly name: string }): Promise<Stored> =>
  JSON.parse(await plane.must(['get', 'policysource', name, '-n', SHOP, '-o', 'json'])) as Stored;

async function make(name = `source-${(number += 1)}`): Promise<SourceRef> {
  const made = source({}, name);
  await plane.apply([{ ...made, metadata: { name, namespace: SHOP } }]);
  return { namespace: SHOP, name, uid: (await stored({ name })).metadata.uid };
}

async function makeAnew({ name }: SourceRef): Promise<void> {
  await plane.must(['delete', 'policysource', name, '-n', SHOP]);
  await make(name);
}

async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  for (const started = Date.now(); !(await check()); await new Promise((resolve) => setTimeout(resolve, 20)))
    if (Date.now() - started > 30_000) throw new Error('it did not happen');
}

describe('sources', () => {
  let sources: SourceObjects;
  beforeAll(() => {
    sources = new SourceObjects({ connection });
  });

  const ready = (before: SourceStatus, revision: string): SourceStatus => {
    const policies = { total: 2, enforced: 0, degraded: 0, refused: 0 };
    const startedAt = new Date('2026-01-01T00:00:00Z');
    const ended = { kind: 'succeeded', revision, digest: 'd'.repeat(64), policies, message: '2 added', startedAt } as const;
    return nextStatus(before, ended, { now: new Date('2026-01-01T00:00:01Z'), generation: 1 });
  };
  const none: SourceStatus = { conditions: [], history: [] };

  test('are told with their status when they are there, when they change and when they go', async () => {
    const told = new Map<string, WatchedSource>();
    const gone: string[] = [];
    let isSynced = false;
    const stop = new AbortController();
    const one = await make();
    const watching = sources.watch(
      { onSource: (seen) => told.set(seen.key, seen), onGone: (key) => gone.push(key), onSynced: () => (isSynced = true) },
      stop.signal,
    );
    await until(() => isSynced);
    const key = `${SHOP}/${one.name}`;
    expect(told.get(key)).toMatchObject({ source: { identity: one, spec: { path: '.' }, problems: [] }, status: none });
    expect(await sources.writeStatus(one, ready(none, 'main@sha1:a'), never)).toBe(true);
    await until(() => told.get(key)?.status.lastAppliedRevision === 'main@sha1:a');
    await plane.must(['delete', 'policysource', one.name, '-n', SHOP]);
    await until(() => gone.includes(key));
    stop.abort();
    await watching;
  });

  test('get the status that was written, whole: what is no longer said goes, what others say stays', async () => {
    const one = await make();
    const first = ready(none, 'main@sha1:a');
    await sources.writeStatus(one, first, never);
    expect(readSourceStatus((await stored(one)).status)).toEqual(first);
    const theirs = { type: 'Theirs', status: 'True', reason: 'X', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const said = { apiVersion: 'parapet.dev/v1alpha1', kind: 'PolicySource', metadata: { name: one.name, namespace: SHOP } };
    const args = ['apply', '--server-side', '--field-manager=theirs', '--subresource=status', '-f', '-'];
    await plane.must(args, JSON.stringify({ ...said, status: { conditions: [theirs] } }));
    const { lastAppliedDigest, ...second } = first;
    expect(lastAppliedDigest).toBeDefined();
    await sources.writeStatus(one, second, never);
    const { status } = await stored(one);
    expect(status?.['lastAppliedDigest']).toBeUndefined();
    expect(status?.conditions?.map(({ type }) => type).sort()).toEqual(['Ready', 'Reconciling', 'Stalled', 'Theirs']);
  });

  test('are not written at all by a status that says the same', async () => {
    const one = await make();
    await sources.writeStatus(one, ready(none, 'main@sha1:a'), never);
    const { resourceVersion } = (await stored(one)).metadata;
    expect(await sources.writeStatus(one, ready(none, 'main@sha1:a'), never)).toBe(true);
    expect((await stored(one)).metadata.resourceVersion).toBe(resourceVersion);
  });

  test('that are gone, or others by now, are left alone, without an error', async () => {
    const one = await make();
    await makeAnew(one);
    const writes = (ref: SourceRef): Promise<boolean>[] => [
      sources.writeStatus(ref, ready(none, 'main@sha1:a'), never),
      sources.addFinalizer(ref, never),
      sources.removeFinalizer(ref, never),
      sources.annotate(ref, { [REQUESTED_AT]: 'now' }, never),
    ];
    const before = await stored(one);
    expect(await Promise.all(writes(one))).toEqual([false, false, false, false]);
    expect(await stored(one)).toEqual(before);
    expect(await Promise.all(writes({ ...one, name: 'never-there' }))).toEqual([false, false, false, false]);
  });

  test('wait for their finalizer when they are deleted, and for those of others', async () => {
    const one = await make();
    await plane.must([
      'patch',
      'policysource',
      one.name,
      '-n',
      SHOP,
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":["their.test/one"]}}',
    ]);
    expect(await sources.addFinalizer(one, never)).toBe(true);
    const { resourceVersion } = (await stored(one)).metadata;
    expect(await sources.addFinalizer(one, never)).toBe(true);
    expect((await stored(one)).metadata).toMatchObject({ resourceVersion, finalizers: ['their.test/one', FINALIZER] });
    await plane.must(['delete', 'policysource', one.name, '-n', SHOP, '--wait=false']);
    expect(await sources.removeFinalizer(one, never)).toBe(true);
    expect((await stored(one)).metadata).toMatchObject({ deletionTimestamp: expect.any(String), finalizers: ['their.test/one'] });
    expect(await sources.addFinalizer(one, never)).toBe(false);
    expect(await sources.removeFinalizer(one, never)).toBe(true);
    await plane.must(['patch', 'policysource', one.name, '-n', SHOP, '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
    expect(await plane.kubectl(['get', 'policysource', one.name, '-n', SHOP])).toMatchObject({ status: 1 });
  });

  test('lose nothing when many write at once', async () => {
    const one = await make();
    const keys = Array.from({ length: 8 }, (_, index) => `test.parapet.dev/${index}`);
    const writes = keys.map((key) => sources.annotate(one, { [key]: 'x' }, never));
    expect(await Promise.all([...writes, sources.addFinalizer(one, never)])).toEqual(Array(9).fill(true));
    const { annotations = {}, finalizers } = (await stored(one)).metadata;
    expect(keys.filter((key) => annotations[key] === 'x')).toEqual(keys);
    expect(finalizers).toEqual([FINALIZER]);
  });

  test('that can’t be written for another reason are an error that says so', async () => {
    const one = await make();
    await plane.must(['create', 'serviceaccount', 'stranger', '-n', HOME]);
    const stranger = new Connection({ kubeconfig: plane.kubeconfig(await plane.token(HOME, 'stranger')) });
    const failure = {
      name: 'StageError',
      stage: 'target',
      message: expect.stringMatching(/^the PolicySource shop\/\S+ can't be written: .*forbidden/),
    };
    await expect(new SourceObjects({ connection: stranger }).writeStatus(one, none, never)).rejects.toMatchObject(failure);
    await expect(new SourceObjects({ connection: stranger }).addFinalizer(one, never)).rejects.toMatchObject(failure);
    await stranger.close();
  });
});
