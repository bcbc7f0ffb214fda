/** A watch on an API server that does what servers do now and then, and can't be made to do when it is wanted: the answers are those of kube-apiserver. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { StoredObject } from '../../../reconciler/src/api-object.ts';
import { Connection } from '../../../reconciler/src/adapters/kubernetes/connection.ts';
import { watchObjects } from '../../../reconciler/src/adapters/kubernetes/watch.ts';
import type { WatchOptions } from '../../../reconciler/src/adapters/kubernetes/watch.ts';

type Reply = (response: ServerResponse) => void;
const GONE = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason: 'Expired',
  message: 'too old resource version: 3 (9)',
  code: 410,
};

let home: string;
let server: Server;
let connection: Connection;
/** Queries of all requests, in order: `list`, `list continue=…`, `watch 7`. */
let asked: string[];
/** Names that the server lists, and what it answers to watches, one after the other; without any it says nothing and waits. */
let names: string[];
let version: number;
let replies: Reply[];
let told: string[];
let stop: AbortController;
let ended: Promise<void>;

const objectOf = (name: string): StoredObject => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name, namespace: 'shop', resourceVersion: String(version) },
});
const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'parapet-watch-'));
  [asked, names, version, replies, told, stop, ended] = [[], [], 7, [], [], new AbortController(), Promise.resolve()];
  server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://api.test');
    response.writeHead(200, { 'content-type': 'application/json' });
    if (searchParams.get('watch') === 'true') {
      asked.push(`watch ${searchParams.get('resourceVersion')}`);
      response.flushHeaders();
      replies.shift()?.(response);
      return;
    }
    const from = Number(searchParams.get('continue') ?? 0);
    const to = from + Number(searchParams.get('limit'));
    asked.push(from === 0 ? 'list' : `list continue=${from}`);
    const metadata = { resourceVersion: String(version), ...(to < names.length ? { continue: String(to) } : {}) };
    response.end(JSON.stringify({ metadata, items: names.slice(from, to).map(objectOf) }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const kubeconfig = join(home, 'kubeconfig');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cluster = { name: 'c', cluster: { server: url, 'insecure-skip-tls-verify': true } };
  const context = { name: 'c', context: { cluster: 'c', user: 'u' } };
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [cluster],
      contexts: [context],
      users: [{ name: 'u', user: {} }],
      'current-context': 'c',
    }),
  );
  connection = new Connection({ kubeconfig });
});
afterEach(async () => {
  stop.abort();
  await ended;
  await connection.close();
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  rmSync(home, { recursive: true });
});

function watch(options: Partial<WatchOptions> = {}): void {
  ended = watchObjects(
    { connection, path: '/api/v1/things', ...options },
    {
      onObject: ({ metadata }) => told.push(`+${metadata.name}`),
      onGone: (key) => told.push(`-${key}`),
      onSynced: () => told.push('synced'),
      onBroken: (why) => told.push(`broken: ${why}`),
    },
    stop.signal,
  );
}

/** Once that much was told, what was told. */
async function heard(count: number): Promise<readonly string[]> {
  for (let waited = 0; told.length < count; waited += 10) {
    if (waited > 30_000) throw new Error(`only this was told: ${told.join(', ')}`);
    await sleep(10);
  }
  return told;
}

test('all that there is comes first, page by page, then every change', async () => {
  names = ['a', 'b', 'c'];
  replies.push((response) => response.write(line('ADDED', objectOf('d')) + line('DELETED', objectOf('a'))));
  watch({ page: 2 });
  expect(await heard(6)).toEqual(['+a', '+b', '+c', 'synced', '+d', '-shop/a']);
  expect(asked).toEqual(['list', 'list continue=2', 'watch 7']);
});

test('a version that has expired, told within the watch, has all of it listed anew, and what went meanwhile is told', async () => {
  names = ['a', 'b'];
  replies.push((response) => {
    names = ['b', 'c'];
    version = 9;
    response.end(line('ERROR', GONE));
  });
  watch();
  expect(await heard(8)).toEqual(['+a', '+b', 'synced', 'broken: its version has expired', '+b', '+c', '-shop/a', 'synced']);
  expect(asked.slice(0, 3)).toEqual(['list', 'watch 7', 'list']);
  await heard(8);
  await sleep(300);
  expect(asked[3]).toBe('watch 9');
});

test('a watch that the server ends or cuts goes on from the last thing that was heard, bookmarks too', async () => {
  names = ['a'];
  replies.push(
    (response) => response.end(line('BOOKMARK', { kind: 'Thing', metadata: { resourceVersion: '12' } })),
    (response) =>
      response.write(line('MODIFIED', { ...objectOf('a'), metadata: { name: 'a', namespace: 'shop', resourceVersion: '15' } }), () =>
        response.destroy(),
      ),
    (response) => response.write(line('ADDED', objectOf('b'))),
  );
  watch();
  const all = await heard(5);
  expect([all[2], all.at(-1)]).toEqual(['+a', '+b']);
  expect(asked).toEqual(['list', 'watch 7', 'watch 12', 'watch 15']);
});

test('a watch that falls silent is begun anew, from where it was', async () => {
  names = ['a'];
  replies.push(
    () => undefined,
    (response) => response.write(line('ADDED', objectOf('b'))),
  );
  watch({ silence: 200 });
  expect((await heard(4)).slice(0, 4)).toEqual(['+a', 'synced', 'broken: it fell silent', '+b']);
  expect(asked.slice(0, 3)).toEqual(['list', 'watch 7', 'watch 7']);
});

test('events that never came are made up for by a list taken anew now and then', async () => {
  names = ['a', 'b'];
  replies.push((response) => {
    names = ['b', 'c'];
    setTimeout(() => response.end(), 1100);
  });
  watch({ relist: 1000 });
  expect((await heard(7)).slice(0, 7)).toEqual(['+a', '+b', 'synced', '+b', '+c', '-shop/a', 'synced']);
});

test('of half an event nothing is believed: the server is asked again from before it', async () => {
  names = ['a'];
  replies.push(
    (response) => response.write('{"type":"ADDED","object":{"metada\n'),
    (response) => response.write(line('ADDED', objectOf('b'))),
  );
  watch();
  expect(await heard(4)).toEqual(['+a', 'synced', 'broken: the API server sent half an event', '+b']);
  expect(asked).toEqual(['list', 'watch 7', 'watch 7']);
});

test('after an error of the server’s own everything is listed anew', async () => {
  names = ['a'];
  replies.push((response) => response.end(line('ERROR', { ...GONE, code: 500, reason: 'InternalError', message: 'etcd is away' })));
  watch();
  expect(await heard(5)).toEqual(['+a', 'synced', expect.stringMatching(/^broken: .*etcd is away/), '+a', 'synced']);
});

test('a server that goes away under a watch is asked ever more slowly', async () => {
  const { port } = server.address() as AddressInfo;
  names = ['a'];
  replies.push((response) => response.write(line('ADDED', objectOf('b'))));
  watch();
  await heard(3);
  const closed = new Promise((done) => server.close(done));
  server.closeAllConnections();
  await closed;
  await sleep(2000);
  // 0.1, 0.2, 0.4, 0.8 … seconds apart
  expect(told.filter((text) => text.startsWith('broken: the API server at ')).length).toBeLessThanOrEqual(6);
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  for (let waited = 0; told.at(-1) !== 'synced' && waited < 30_000; waited += 10) await sleep(10);
  expect(told.slice(-3)).toEqual(['+a', '-shop/b', 'synced']);
});

test('a server that is away is asked again, ever more slowly, until it is there', async () => {
  server.closeAllConnections();
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  watch();
  await heard(2);
  expect(told.every((text) => text.startsWith('broken: the API server at '))).toBe(true);
  names = ['a'];
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  for (let waited = 0; told.at(-1) !== 'synced' && waited < 30_000; waited += 10) await sleep(10);
  expect(told.slice(-2)).toEqual(['+a', 'synced']);
});
