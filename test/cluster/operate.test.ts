/** `parapet get|tree|diff` against a real API server, as a user with no more rights than they need; and what goes wrong with all commands on one. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { customResourceDefinitions } from '@parapet/policy';
import { parse } from 'yaml';
import { ControlPlane } from '../support/cluster/control-plane.ts';
import { BUILD_PATIENCE, PATIENCE } from './manifests.ts';
import { COMMIT, folderOf, HOME, parapet, programOf, REVISION, source, StandIn, succeeded, THREE, userWith } from './operated.ts';
import type { Ended } from './operated.ts';

jest.setTimeout(PATIENCE);

let plane: ControlPlane;
let standIn: StandIn;
/** Kubeconfigs. */
let [ordinary, trying] = ['', ''];
const operator = (...args: readonly string[]): Promise<Ended> => parapet(ordinary, ...args);

beforeAll(async () => {
  plane = await ControlPlane.start();
  standIn = new StandIn(plane);
  for (const namespace of [HOME, 'shop']) await plane.must(['create', 'namespace', namespace]);
}, BUILD_PATIENCE);
afterAll(() => plane?.stop(), PATIENCE);

describe('what goes wrong is one clear sentence and exit code 3', () => {
  const failsWith = async (kubeconfig: string, args: readonly string[], sentence: RegExp): Promise<void> => {
    const { status, stdout, stderr } = await parapet(kubeconfig, ...args);
    expect(stderr).toMatch(sentence);
    expect({ status, stdout, lines: stderr.split('\n').length }).toEqual({ status: 3, stdout: '', lines: 2 });
  };

  test('definitions that are not installed', async () => {
    for (const args of [['get'], ['get', 'shop'], ['sync', 'shop']])
      await failsWith(plane.kubeconfig(), args, /does not know policysources\.parapet\.dev: parapet install --crds-only \| kubectl apply/);
    await plane.apply(customResourceDefinitions());
    await plane.must(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all']);
    ordinary = await userWith(plane, 'operator', 'ordinary');
    trying = await userWith(plane, 'trier', 'trying');
  });

  test('rights that are missing, each by its name', async () => {
    const nobody = await userWith(plane, 'nobody', 'none');
    const user = `system:serviceaccount:${HOME}:nobody`;
    await failsWith(nobody, ['get'], new RegExp(`${user} lacks the right to list policysources.parapet.dev in the namespace ${HOME}`));
    await failsWith(nobody, ['get', '-A'], new RegExp(`${user} lacks the right to list policysources.parapet.dev in the whole cluster`));
    await failsWith(
      nobody,
      ['sync', 'x', '-n', 'shop'],
      new RegExp(`${user} lacks the right to get policysources.parapet.dev in the namespace shop`),
    );
  });

  test('a server that does not answer, and credentials that it does not take', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    await new Promise((closed) => server.close(closed));
    const gone = plane.kubeconfig();
    writeFileSync(gone, readFileSync(gone, 'utf8').replaceAll(plane.url, `https://127.0.0.1:${port}`));
    await failsWith(gone, ['get'], new RegExp(`the API server at https://127.0.0.1:${port} does not answer \\(ECONNREFUSED\\)`));
    await failsWith(plane.kubeconfig('wrong'), ['get'], /the API server does not accept these credentials/);
  });

  test('contexts and files that are not there', async () => {
    await failsWith(plane.kubeconfig(), ['get', '--context', 'prod'], /there is no context "prod" in .*: there are test\n/);
    await failsWith('', ['get', '--kubeconfig', '/nonexistent/x'], /there is no kubeconfig at \/nonexistent\/x/);
  });

  test('a source that is not there, with what there is', async () => {
    await plane.apply([source('shop'), source('bank'), source('elsewhere', {}, 'shop')]);
    await failsWith(ordinary, ['get', 'shpo'], /there is no PolicySource shpo in the namespace parapet-system; did you mean shop\?/);
    await failsWith(ordinary, ['sync', 'elsewhere'], /no PolicySource elsewhere in the namespace parapet-system, but there is one in shop/);
    await failsWith(ordinary, ['tree', 'completely-other'], /; there are bank, shop\n/);
  });
});

describe('get and tree', () => {
  const TIME = expect.stringMatching(/^\d+[sm]$/) as unknown;
  const rows = (text: string): string[][] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().split(/\s{2,}/));

  beforeAll(async () => {
    expect(await standIn.carryOut('shop', folderOf(plane, programOf(THREE)), COMMIT)).toBe('3 added');
    await standIn.say('shop', succeeded());
    const times = { observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00Z' };
    const conditions = [
      { type: 'Accepted', status: 'True', reason: 'Valid', message: '', ...times },
      { type: 'Enforced', status: 'False', reason: 'Degraded', message: 'in force on 1 of 2 nodes; degraded on n2', ...times },
      { type: 'Degraded', status: 'True', reason: 'NodesDegraded', message: 'degraded on n2 (no such hook)', ...times },
    ];
    const status = {
      observedGeneration: 1,
      conditions,
      nodes: { summary: '1/2', total: 2, enforced: 1, degraded: 1, rejected: 0, pending: 0 },
      containers: 1,
    };
    await plane.must(['patch', 'ksp', 'b', '-n', 'shop', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })]);
  }, PATIENCE);

  test('sources of a namespace, and of all', async () => {
    const { status, stdout } = await operator('get');
    expect(status).toBe(0);
    expect(rows(stdout)).toEqual([
      ['NAME', 'READY', 'REVISION', 'POLICIES', 'AGE', 'SUSPENDED', 'MESSAGE'],
      ['bank', 'Unknown', '-', '-', TIME, 'False', 'the reconciler has not looked at it yet'],
      ['shop', 'True', 'main@sha1:cccccccccccc', '2/3, 1 degraded', TIME, 'False', '3 added'],
    ]);
    expect(rows((await operator('get', '-A')).stdout).map(([namespace, name]) => `${namespace}/${name}`)).toEqual([
      'NAMESPACE/NAME',
      'parapet-system/bank',
      'parapet-system/shop',
      'shop/elsewhere',
    ]);
    expect(await operator('get', '-n', 'nowhere')).toMatchObject({
      status: 0,
      stdout: '',
      stderr: expect.stringMatching(/no PolicySources in the namespace nowhere/) as unknown,
    });
  });

  test('one source whole, also for programs', async () => {
    const { stdout } = await operator('get', 'shop');
    expect(stdout).toMatch(/Applied {4}main@sha1:c{40}\n/);
    expect(stdout).toMatch(/Message:\n {2}3 added\n/);
    expect(stdout).toMatch(/ {2}Ready +True +Succeeded +\d+s\n/);
    expect(stdout).toMatch(/ {2}\d+s +Succeeded +main@sha1:c{12} +1 +3 added\n/);
    const json = JSON.parse((await operator('get', 'shop', '-o', 'json')).stdout) as { metadata: object };
    expect(json).toMatchObject({ kind: 'PolicySource', status: { lastAppliedRevision: REVISION } });
    expect(json.metadata).not.toHaveProperty('managedFields');
    expect(parse((await operator('get', 'shop', '-o', 'yaml')).stdout)).toEqual(json);
    const list = JSON.parse((await operator('get', '-o', 'json')).stdout) as { items: unknown[] };
    expect(list).toMatchObject({ kind: 'List', items: [{ kind: 'PolicySource', metadata: { name: 'bank' } }, json] });
  });

  test('the policies that it made, without copies of them', async () => {
    const made = JSON.parse(await plane.must(['get', 'ksp', 'a', '-n', 'shop', '-o', 'json'])) as { metadata: object; spec: object };
    const { labels, annotations } = made.metadata as Record<string, object>;
    await plane.apply([{ ...made, metadata: { name: 'copy', namespace: 'shop', labels, annotations } }]);
    expect(await operator('tree', 'shop')).toEqual({
      status: 0,
      stderr: '',
      stdout: `PolicySource parapet-system/shop  Ready=True  main@sha1:cccccccccccc: 3 added
├─ KubeArmorPolicy shop/a  Enforced=Unknown  Degraded=Unknown  -          main.ts:5  cccccccccccc
├─ KubeArmorPolicy shop/b  Enforced=False    Degraded=True     1/2 nodes  main.ts:6  cccccccccccc
│     NodesDegraded: degraded on n2 (no such hook)
└─ KubeArmorPolicy shop/c  Enforced=Unknown  Degraded=Unknown  -          main.ts:7  cccccccccccc
`,
    });
    await plane.must(['delete', 'ksp', 'copy', '-n', 'shop']);
    expect((await operator('tree', 'bank')).stdout).toMatch(/^PolicySource parapet-system\/bank .*\n└─ no policies\n$/);
  });
});

describe('diff', () => {
  const versions = (): Promise<string> => plane.must(['get', 'ksp,csp,hsp', '-A', '-o', 'jsonpath={.items[*].metadata.resourceVersion}']);
  const diff = (kubeconfig: string, program: Readonly<Record<string, string>> | string, name = 'shop'): Promise<Ended> =>
    parapet(kubeconfig, 'diff', name, '--path', folderOf(plane, typeof program === 'string' ? program : programOf(program)));

  test('no changes, also where the program was moved about', async () => {
    expect(await diff(trying, { c: '/bin/ash', b: '/bin/bash', a: '/bin/sh' })).toEqual({
      status: 0,
      stdout: '0 added, 0 changed, 0 removed\n',
      stderr: '',
    });
  });

  test('changes, with what would be removed; nothing is written, and what others wrote stays as it is', async () => {
    await plane.must(['label', 'ksp', 'a', '-n', 'shop', 'team=blue']);
    const before = await versions();
    const { status, stdout, stderr } = await diff(trying, { a: '/bin/dash', b: '/bin/bash', d: '/bin/zsh' });
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout).toBe(`~ KubeArmorPolicy shop/a (main.ts:5)
@@ -4,7 +4,7 @@
   process:
     matchPaths:
       - action: Block
-        path: /bin/sh
+        path: /bin/dash
   selector:
     matchLabels:
       app: web

- KubeArmorPolicy shop/c (main.ts:7)
@@ -1,8 +0,0 @@
-spec:
-  process:
-    matchPaths:
-      - action: Block
-        path: /bin/ash
-  selector:
-    matchLabels:
-      app: web

+ KubeArmorPolicy shop/d (main.ts:7)
@@ -0,0 +1,8 @@
+spec:
+  process:
+    matchPaths:
+      - action: Block
+        path: /bin/zsh
+  selector:
+    matchLabels:
+      app: web

would remove 1 policy:
  KubeArmorPolicy shop/c

1 added, 1 changed, 1 removed
`);
    expect(await versions()).toBe(before);
  });

  test('who may not write is told that nothing was tried out, and sees the rest', async () => {
    const { status, stdout, stderr } = await diff(ordinary, { a: '/bin/dash', b: '/bin/bash', c: '/bin/ash', d: '/bin/zsh' });
    expect(status).toBe(1);
    expect(stderr).toBe(
      `not tried out, so what the API server would make of it is not known: you lack the right to patch kubearmorpolicies.security.kubearmor.com in the namespace shop\n`,
    );
    expect(stdout).toMatch(/\n1 added, 1 changed, 0 removed\n$/);
  });

  test('problems of single policies are listed, and the others are compared', async () => {
    const made = (name: string, namespace: string, path: string): string =>
      `new ApiObject(chart, '${name}', { apiVersion: 'security.kubearmor.com/v1', kind: 'KubeArmorPolicy', metadata: { name: '${name}', namespace: '${namespace}' }, spec: { selector: { matchLabels: { app: 'web' } }, process: { matchPaths: [{ path: '${path}' }] }, action: 'Block' } });\n`;
    const lost = programOf(THREE, made('d', 'shop', 'bin/zsh') + made('e', 'no-such', '/bin/e'));
    const { status, stdout, stderr } = await diff(trying, lost);
    expect(status).toBe(4);
    expect(stderr).toMatch(/^main\.ts:1: KubeArmorPolicy shop\/d: .*\[invalid-path\]$/m);
    expect(stderr).toMatch(/^KubeArmorPolicy no-such\/e: .*\(is there a namespace no-such\?\) \[server-refused\]$/m);
    expect(stdout).toMatch(/0 added, 0 changed, 0 removed, 2 refused\n$/);
  });

  test('the source’s own rules count: what it may not have, and how much may go', async () => {
    await plane.apply([source('narrow', { allow: { namespaces: ['other'] } })]);
    const narrow = await diff(trying, { z: '/bin/z' }, 'narrow');
    expect(narrow).toMatchObject({ status: 4, stderr: expect.stringMatching(/\[namespace-not-allowed\]/) as unknown });
    const { status, stdout, stderr } = await diff(trying, { a: '/bin/sh' });
    expect({ status, said: stderr.includes('[prune-blocked]') }).toEqual({ status: 4, said: true });
    expect(stdout).toMatch(/would leave 2 policies/);
  });

  test('a program that can’t be used is refused with its line, and a folder that is not there is the world’s', async () => {
    expect(await diff(trying, 'throw new Error("no");\n')).toMatchObject({
      status: 4,
      stdout: '',
      stderr: expect.stringMatching(/^main\.ts:1:\d+: the program threw no \[program-threw\]\n$/) as unknown,
    });
    expect(await operator('diff', 'shop', '--path', '/nonexistent')).toMatchObject({ status: 3, stdout: '' });
  });
});
