/** PolicySources from a real Git server into a real API server by the controller's own process, with the rights that the installation gives. */
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { HOME } from '../support/cluster/controller-process.ts';
import type { ControllerProcess } from '../support/cluster/controller-process.ts';
import { BUILD_PATIENCE, PATIENCE } from './manifests.ts';
import { condition, isReady, program, World } from './world.ts';

jest.setTimeout(PATIENCE);

let world: World;
let controller: ControllerProcess;
let number = 0;
/** A namespace for the policies of each test. */
let namespace = '';

beforeAll(async () => {
  world = await World.begin();
  controller = world.start();
}, BUILD_PATIENCE);
afterAll(() => world?.end(), PATIENCE);
beforeEach(async () => {
  number += 1;
  namespace = `shop-${number}`;
  await world.plane.must(['create', 'namespace', namespace]);
});

/** A commit with these policies, and a source of it that has carried it out. */
async function settled(name: string, names: readonly string[], spec: object = {}): Promise<string> {
  const commit = world.repository.commit(program(names, { namespace }));
  await world.plane.apply([world.source(name, spec)]);
  await world.when(name, isReady);
  return commit;
}

test('a commit is applied, a newer one changes and removes, and the status, kubectl wait and the events tell', async () => {
  const first = await settled('story', ['api', 'web']);
  await world.plane.must(['wait', '--for=condition=Ready', 'policysource/story', '-n', HOME, '--timeout=30s']);
  const { status, metadata } = await world.read('story');
  expect(status).toMatchObject({
    observedGeneration: metadata.generation,
    lastAttemptedRevision: `main@sha1:${first}`,
    lastAppliedRevision: `main@sha1:${first}`,
    history: [{ outcome: 'Succeeded', message: '2 added', revision: `main@sha1:${first}` }],
    policies: { total: 2, refused: 0 },
  });
  expect(metadata.finalizers).toEqual(['parapet.dev/finalizer']);
  const web = await world.policy('web', namespace);
  expect(web.metadata.annotations).toMatchObject({ 'parapet.dev/commit': first });
  const managers = ['get', 'ksp', 'web', '-n', namespace, '--show-managed-fields', '-o', 'jsonpath={.metadata.managedFields[*].manager}'];
  expect((await world.plane.must(managers)).split(' ').sort()).toEqual(['parapet-readiness', 'parapet-reconciler']);

  const second = world.repository.commit(program(['web', 'new'], { namespace, block: '/bin/ash' }));
  const after = await world.sync('story');
  expect(after.status).toMatchObject({ lastAppliedRevision: `main@sha1:${second}` });
  expect(after.status?.history[0]).toMatchObject({ outcome: 'Succeeded', message: '1 added, 1 changed, 1 removed' });
  expect(await world.policies(namespace)).toEqual(['new', 'web']);
  const described = await world.until('describe', () => world.plane.must(['describe', 'policysource', 'story', '-n', HOME]), {
    is: (text) => text.includes('1 added, 1 changed, 1 removed') && /Normal +Applied/.test(text),
  });
  expect(described).toContain('2 added');
});

test('a commit that can not be used changes nothing, and says where it is wrong', async () => {
  const good = await settled('broken', ['web']);
  const bad = world.repository.commit({ 'main.ts': "import { App } from 'cdk8s';\nconst app = new App();\napp.sinth();\n" });
  const after = await world.sync('broken');
  expect(condition(after, 'Ready')).toMatchObject({ status: 'False', reason: 'CommitRefused' });
  expect(condition(after, 'Ready').message).toContain('main.ts:3');
  expect(after.status).toMatchObject({ lastAttemptedRevision: `main@sha1:${bad}`, lastAppliedRevision: `main@sha1:${good}` });
  expect(await world.policies(namespace)).toEqual(['web']);
});

test('one bad policy holds up no other and keeps its last good version', async () => {
  await settled('partly', ['api', 'web']);
  const { 'main.ts': text = '' } = program(['api', 'web', 'more'], { namespace, block: '/bin/ash' });
  world.repository.commit({ 'main.ts': text.replace("blockExec('/bin/ash')", "blockExec('bin/ash')") });
  const after = await world.sync('partly');
  // The construct itself says so, at synth: with KubeArmor's own YAML it is the validation.
  expect(condition(after, 'Ready').status).toBe('False');
  const yaml = (name: string, path: string): string =>
    `new ApiObject(chart, '${name}', { apiVersion: 'security.kubearmor.com/v1', kind: 'KubeArmorPolicy', metadata: { name: '${name}' }, ` +
    `spec: { selector: { matchLabels: { app: '${name}' } }, process: { matchPaths: [{ path: '${path}' }] }, action: 'Block' } } as never);`;
  world.repository.commit({
    'main.ts': [
      "import { ApiObject, App, Chart } from 'cdk8s';",
      'const app = new App();',
      `const chart = new Chart(app, 'shop', { namespace: '${namespace}' });`,
      yaml('api', 'no/path'),
      yaml('web', '/bin/ash'),
      yaml('more', '/bin/ash'),
      'app.synth();',
    ].join('\n'),
  });
  const partly = await world.sync('partly');
  expect(condition(partly, 'Ready')).toMatchObject({ status: 'False', reason: 'PartlyApplied' });
  expect(condition(partly, 'Ready').message).toMatch(/1 added, 1 changed; 1 kept at the last good version: .*api/);
  expect(await world.policies(namespace)).toEqual(['api', 'more', 'web']);
  const path = async (name: string): Promise<string> => (await world.policy(name, namespace)).spec.process.matchPaths[0]?.path ?? '';
  expect([await path('api'), await path('web')]).toEqual(['/bin/sh', '/bin/ash']);
});

test('what somebody changes or removes in the cluster is put right at once, and a source that says Report only tells', async () => {
  await settled('drift', ['web']);
  await world.plane.must(['delete', 'ksp', 'web', '-n', namespace]);
  await world.until('the policy', () => world.policies(namespace), { is: (names) => names.length === 1 });
  const weaken = ['patch', 'ksp', 'web', '-n', namespace, '--type=merge', '-p', '{"spec":{"selector":{"matchLabels":{"app":"nobody"}}}}'];
  await world.plane.must(weaken);
  await world.until('the selector', () => world.policy('web', namespace), {
    is: ({ spec }) => spec.selector.matchLabels.app === 'web',
  });
  await world.when('drift', ({ status }) => status?.history[0]?.message === '1 changed');
  await world.plane.must(['patch', 'policysource', 'drift', '-n', HOME, '--type=merge', '-p', '{"spec":{"drift":"Report"}}']);
  await world.when('drift', isReady);
  await world.plane.must(weaken);
  const { status } = await world.sync('drift');
  expect(status?.history[0]?.message).toBe('no changes');
  expect((await world.policy('web', namespace)).spec.selector.matchLabels.app).toBe('nobody');
});

test('a push that a webhook tells of is carried out at once, and one with a wrong signature is not', async () => {
  await world.plane.must(['create', 'secret', 'generic', 'hook', '-n', HOME, '--from-literal=token=s3cret-of-the-hook']);
  await settled('hooked', ['web'], { webhook: { secretRef: { name: 'hook' } } });
  const commit = world.repository.commit(program(['web', 'pushed'], { namespace }));
  const port = await controller.port('webhooks');
  const push = (secret: string): Promise<Response> => {
    const clone_url = `${world.server.url}/policies.git`;
    const body = JSON.stringify({
      ref: 'refs/heads/main',
      after: commit,
      repository: { full_name: 'you/policies', clone_url, html_url: clone_url },
    });
    const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-hub-signature-256': signature,
      'x-github-delivery': secret,
    };
    return fetch(`http://127.0.0.1:${port}/hook`, { method: 'POST', body, headers });
  };
  // A Secret is read when it is first asked for, and hosts send again.
  await world.until('the hook', async () => (await push('s3cret-of-the-hook')).status, {
    is: (status) => status === 202 || status === 200,
  });
  await world.when('hooked', ({ status }) => status?.lastAppliedRevision === `main@sha1:${commit}`);
  expect((await push('another secret')).status).toBe(401);
  expect(controller.log).not.toContain('s3cret-of-the-hook');
});

test('suspended nothing happens, resumed it goes on, and an orphaned policy stays', async () => {
  await settled('paused', ['web'], { deletionPolicy: 'Orphan' });
  await world.plane.must(['patch', 'policysource', 'paused', '-n', HOME, '--type=merge', '-p', '{"spec":{"suspend":true}}']);
  const paused = await world.when('paused', (found) => condition(found, 'Ready').reason === 'Suspended');
  expect(condition(paused, 'Reconciling').status).toBe('False');
  world.repository.commit(program(['web', 'later'], { namespace }));
  await world.plane.must(['patch', 'policysource', 'paused', '-n', HOME, '--type=merge', '-p', '{"spec":{"suspend":false}}']);
  await world.when('paused', isReady);
  expect(await world.policies(namespace)).toEqual(['later', 'web']);
  await world.plane.must(['delete', 'policysource', 'paused', '-n', HOME, '--timeout=60s']);
  expect(await world.policies(namespace)).toEqual(['later', 'web']);
});

test('a deleted source takes its policies with it, and leaves those of others', async () => {
  await settled('leaving', ['web']);
  const policy = await world.policy('web', namespace);
  await world.plane.apply([{ ...policy, metadata: { name: 'foreign', namespace, annotations: policy.metadata.annotations } }]);
  await world.plane.must(['delete', 'policysource', 'leaving', '-n', HOME, '--timeout=60s']);
  expect(await world.policies(namespace)).toEqual(['foreign']);
});

test('a source waits for those that it depends on, and says for which', async () => {
  world.repository.commit({ 'main.ts': 'nonsense(' });
  await world.plane.apply([world.source('after', { dependsOn: [{ name: 'before' }] })]);
  const missing = await world.when('after', (found) => condition(found, 'Ready').reason === 'DependencyNotReady');
  expect(condition(missing, 'Ready').message).toBe(`it depends on the PolicySource ${HOME}/before, and there is none`);
  await world.plane.apply([world.source('before')]);
  await world.when('after', (found) => condition(found, 'Ready').message.includes('which is not ready: main.ts'));
  world.repository.commit(program(['web'], { namespace }));
  await world.sync('before');
  await world.when('after', (found) => condition(found, 'Ready').message.includes('another PolicySource has a policy of this name'));
});

test('a commit that removes most of what there is waits for a yes', async () => {
  await settled('cautious', ['a', 'b', 'c', 'd']);
  const commit = world.repository.commit(program(['d'], { namespace, block: '/bin/ash' }));
  const after = await world.sync('cautious');
  expect(condition(after, 'Ready')).toMatchObject({ status: 'False', reason: 'PruneNotConfirmed' });
  expect(condition(after, 'Ready').message).toContain('removes 3 of 4 policies (75 %)');
  expect(await world.policies(namespace)).toEqual(['a', 'b', 'c', 'd']);
  await world.plane.must(['annotate', 'policysource', 'cautious', '-n', HOME, `reconcile.parapet.dev/confirmPrune=${commit}`]);
  await world.when('cautious', isReady);
  expect(await world.policies(namespace)).toEqual(['d']);
});

test('policies are written as the account that the source names, and what it may not is told with the way out', async () => {
  await world.plane.must(['create', 'serviceaccount', `writer-${number}`, '-n', HOME]);
  world.repository.commit(program(['web'], { namespace }));
  await world.plane.apply([world.source('as', { serviceAccountName: `writer-${number}` })]);
  const refused = await world.when('as', (found) => condition(found, 'Ready').reason === 'PartlyApplied');
  expect(condition(refused, 'Ready').message).toMatch(/1 refused: .*is forbidden/);
  expect(await world.policies(namespace)).toEqual([]);
  const verbs = '--verb=get,list,create,patch,delete';
  await world.plane.must(['create', 'role', 'writer', '-n', namespace, verbs, '--resource=kubearmorpolicies.security.kubearmor.com']);
  await world.plane.must([
    'create',
    'rolebinding',
    'writer',
    '-n',
    namespace,
    '--role=writer',
    `--serviceaccount=${HOME}:writer-${number}`,
  ]);
  const done = await world.sync('as');
  expect(isReady(done)).toBe(true);
  expect(await world.policies(namespace)).toEqual(['web']);
});

test('a newer commit ends the run of an older one, however long that would take', async () => {
  await settled('busy', ['web']);
  const { 'main.ts': text = '' } = program(['web'], { namespace, first: 'for (const end = Date.now() + 60_000; Date.now() < end; );' });
  // The sandbox has no clock that moves: counting takes long enough.
  world.repository.commit({
    'main.ts': text.replace(/for \(.*$/m, 'let sum = 0; for (let i = 0; i < 4e9; i += 1) sum += i; console.log(sum);'),
  });
  const at = `${Date.now()}`;
  await world.plane.must(['annotate', '--overwrite', 'policysource', 'busy', '-n', HOME, `reconcile.parapet.dev/requestedAt=${at}`]);
  await world.when('busy', (found) => condition(found, 'Reconciling').status === 'True');
  const newer = world.repository.commit(program(['web', 'newer'], { namespace }));
  const { status } = await world.sync('busy');
  expect(status?.lastAppliedRevision).toBe(`main@sha1:${newer}`);
  expect(status?.history).toHaveLength(2);
});

test('a source of the disk of the reconciler is refused, and can be deleted', async () => {
  await world.plane.apply([world.source('wrong', { url: 'file:///etc' })]);
  const local = await world.when('wrong', (found) => condition(found, 'Ready').status === 'False');
  expect(condition(local, 'Ready').message).toContain('repositories on the disk of the reconciler are not for PolicySources');
  await world.plane.must(['delete', 'policysource', 'wrong', '-n', HOME, '--timeout=60s']);
});

test('health, readiness and metrics can be asked for', async () => {
  const port = await controller.port('operations');
  const page = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  expect(JSON.parse(await page('/readyz'))).toMatchObject({});
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
  const metrics = await page('/metrics');
  expect(metrics).toMatch(/^parapet_leader 1$/m);
  expect(metrics).toMatch(/^parapet_source_runs_total\{outcome="applied"\} [1-9]/m);
  expect(metrics).toMatch(/^parapet_api_requests_total\{verb="PATCH",code="200"\} [1-9]/m);
});
