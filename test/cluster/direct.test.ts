/** Commits of a real repository through the real sandbox into a real API server, policy by policy. */
import { setImmediate as breathe } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { POLICY_KINDS } from '@parapet/policy';
import type { SynthManifest } from '../../reconciler/src/ports.ts';
import { FIELD_MANAGER } from '../../reconciler/src/adapters/kubernetes/apply.ts';
import { Connection } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import { DirectDelivery } from '../../reconciler/src/adapters/kubernetes/direct.ts';
import { LivePolicies } from '../../reconciler/src/adapters/kubernetes/live-policies.ts';
import { Judge } from '../../reconciler/src/judge.ts';
import { NO_METRICS } from '../../reconciler/src/no-metrics.ts';
import { claim } from '../../reconciler/src/ownership.ts';
import type { RevisionRules } from '../../reconciler/src/revision.ts';
import { describeRevision } from '../../reconciler/src/revision.ts';
import { runSource } from '../../reconciler/src/source-run.ts';
import type { RunParts, SourceRunResult } from '../../reconciler/src/source-run.ts';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { startWithPolicies } from '../support/cluster/with-policies.ts';

jest.setTimeout(180_000);

const RULES: RevisionRules = { prune: true, pruneLimit: 50, pruneConfirmed: false, allowEmpty: false, force: false, drift: 'Correct' };
const COMMIT = 'c'.repeat(40);
let plane: ControlPlane;
let connection: Connection;
let stop: AbortController;
let live: LivePolicies;
let watching: Promise<void>;
let number = 0;
let source = { namespace: 'parapet-system', name: 'shop', uid: '' };

beforeAll(async () => {
  plane = await startWithPolicies();
});
afterAll(() => plane.stop());

beforeEach(async () => {
  number += 1;
  source = { ...source, uid: `uid-${number}` };
  await plane.must(['create', 'namespace', namespace()]);
  connection = new Connection({ kubeconfig: plane.kubeconfig() });
  live = new LivePolicies({ connection });
  stop = new AbortController();
  watching = live.watch(stop.signal);
});
afterEach(async () => {
  stop.abort();
  await watching;
  await connection.close();
});

const namespace = (): string => `shop-${number}`;

interface Written {
  readonly path?: string;
  readonly metadata?: object;
  readonly spec?: object;
}

const policy = (name: string, { path = '/bin/sh', metadata = {}, spec = {} }: Written = {}): object => ({
  apiVersion: 'security.kubearmor.com/v1',
  kind: 'KubeArmorPolicy',
  metadata: { name, namespace: namespace(), ...metadata },
  spec: { selector: { matchLabels: { app: 'web' } }, process: { matchPaths: [{ path }] }, action: 'Block', ...spec },
});

/** One run of a commit that makes these manifests. */
async function run(values: readonly unknown[], rules: Partial<RevisionRules> = {}, uid = source.uid): Promise<SourceRunResult> {
  const by = { source: { ...source, uid }, repository: 'https://git.test/p.git', commit: COMMIT };
  const manifests: SynthManifest[] = values.map((value, index) => ({ value, file: 'shop.k8s.yaml', source: `main.ts:${index + 1}` }));
  const all = { ...RULES, ...rules };
  const parts: RunParts = {
    source: {
      url: by.repository,
      resolve: () => Promise.resolve({ commit: COMMIT, revision: `main@sha1:${COMMIT}` }),
      export: () => Promise.resolve({ directory: '/nowhere', problems: [], dispose: () => Promise.resolve() }),
      pullRequests: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    },
    synthesizer: { synth: () => Promise.resolve({ manifests, problems: [], digest: 'd', bundleMs: 0, runMs: 0 }) },
    judge: new Judge(),
    delivery: new DirectDelivery({ connection, live, source: uid, as: undefined, force: all.force }),
    metrics: NO_METRICS,
    claim: (manifest, ref) => claim(manifest, ref, by),
    gate: { kinds: POLICY_KINDS, namespaces: 'all' },
    rules: all,
    breathe: () => breathe(),
    now: () => performance.now(),
  };
  return runSource(parts, COMMIT, stop.signal);
}

function said(result: SourceRunResult): string {
  if (result.kind !== 'delivered') throw new Error(`the run was ${result.kind}`);
  return describeRevision(result.revision.policies);
}
const codes = (result: SourceRunResult): string[] => ('problems' in result ? result.problems.map(({ code }) => code) : []);

async function names(): Promise<string[]> {
  const listed = await plane.must(['get', 'ksp', '-n', namespace(), '-o', 'jsonpath={.items[*].metadata.name}']);
  return listed.split(' ').filter((name) => name !== '');
}
const pathOf = async (name: string): Promise<string> =>
  plane.must(['get', 'ksp', name, '-n', namespace(), '-o', 'jsonpath={.spec.process.matchPaths[0].path}']);
/** Until the watch has brought what somebody else did. */
async function seen(check: () => boolean): Promise<void> {
  for (const started = Date.now(); !check(); await new Promise((resolve) => setTimeout(resolve, 20)))
    if (Date.now() - started > 30_000) throw new Error('the watch did not bring it');
}
const key = (name: string): string => `KubeArmorPolicy ${namespace()}/${name}`;

test('policies are added, changed and removed, with labels, provenance and one field manager, and a second run writes nothing', async () => {
  expect(said(await run([policy('a'), policy('b')]))).toBe('2 added');
  const stored = JSON.parse(await plane.must(['get', 'ksp', 'a', '-n', namespace(), '-o', 'json', '--show-managed-fields'])) as {
    metadata: {
      labels: object;
      annotations: object;
      resourceVersion: string;
      managedFields: readonly { manager: string; operation: string }[];
    };
  };
  expect(stored.metadata.labels).toEqual({ 'parapet.dev/source-name': 'shop', 'parapet.dev/source-namespace': 'parapet-system' });
  expect(stored.metadata.annotations).toMatchObject({
    'parapet.dev/commit': COMMIT,
    'parapet.dev/owner': `${source.uid}/KubeArmorPolicy/${namespace()}/a`,
  });
  expect(stored.metadata.managedFields.map(({ manager, operation }) => ({ manager, operation }))).toEqual([
    { manager: FIELD_MANAGER, operation: 'Apply' },
  ]);
  expect(said(await run([policy('a'), policy('b')]))).toBe('no changes');
  expect(await plane.must(['get', 'ksp', 'a', '-n', namespace(), '-o', 'jsonpath={.metadata.resourceVersion}'])).toBe(
    stored.metadata.resourceVersion,
  );
  expect(said(await run([policy('a', { path: '/bin/bash' })]))).toBe('1 changed, 1 removed');
  expect(await names()).toEqual(['a']);
  expect(await pathOf('a')).toBe('/bin/bash');
});

test('a bad policy keeps its last good version and holds up nobody', async () => {
  await run([policy('a'), policy('b')]);
  const result = await run([policy('a', { spec: { action: 'Destroy' } }), policy('b', { path: '/bin/ash' }), policy('c')]);
  expect(said(result)).toBe('1 added, 1 changed; 1 kept at the last good version');
  expect(codes(result)).toEqual(['invalid-value']);
  expect(await pathOf('a')).toBe('/bin/sh');
  expect(await pathOf('b')).toBe('/bin/ash');
});

test('what the API server refuses is that policy’s problem only, and is seen before anything is written', async () => {
  const elsewhere = policy('lost', { metadata: { namespace: 'no-such-namespace' } });
  const result = await run([policy('a'), elsewhere]);
  expect(said(result)).toBe('1 added; 1 refused');
  expect('problems' in result ? result.problems : []).toMatchObject([
    {
      code: 'server-refused',
      place: { object: 'KubeArmorPolicy no-such-namespace/lost' },
      hint: 'is there a namespace no-such-namespace?',
    },
  ]);
});

test('what somebody changed or removed in the cluster is put back, or reported where that is asked for', async () => {
  await run([policy('a'), policy('b')]);
  const edit = JSON.stringify({ spec: { action: 'Audit' } });
  await plane.must(['patch', 'ksp', 'a', '-n', namespace(), '--type=merge', '-p', edit]);
  await plane.must(['delete', 'ksp', 'b', '-n', namespace()]);
  await seen(() => live.get(key('a'))?.generation === 2 && live.get(key('b')) === undefined);
  const reported = await run([policy('a'), policy('b')], { drift: 'Report' });
  expect(said(reported)).toBe('1 added');
  expect(codes(reported)).toEqual(['drifted']);
  expect(said(await run([policy('a'), policy('b')]))).toBe('1 changed');
  expect(await plane.must(['get', 'ksp', 'a', '-n', namespace(), '-o', 'jsonpath={.spec.action}'])).toBe('Block');
});

test('labels and annotations of others are no drift', async () => {
  await run([policy('a')]);
  await plane.must(['label', 'ksp', 'a', '-n', namespace(), 'team=blue']);
  await seen(() => live.get(key('a'))?.labels['team'] === 'blue');
  expect(said(await run([policy('a')]))).toBe('no changes');
});

test('nothing is removed by an empty commit, by more than the limit at once, or while a manifest has no name', async () => {
  const four = ['a', 'b', 'c', 'd'].map((name) => policy(name));
  await run(four);
  const empty = await run([]);
  expect([said(empty), codes(empty)]).toEqual(['no changes; 4 not removed', ['empty-result']]);
  const many = await run(four.slice(0, 1));
  expect([said(many), codes(many)]).toEqual(['no changes; 3 not removed', ['prune-blocked']]);
  const nameless = await run([...four.slice(0, 3), policy('d', { metadata: { name: '' } })]);
  expect(said(nameless)).toBe('no changes; 1 not removed');
  expect(codes(nameless)).toContain('prune-blocked');
  expect(await names()).toEqual(['a', 'b', 'c', 'd']);
  expect(said(await run(four.slice(0, 1), { pruneConfirmed: true }))).toBe('3 removed');
  expect(said(await run([], { allowEmpty: true }))).toBe('1 removed');
});

test('policies of nobody and of another source are left alone, and nobody’s are taken over where that is asked for', async () => {
  await plane.apply([policy('a', { path: '/bin/theirs' })]);
  await seen(() => live.get(key('a')) !== undefined);
  const refused = await run([policy('a')]);
  expect([said(refused), codes(refused)]).toEqual(['no changes; 1 refused', ['owned-by-another']]);
  expect(said(await run([policy('a')], { force: true }))).toBe('1 changed');
  const other = await run([policy('a', { path: '/bin/other' })], { force: true }, 'another-uid');
  expect([said(other), codes(other)]).toEqual(['no changes; 1 refused', ['owned-by-another']]);
  expect(await pathOf('a')).toBe('/bin/sh');
  expect(said(await run([policy('z')], { pruneLimit: 100 }, 'another-uid'))).toBe('1 added');
  expect(await names()).toEqual(['a', 'z']);
});

test('a copy of a policy under another name is nobody’s, whatever its labels say, and is not removed', async () => {
  await run([policy('a')]);
  const copy = JSON.parse(await plane.must(['get', 'ksp', 'a', '-n', namespace(), '-o', 'json'])) as { metadata: Record<string, unknown> };
  const { labels, annotations } = copy.metadata;
  await plane.apply([{ ...copy, metadata: { name: 'copy', namespace: namespace(), labels, annotations } }]);
  await seen(() => live.get(key('copy')) !== undefined);
  expect(said(await run([policy('a')]))).toBe('no changes');
  expect(await names()).toEqual(['a', 'copy']);
});

test('the watches survive an API server that is killed and started again, and what happened meanwhile is known', async () => {
  await run([policy('a')]);
  await plane.stopApiServer('SIGKILL');
  await expect(run([policy('a', { path: '/bin/bash' })])).rejects.toMatchObject({ name: 'StageError', retry: true });
  await plane.startApiServer();
  await plane.must(['delete', 'ksp', 'a', '-n', namespace()]);
  await seen(() => live.get(key('a')) === undefined);
  expect(said(await run([policy('a', { path: '/bin/bash' })]))).toBe('1 added');
});
