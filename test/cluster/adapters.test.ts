/** What the reconciler stores, reads and says in a real API server, with exactly the rights that are installed. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ConfigMapStore } from '../../reconciler/src/adapters/kubernetes/config-map-store.ts';
import { Connection } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import { ApiObjectWriter } from '../../reconciler/src/adapters/kubernetes/object-writer.ts';
import { SecretReader } from '../../reconciler/src/adapters/kubernetes/secret-reader.ts';
import { artifactName, externalArtifact } from '../../reconciler/src/external-artifact.ts';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { ELSEWHERE, HOME, SHOP, startInstalled } from './installed.ts';
import type { Installed } from './installed.ts';
import { BUILD_PATIENCE, PATIENCE } from './manifests.ts';

jest.setTimeout(PATIENCE);

let plane: ControlPlane;
let installed: Installed;
let connection: Connection;
/** Requests that were answered. */
let answers = 0;
let stop = new AbortController();

beforeAll(async () => {
  installed = await startInstalled();
  plane = installed.plane;
  connection = installed.connect({ onAnswer: () => (answers += 1) });
}, BUILD_PATIENCE);
afterEach(() => {
  stop = new AbortController();
});
afterAll(async () => {
  await connection?.close();
  await plane?.stop();
});

describe('a store in a ConfigMap', () => {
  let number = 0;
  /** The same as before with the same key. */
  const storeOf = (key: string, options: { readonly namespace?: string; readonly patience?: number } = {}): ConfigMapStore =>
    new ConfigMapStore({ connection, namespace: HOME, kind: 'outbox', key, signal: stop.signal, ...options });
  const newKey = (): string => `host-${(number += 1)}.test`;
  const maps = async (key: string): Promise<readonly { metadata: Record<string, unknown>; data?: object; binaryData?: object }[]> => {
    const listed = await plane.must(['get', 'configmaps', '-n', HOME, '-o', 'json']);
    const { items } = JSON.parse(listed) as { items: { metadata: { annotations?: Record<string, string> } }[] };
    return items.filter(({ metadata }) => metadata.annotations?.['parapet.dev/about'] === `outbox of ${key}`);
  };
  const nameOf = async (key: string): Promise<string> => String((await maps(key))[0]?.metadata['name']);

  test('gives back what was saved last, also to another process, and has nothing before', async () => {
    const key = newKey();
    expect(await storeOf(key).load()).toBeUndefined();
    const store = storeOf(key);
    for (const value of [{ a: 1 }, { text: 'x'.repeat(200_000) }, [1, 'zwei', null]]) {
      await store.save(value);
      expect(await storeOf(key).load()).toEqual(value);
    }
    expect(await storeOf(newKey()).load()).toBeUndefined();
  });

  test('says what it is for, and shows small values as they are and large ones packed', async () => {
    const key = newKey();
    await storeOf(key).save({ entries: [] });
    expect(await maps(key)).toMatchObject([
      {
        metadata: {
          name: expect.stringMatching(/^parapet-outbox-[0-9a-f]{20}$/) as unknown,
          labels: { 'app.kubernetes.io/part-of': 'parapet', 'app.kubernetes.io/managed-by': 'parapet-reconciler' },
        },
        data: { 'value.json': '{"entries":[]}' },
      },
    ]);
    await storeOf(key).save('x'.repeat(200_000));
    const [large] = await maps(key);
    expect(Object.keys({ ...large?.data, ...large?.binaryData })).toEqual(['value.json.gz']);
  });

  test('takes as much as a ConfigMap does; more is refused, and what was there stays', async () => {
    const key = newKey();
    // Base64 of what is random packs to three quarters: to the bytes that it was made from.
    const almost = randomBytes(1_020_000).toString('base64');
    await storeOf(key).save(almost);
    const tooLarge = storeOf(key).save(randomBytes(1_050_000).toString('base64'));
    await expect(tooLarge).rejects.toMatchObject({
      stage: 'target',
      retry: false,
      message: expect.stringMatching(/too large for a ConfigMap/),
    });
    expect(await storeOf(key).load()).toBe(almost);
  });

  test('has nothing where somebody made something else of it', async () => {
    const key = newKey();
    await storeOf(key).save({ a: 1 });
    for (const patch of [
      { data: { 'value.json': '{"a":' } },
      { data: null, binaryData: { 'value.json.gz': 'AAAA' } },
      { binaryData: null },
    ]) {
      await plane.must(['patch', 'configmap', await nameOf(key), '-n', HOME, '--type=merge', '-p', JSON.stringify(patch)]);
      expect(await storeOf(key).load()).toBeUndefined();
    }
  });

  test('keeps the value of the leader, whatever was written or removed meanwhile', async () => {
    const key = newKey();
    const store = storeOf(key);
    await store.save(1);
    await storeOf(key).save('somebody else');
    await store.save(2);
    expect(await storeOf(key).load()).toBe(2);
    await plane.must(['delete', 'configmap', await nameOf(key), '-n', HOME]);
    await store.save(3);
    expect(await storeOf(key).load()).toBe(3);
  });

  test('saves in the order in which it is asked to', async () => {
    const key = newKey();
    const store = storeOf(key);
    const value = { step: 0 };
    const saves = [];
    for (value.step = 1; value.step <= 10; value.step += 1) saves.push(store.save(value));
    await Promise.all(saves);
    expect(await storeOf(key).load()).toEqual({ step: 10 });
  });

  test('is gone when it is removed, also for the second time', async () => {
    const key = newKey();
    const store = storeOf(key);
    await store.save(1);
    await store.remove();
    await store.remove();
    expect(await maps(key)).toEqual([]);
    await store.save(2);
    expect(await store.load()).toBe(2);
  });

  test('fails with what the server says, and not for ever', async () => {
    const forbidden = {
      stage: 'target',
      retry: true,
      message: expect.stringMatching(/^the ConfigMap bank\/parapet-outbox-\w+ can't be \w+: .*forbidden/),
    };
    await expect(storeOf(newKey(), { namespace: ELSEWHERE }).load()).rejects.toMatchObject(forbidden);
    await expect(storeOf(newKey(), { namespace: ELSEWHERE }).save(1)).rejects.toMatchObject(forbidden);
    const silent = createServer();
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    const file = join(plane.home, 'kubeconfig-silent');
    const server = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const config = JSON.parse(await plane.must(['config', 'view', '--raw', '-o', 'json'])) as {
      clusters: { cluster: { server: string } }[];
    };
    config.clusters[0]!.cluster.server = server;
    writeFileSync(file, JSON.stringify(config));
    const deaf = new Connection({ kubeconfig: file });
    const store = new ConfigMapStore({ connection: deaf, namespace: HOME, kind: 'outbox', key: 'x', signal: stop.signal, patience: 300 });
    await expect(store.save(1)).rejects.toMatchObject({
      stage: 'target',
      retry: true,
      message: expect.stringMatching(/no answer came in time/),
    });
    stop.abort(new Error('somebody else leads'));
    await expect(store.save(1)).rejects.toThrow('somebody else leads');
    await deaf.close();
    silent.close();
  });
});

describe('a reader of Secrets', () => {
  const never = new AbortController().signal;
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
      message: expect.stringMatching(new RegExp(`^the Secret shop/${ref.name} can't be read: the API server does not answer`)),
    });
    expect(secrets.cached(ref)).toEqual({ token: 'x' });
  });
});

describe('a writer of objects', () => {
  const never = new AbortController().signal;
  const owner = { namespace: SHOP, name: 'policies', uid: '3f7b1c9e-0000-4000-8000-000000000000' };

  test('applies an ExternalArtifact and its status, and reads what is stored', async () => {
    const writer = new ApiObjectWriter(connection);
    const name = artifactName(owner, 'policies');
    expect(await writer.read(name, never)).toBeUndefined();
    const object = externalArtifact(owner, 'policies');
    const stored = await writer.apply(object, { signal: never });
    expect(stored).toMatchObject({ spec: object['spec'], metadata: { generation: 1 } });
    const condition = {
      type: 'Ready',
      status: 'False',
      reason: 'FetchFailed',
      message: 'no answer',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    await writer.apply({ ...object, status: { conditions: [condition] } }, { subresource: 'status', signal: never });
    expect(await writer.read(name, never)).toMatchObject({ spec: object['spec'], status: { conditions: [condition] } });
    const other = { ...condition, type: 'Other' };
    const answer = await writer.apply({ ...object, status: { conditions: [other] } }, { subresource: 'status', signal: never });
    expect(answer['status']).toEqual({ conditions: [other] });
    expect(await writer.read(name, never)).toEqual(answer);
  });

  test('takes nothing from others, and says what the server refuses', async () => {
    const writer = new ApiObjectWriter(connection);
    const theirs = { ...externalArtifact(owner, 'theirs'), spec: { sourceRef: { apiVersion: 'v1', kind: 'Theirs', name: 'x' } } };
    await plane.apply([theirs]);
    await expect(writer.apply(externalArtifact(owner, 'theirs'), { signal: never })).rejects.toMatchObject({
      name: 'StageError',
      stage: 'target',
      message: expect.stringMatching(/^the ExternalArtifact shop\/theirs can't be written: .*conflict/),
    });
    const abroad = { ...owner, namespace: ELSEWHERE };
    const forbidden = { name: 'StageError', message: expect.stringMatching(/^the ExternalArtifact bank\/x can't be \w+: .*forbidden/) };
    await expect(writer.read(artifactName(abroad, 'x'), never)).rejects.toMatchObject(forbidden);
    await expect(writer.apply(externalArtifact(abroad, 'x'), { signal: never })).rejects.toMatchObject(forbidden);
  });
});
