/** What the reconciler stores and writes in a real API server, with exactly the rights that are installed. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ApiError } from '../../reconciler/src/adapters/kubernetes/answer.ts';
import { ConfigMapStore } from '../../reconciler/src/adapters/kubernetes/config-map-store.ts';
import { Connection } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import { ApiObjectWriter } from '../../reconciler/src/adapters/kubernetes/object-writer.ts';
import { artifactName, externalArtifact } from '../../reconciler/src/external-artifact.ts';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { ELSEWHERE, HOME, SHOP, startInstalled } from './installed.ts';
import type { Installed } from './installed.ts';
import { BUILD_PATIENCE, PATIENCE } from './manifests.ts';

jest.setTimeout(PATIENCE);

let plane: ControlPlane;
let installed: Installed;
let connection: Connection;
let stop = new AbortController();

beforeAll(async () => {
  installed = await startInstalled();
  plane = installed.plane;
  connection = installed.connect();
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
    const file = plane.kubeconfig();
    const port = (silent.address() as AddressInfo).port;
    writeFileSync(file, readFileSync(file, 'utf8').replace(plane.url, `https://127.0.0.1:${port}`));
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

test('a refusal of a server that has just started is not believed: it knows nobody’s rights yet', async () => {
  const wrong: string[] = [];
  let isBack = false;
  await plane.stopApiServer('SIGKILL');
  const asking = Array.from({ length: 4 }, async () => {
    while (!isBack) {
      const path = '/apis/parapet.dev/v1alpha1/policysources';
      const error: unknown = await connection.ask({ method: 'GET', path }).catch((caught: unknown) => caught);
      if (error instanceof ApiError) wrong.push(error.message);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  await plane.startApiServer();
  isBack = true;
  await Promise.all(asking);
  expect(wrong).toEqual([]);
});
