/** PolicySources in a real API server and the Secrets that they name, with exactly the rights that are installed. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Connection } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import { SecretReader } from '../../reconciler/src/adapters/kubernetes/secret-reader.ts';
import { FINALIZER, SourceObjects } from '../../reconciler/src/adapters/kubernetes/source-objects.ts';
import type { SourceRef, WatchedSource } from '../../reconciler/src/adapters/kubernetes/source-objects.ts';
import { REQUESTED_AT } from '../../reconciler/src/source-object.ts';
import { readSourceStatus } from '../../reconciler/src/source-status-object.ts';
import { nextStatus } from '../../reconciler/src/source-status.ts';
import type { SourceStatus } from '../../reconciler/src/source-status.ts';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { ELSEWHERE, HOME, makeSource, SHOP, startInstalled, until } from './installed.ts';
import type { Installed } from './installed.ts';
import { BUILD_PATIENCE, PATIENCE } from './manifests.ts';

jest.setTimeout(PATIENCE);

const never = new AbortController().signal;
let plane: ControlPlane;
let installed: Installed;
let connection: Connection;
/** Requests that were answered. */
let answers = 0;

beforeAll(async () => {
  installed = await startInstalled();
  plane = installed.plane;
  connection = installed.connect({ onAnswer: () => (answers += 1) });
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

async function makeAnew({ name }: SourceRef): Promise<void> {
  await plane.must(['delete', 'policysource', name, '-n', SHOP]);
  await makeSource(plane, name);
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
    const one = await makeSource(plane);
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
    const one = await makeSource(plane);
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
    const one = await makeSource(plane);
    await sources.writeStatus(one, ready(none, 'main@sha1:a'), never);
    const { resourceVersion } = (await stored(one)).metadata;
    expect(await sources.writeStatus(one, ready(none, 'main@sha1:a'), never)).toBe(true);
    expect((await stored(one)).metadata.resourceVersion).toBe(resourceVersion);
  });

  test('that are gone, or others by now, are left alone, without an error', async () => {
    const one = await makeSource(plane);
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
    const one = await makeSource(plane);
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
    const one = await makeSource(plane);
    const keys = Array.from({ length: 8 }, (_, index) => `test.parapet.dev/${index}`);
    const writes = keys.map((key) => sources.annotate(one, { [key]: 'x' }, never));
    expect(await Promise.all([...writes, sources.addFinalizer(one, never)])).toEqual(Array(9).fill(true));
    const { annotations = {}, finalizers } = (await stored(one)).metadata;
    expect(keys.filter((key) => annotations[key] === 'x')).toEqual(keys);
    expect(finalizers).toEqual([FINALIZER]);
  });

  test('that can’t be written for another reason are an error that says so', async () => {
    const one = await makeSource(plane);
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

describe('a reader of Secrets', () => {
  let number = 0;
  let now = 0;
  const reader = (redact?: (values: readonly string[]) => void): SecretReader =>
    new SecretReader({ connection, now: () => now, ...(redact === undefined ? {} : { redact }) });
  async function secret(
    data: Readonly<Record<string, string>>,
    namespace = SHOP,
  ): Promise<{ readonly namespace: string; readonly name: string }> {
    const name = `secret-${(number += 1)}`;
    await plane.apply([{ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData: data }]);
    return { namespace, name };
  }
  const change = ({ namespace, name }: { readonly namespace: string; readonly name: string }, data: object): Promise<string> =>
    plane.must(['patch', 'secret', name, '-n', namespace, '--type=merge', '-p', JSON.stringify({ stringData: data })]);

  test('gives texts as they were stored, without what is no text, and tells the log what to keep out', async () => {
    const ref = await secret({ token: 'geheim-äöü\n', ['__proto__']: 'no prototype' });
    await plane.must(['patch', 'secret', ref.name, '-n', SHOP, '--type=merge', '-p', JSON.stringify({ data: { raw: 'gIGC' } })]);
    const kept: string[] = [];
    const data = await reader((values) => kept.push(...values)).read(ref, never);
    expect(Object.entries(data).sort()).toEqual([
      ['__proto__', 'no prototype'],
      ['token', 'geheim-äöü\n'],
    ]);
    expect(kept.sort()).toEqual(['geheim-äöü\n', 'no prototype']);
  });

  test('asks once for many who ask at once, and again only after ten seconds', async () => {
    const ref = await secret({ token: 'first' });
    const secrets = reader();
    const before = answers;
    await Promise.all(Array.from({ length: 20 }, () => secrets.read(ref, never)));
    await change(ref, { token: 'second' });
    now += 9_999;
    expect([(await secrets.read(ref, never))['token'], answers - before]).toEqual(['first', 1]);
    now += 1;
    expect([(await secrets.read(ref, never))['token'], answers - before]).toEqual(['second', 2]);
  });

  test('one who gives up does not end the request of the others', async () => {
    const ref = await secret({ token: 'x' });
    const secrets = reader();
    const impatient = secrets.read(ref, AbortSignal.abort(new Error('enough')));
    const aborting = new AbortController();
    const leaving = secrets.read(ref, aborting.signal);
    const staying = secrets.read(ref, never);
    aborting.abort(new Error('enough'));
    await expect(impatient).rejects.toThrow('enough');
    await expect(leaving).rejects.toThrow('enough');
    expect(await staying).toEqual({ token: 'x' });
  });

  test('names a Secret that is not to be had, and does not ask for it all the time', async () => {
    const hidden = await secret({ token: 'never-seen' }, ELSEWHERE);
    const missing = { namespace: SHOP, name: 'missing' };
    const secrets = reader();
    const before = answers;
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await expect(secrets.read(missing, never)).rejects.toMatchObject({
        stage: 'secret',
        message: 'the Secret shop/missing does not exist',
      });
      await expect(secrets.read(hidden, never)).rejects.toMatchObject({
        stage: 'secret',
        message: `the Secret bank/${hidden.name} may not be read: install with --source-namespace bank to allow it`,
      });
    }
    expect(answers - before).toBe(2);
    await expect(secrets.read({ namespace: SHOP, name: '..' }, never)).rejects.toMatchObject({
      message: expect.stringMatching(/is no name/),
    });
  });

  test('has the last value at hand at once, until the server says that there is none', async () => {
    const ref = await secret({ token: 'first' });
    const secrets = reader();
    expect(secrets.cached(ref)).toBeUndefined();
    await secrets.read(ref, never);
    expect(secrets.cached(ref)).toEqual({ token: 'first' });
    await change(ref, { token: 'second' });
    now += 60_000;
    expect(secrets.cached(ref)).toEqual({ token: 'first' });
    await secrets.read(ref, never);
    expect(secrets.cached(ref)).toEqual({ token: 'second' });
    await plane.must(['delete', 'secret', ref.name, '-n', SHOP]);
    now += 60_000;
    await expect(secrets.read(ref, never)).rejects.toMatchObject({ stage: 'secret' });
    expect(secrets.cached(ref)).toBeUndefined();
  });

  test('has the last value at hand while the server does not answer, and says so to whoever needs it now', async () => {
    const ref = await secret({ token: 'x' });
    const own = installed.connect();
    const secrets = new SecretReader({ connection: own, now: () => now });
    await secrets.read(ref, never);
    await own.close();
    now += 60_000;
    await expect(secrets.read(ref, never)).rejects.toMatchObject({
      stage: 'secret',
      retry: true,
      message: expect.stringMatching(new RegExp(`^the Secret shop/${ref.name} can't be read: the API server at \\S+ does not answer`)),
    });
    expect(secrets.cached(ref)).toEqual({ token: 'x' });
  });
});
