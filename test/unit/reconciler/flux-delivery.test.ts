/** ExternalArtifacts on a real API server, with Flux's own definition of them, our admission policy in force, and files fetched over HTTP. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { FluxArtifact } from '../../../reconciler/src/adapters/flux/delivery.ts';
import type { FluxArtifactOptions } from '../../../reconciler/src/adapters/flux/delivery.ts';
import { serveArtifacts } from '../../../reconciler/src/adapters/flux/server.ts';
import { ArtifactStore } from '../../../reconciler/src/adapters/flux/store.ts';
import { unpackFiles } from '../../../reconciler/src/adapters/flux/tar.ts';
import type { ApiObject } from '../../../reconciler/src/api-object.ts';
import { artifactFailed, artifactReady, externalArtifact } from '../../../reconciler/src/external-artifact.ts';
import { hash } from './builders.ts';
import { desired, planned, revision } from './deliveries.ts';
import { INSTALL, startFluxCluster } from './flux-cluster.ts';
import type { FluxCluster } from './flux-cluster.ts';

// a real control plane, on machines that may be busy, and perhaps built first
jest.setTimeout(900_000);

const { signal } = new AbortController();
const NAME = 'policies';
let cluster: FluxCluster;
let directory = '';
let uid = 0;

beforeAll(async () => {
  cluster = await startFluxCluster();
  // the server takes a moment until it judges by a new policy
  let probes = 0;
  await until(async () => (await attempt(() => cluster.admin.apply(externalArtifact(owner(), `probe-${(probes += 1)}`)))) !== 'done');
});
afterAll(async () => cluster.plane.stop());
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'parapet-flux-'));
  await cluster.plane.must(['delete', 'externalartifacts', '--all', '--namespace', 'shop']);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const owner = (name = 'policies') => ({ namespace: 'shop', name, uid: `3f0c6d1e-0000-4000-8000-${String(uid).padStart(12, '0')}` });

async function until(ready: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await ready())) {
    if (Date.now() > deadline) throw new Error('it never came true');
    await delay(200);
  }
}
/** `done`, or what the server says against it. */
async function attempt(work: () => Promise<unknown>): Promise<string> {
  return work().then(
    () => 'done',
    (error: unknown) => (error as Error).message,
  );
}
async function delivery(rest: Partial<FluxArtifactOptions> = {}): Promise<FluxArtifact> {
  const store = new ArtifactStore(directory);
  await store.open();
  return new FluxArtifact({
    source: owner(),
    artifactName: NAME,
    programPath: '.',
    ref: 'main',
    baseUrl: INSTALL.baseUrl,
    store,
    objects: cluster.us,
    clock: { now: () => Date.parse('2026-01-02T03:04:05Z') },
    ...rest,
  });
}
async function current(): Promise<{ artifact: Record<string, string>; conditions: Record<string, unknown>[] }> {
  const object = await cluster.admin.read({ apiVersion: '', kind: 'externalartifacts', namespace: 'shop', name: NAME });
  return object?.['status'] as Awaited<ReturnType<typeof current>>;
}
/** What Flux would get. */
async function fetched(): Promise<Record<string, string>> {
  const server = await serveArtifacts({ directory, host: '127.0.0.1', port: 0 });
  try {
    const { artifact } = await current();
    const answer = await fetch(artifact['url']?.replace(INSTALL.baseUrl, `http://127.0.0.1:${server.port}/`) ?? '');
    expect(answer.status).toBe(200);
    return Object.fromEntries(await unpackFiles(Buffer.from(await answer.arrayBuffer()), 10_000_000));
  } finally {
    await server.close();
  }
}
const first = revision('a', [planned('added', 'web'), planned('added', 'api')]);

test('policies are in a file that the object names, with their commit; the next commit changes both', async () => {
  const flux = await delivery();
  expect(await flux.survey([], signal)).toEqual([]);
  expect(await flux.carryOut(first, signal)).toEqual(new Map());
  expect(Object.keys(await fetched()).sort()).toEqual(['kustomization.yaml', 'parapet.inventory', 'shop.api.yaml', 'shop.web.yaml']);
  expect(await current()).toMatchObject({
    artifact: { revision: `main@sha1:${hash('a')}`, metadata: { 'org.opencontainers.image.revision': `main@sha1:${hash('a')}` } },
    conditions: [{ type: 'Ready', status: 'True', reason: 'Succeeded', observedGeneration: 1 }],
  });
  expect((await flux.survey([], signal)).map(({ name, fingerprint }) => [name, fingerprint === desired(name).fingerprint])).toEqual([
    ['api', true],
    ['web', true],
  ]);
  const next = [planned('changed', 'web', { commit: 'b', action: 'Audit' }), planned('kept', 'api')];
  await (await delivery()).carryOut(revision('b', next), signal);
  expect((await fetched())['shop.web.yaml']).toContain('Audit');
  expect((await fetched())['shop.api.yaml']).toContain(hash('a'));
  expect(readdirSync(join(directory, 'shop', NAME))).toHaveLength(2);
  // what users see
  expect(await cluster.plane.must(['get', 'externalartifacts', '--namespace', 'shop'])).toMatch(
    new RegExp(`policies +\\S+ +True +stored artifact for revision main@sha1:${hash('b')} +policies`),
  );
  await cluster.plane.must(['wait', '--for=condition=Ready', '--timeout=5s', '--namespace', 'shop', `externalartifact/${NAME}`]);
});

test('the same again writes nothing; a commit that changes no policy changes the revision, but neither the file nor its time', async () => {
  const flux = await delivery();
  await flux.carryOut(first, signal);
  const before = await current();
  const applied = cluster.us.applied;
  await flux.carryOut(first, signal);
  await (await delivery()).carryOut(first, signal);
  expect(cluster.us.applied).toBe(applied);
  const later = await delivery({ clock: { now: () => Date.parse('2026-02-02T00:00:00Z') } });
  await later.carryOut(revision('b', [planned('unchanged', 'web'), planned('unchanged', 'api')]), signal);
  const { artifact } = await current();
  expect(artifact).toEqual({
    ...before.artifact,
    revision: `main@sha1:${hash('b')}`,
    metadata: { 'org.opencontainers.image.revision': `main@sha1:${hash('b')}`, 'parapet.dev/policies': '2' },
  });
});

test('a failure is said on the object, which still leads to the last good file', async () => {
  const flux = await delivery();
  await flux.fail('FetchFailed', 'nobody answers', signal);
  expect(await current()).toBeUndefined();
  await flux.carryOut(first, signal);
  const before = await current();
  await flux.fail('FetchFailed', 'nobody answers', signal);
  expect(await current()).toMatchObject({
    artifact: before.artifact,
    conditions: [{ status: 'False', reason: 'FetchFailed', message: 'nobody answers' }],
  });
  await flux.carryOut(first, signal);
  expect(await current()).toMatchObject({ conditions: [{ status: 'True' }] });
  // a file where the store's folder should be
  rmSync(directory, { recursive: true });
  writeFileSync(directory, '');
  await expect(flux.carryOut(revision('b', [planned('added', 'x')]), signal)).rejects.toMatchObject({ stage: 'target' });
});

test('a file that is lost is made anew by a commit that gives all of it, and by no other', async () => {
  const flux = await delivery();
  await flux.carryOut(first, signal);
  rmSync(join(directory, 'shop'), { recursive: true });
  expect(await flux.survey([], signal)).toEqual([]);
  const broken = revision('b', [planned('added', 'web', { commit: 'b' }), planned('added', 'db'), planned('refused', 'api')]);
  for (const lacking of [broken, revision('b', [planned('added', 'web', { commit: 'b' })])])
    await expect(flux.carryOut(lacking, signal)).rejects.toThrow(
      /with 2 policies is lost, and commit bbbbbbb gives [12]: Flux would remove the others/,
    );
  expect((await current()).artifact['revision']).toBe(`main@sha1:${hash('a')}`);
  await flux.carryOut(revision('c', [planned('added', 'web', { commit: 'c' }), planned('added', 'api', { commit: 'c' })]), signal);
  expect(Object.keys(await fetched())).toContain('shop.api.yaml');
});

test('an object of another source is left alone; one that an earlier source of the name left is taken over', async () => {
  await cluster.us.apply(externalArtifact(owner('other'), NAME));
  await expect((await delivery()).carryOut(first, signal)).rejects.toMatchObject({ retry: false, code: 'target-not-ours' });
  await cluster.plane.must(['delete', 'externalartifact', NAME, '--namespace', 'shop']);
  await (await delivery()).carryOut(first, signal);
  uid += 1;
  await (await delivery()).carryOut(first, signal);
  const object = await cluster.admin.read({ apiVersion: '', kind: 'externalartifacts', namespace: 'shop', name: NAME });
  expect(object?.['metadata']).toMatchObject({ ownerReferences: [{ uid: owner().uid }] });
});

/** The status of `NAME` that leads to this address. */
function leading(url: string): ApiObject {
  const digest = 'a'.repeat(64);
  const made = { artifact: { digest, size: 1, path: 'x' }, revision: 'main@sha1:a', policies: 1, baseUrl: 'http://x' };
  const object = artifactReady(made, { before: { metadata: { name: NAME, namespace: 'shop', generation: 1 } }, now: 0 });
  const status = object['status'] as { artifact: object };
  return { ...object, status: { ...status, artifact: { ...status.artifact, url } } };
}
const theirs = (name = NAME): ApiObject => ({
  ...externalArtifact(owner(), name),
  spec: { sourceRef: { apiVersion: 'source.extensions.fluxcd.io/v1beta1', kind: 'ArtifactGenerator', name: 'gen' } },
});

test('nobody but the reconciler writes artifacts of a PolicySource, or any that lead to its server', async () => {
  const { admin, us, plane } = cluster;
  const denied = /written by the reconciler only/;
  expect(await attempt(() => admin.apply(externalArtifact(owner(), 'one')))).toMatch(denied);
  await us.apply(externalArtifact(owner(), NAME));
  const evil = leading('http://evil.shop.svc/x.tar.gz');
  expect(await attempt(() => admin.apply(evil, { subresource: 'status' }))).toMatch(denied);
  expect(
    await attempt(() =>
      plane.must(['patch', 'externalartifact', NAME, '-n', 'shop', '--type=merge', '-p', '{"spec":{"sourceRef":{"name":"x"}}}']),
    ),
  ).toMatch(denied);
  expect(
    await attempt(() => plane.must(['patch', 'externalartifact', NAME, '-n', 'shop', '--type=merge', '-p', '{"spec":{"sourceRef":null}}'])),
  ).toMatch(denied);
  await us.apply(leading(`${INSTALL.baseUrl}shop/${NAME}/x.tar.gz`), { subresource: 'status' });
  // what Flux's users and the garbage collector do
  await plane.must(['annotate', 'externalartifact', NAME, '-n', 'shop', 'reconcile.fluxcd.io/requestedAt=now']);
  await plane.must(['patch', 'externalartifact', NAME, '-n', 'shop', '--type=merge', '-p', '{"metadata":{"ownerReferences":null}}']);
  await plane.must(['delete', 'externalartifact', NAME, '-n', 'shop']);
  await admin.apply(theirs());
  expect(await attempt(() => admin.apply(leading(`${INSTALL.baseUrl}shop/x/x.tar.gz`), { subresource: 'status' }))).toMatch(denied);
});

test('the reconciler writes no other artifacts, and each leads to its own folder', async () => {
  const { us } = cluster;
  expect(await attempt(() => us.apply(theirs('two')))).toMatch(/ExternalArtifacts of PolicySources only/);
  const abroad = externalArtifact(owner(), 'three');
  const elsewhere = { ...abroad, metadata: { ...(abroad['metadata'] as object), namespace: 'default' } };
  expect(await attempt(() => us.apply(elsewhere))).toMatch(/in the namespace of its PolicySource/);
  await us.apply(externalArtifact(owner(), NAME));
  for (const url of ['http://evil/x', `${INSTALL.baseUrl}shop/other/x.tar.gz`, `${INSTALL.baseUrl}other/${NAME}/x`, INSTALL.baseUrl])
    expect(await attempt(() => us.apply(leading(url), { subresource: 'status' }))).toMatch(/its own folder/);
  const failed = artifactFailed(
    { reason: 'FetchFailed', message: '' },
    { before: { metadata: { name: NAME, namespace: 'shop' } }, now: 0 },
  );
  expect(await attempt(() => us.apply(failed, { subresource: 'status' }))).toBe('done');
});

test('artifacts of other controllers are nobody’s business here', async () => {
  const { admin } = cluster;
  await admin.apply(theirs());
  await admin.apply(leading('http://source-watcher.flux-system.svc/x.tar.gz'), { subresource: 'status' });
  const bare = theirs('four');
  expect(await attempt(() => admin.apply({ ...bare, spec: {} }))).toBe('done');
});
