/** Ordinary policy programs: what people write, run as it is. */
import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { renderFiles, renderManifest } from '../../../reconciler/src/adapters/synth/index.ts';
import { brief, repository, run, synth } from './synth-fixture.ts';

const root = resolve(import.meta.dirname, '../../..');

const POLICY = `import { App, Chart } from 'cdk8s';
import { ContainerPolicy } from '@parapet/sdk';

const app = new App();
const chart = new Chart(app, 'shop', { namespace: 'shop' });
const policy = new ContainerPolicy(chart, 'no-apt', { select: { app: 'web' } });
policy.blockExec('/usr/bin/apt');
app.synth();
`;

test('a program of one file works without node_modules and says where every rule was written', async () => {
  const result = await run(POLICY);
  expect(result.problems).toEqual([]);
  expect(result.manifests).toHaveLength(1);
  const [manifest] = result.manifests;
  expect(manifest).toMatchObject({ file: 'shop.k8s.yaml', source: 'main.ts:6' });
  expect(manifest?.value).toMatchObject({
    kind: 'KubeArmorPolicy',
    metadata: {
      namespace: 'shop',
      annotations: { 'parapet.dev/source': 'main.ts:6', 'parapet.dev/rule-sources': '{"spec.process.matchPaths[0]":"main.ts:7"}' },
    },
  });
  expect(manifest?.lineOf?.(['spec', 'process', 'matchPaths', 0, 'path'])).toBe(7);
  expect(manifest?.lineOf?.(['spec', 'selector'])).toBeUndefined();
});

test('a policy written in another file says that file', async () => {
  const result = await synth({
    'main.ts': `import { App } from 'cdk8s';\nimport { Shop } from './lib/shop.ts';\nconst app = new App();\nnew Shop(app, 'shop');\napp.synth();\n`,
    'lib/shop.ts': `import { Chart } from 'cdk8s';\nimport type { App } from 'cdk8s';\nimport { ContainerPolicy } from '@parapet/sdk';\n\nexport class Shop extends Chart {\n  constructor(app: App, id: string) {\n    super(app, id);\n    new ContainerPolicy(this, 'p', { select: { app: 'web' } }).blockFiles('/etc/shadow');\n  }\n}\n`,
  });
  expect(result.problems).toEqual([]);
  expect(result.manifests[0]?.source).toBe('lib/shop.ts:8');
});

test('an object of our kinds that says nothing gets the program as its source, and other objects are left alone', async () => {
  const result = await run(`
import { App, Chart, ApiObject } from 'cdk8s';
const app = new App();
const chart = new Chart(app, 'c');
new ApiObject(chart, 'a', { apiVersion: 'security.kubearmor.com/v1', kind: 'KubeArmorPolicy', metadata: { name: 'a' }, spec: {} });
new ApiObject(chart, 'b', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' } });
app.synth();
`);
  expect(result.manifests.map(({ value }) => (value as { metadata: object }).metadata)).toEqual([
    { name: 'a', annotations: { 'parapet.dev/source': 'main.ts:1' } },
    { name: 'b' },
  ]);
});

test('the same program gives the same bytes every time', async () => {
  const program = POLICY.replace(
    'app.synth',
    "new ContainerPolicy(chart, 'r' + Math.random() + Date.now(), { select: {} }).blockExec('/x');\napp.synth",
  );
  const results = [await run(program), await run(program)];
  expect(results[0]?.problems).toEqual([]);
  expect(results[0]?.manifests).toHaveLength(2);
  expect(results[0]?.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(results[1]?.digest).toBe(results[0]?.digest);
  expect((await run(POLICY)).digest).not.toBe(results[0]?.digest);
});

test('the manifests are byte for byte those of the same program run by Node', async () => {
  const folder = repository({
    'package.json': '{ "type": "module" }',
    'main.ts': `import { App, Chart, ApiObject, Names, Size } from 'cdk8s';
const app = new App();
for (const name of ['one', 'two']) {
  const chart = new Chart(app, name, { labels: { yes: 'no', '0777': '1e3' } });
  const shared = { list: ['a: b', '', '|', '2001-01-01', 'null', null, 1.5, 0o17, 1e21], text: 'x\\n  y\\n', long: 'word '.repeat(60) };
  for (let i = 0; i < 20; i += 1) {
    new ApiObject(chart, 'object-' + i, { apiVersion: 'v1', kind: 'ConfigMap', data: { ...shared, i, n: Names.toDnsLabel(chart), s: Size.gibibytes(i + 1).toMebibytes() } });
  }
}
app.synth();
`,
  });
  const result = await synth(folder);
  expect(result.problems).toEqual([]);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const native = spawnSync(process.execPath, ['main.ts'], { cwd: folder, encoding: 'utf8' });
  expect(native.stderr).not.toContain('Error');
  const files = renderFiles(result.manifests);
  expect([...files.keys()]).toEqual(['one.k8s.yaml', 'two.k8s.yaml']);
  for (const [name, text] of files) expect(text).toBe(readFileSync(join(folder, 'dist', name), 'utf8'));
});

test('an asynchronous program is run to its end, timers in the order of their delays', async () => {
  const result = await run(`
import { App, Chart, ApiObject } from 'cdk8s';
const order: string[] = [];
setTimeout(() => order.push('late'), 60_000);
setTimeout(() => order.push('soon'), 10);
queueMicrotask(() => order.push('micro'));
const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));
await wait(3_600_000);
const app = new App();
new ApiObject(new Chart(app, 'c'), 'o', { apiVersion: 'v1', kind: 'ConfigMap', data: order });
await Promise.resolve();
app.synth();
`);
  expect(result.problems).toEqual([]);
  expect(result.manifests[0]?.value).toMatchObject({ data: ['micro', 'soon', 'late'] });
});

test('JSON, text and YAML files of the repository can be imported', async () => {
  const result = await synth({
    'main.ts': `import { App, Chart, ApiObject } from 'cdk8s';
import data from './data.json' with { type: 'json' };
import note from './note.txt';
import settings from './settings.yaml';
const app = new App();
new ApiObject(new Chart(app, 'c'), 'o', { apiVersion: 'v1', kind: 'ConfigMap', data: { ...data, note, settings } });
app.synth();`,
    'data.json': '{ "a": 1 }',
    'note.txt': 'hello\n',
    'settings.yaml': 'b: 2\n',
  });
  expect(result.problems).toEqual([]);
  expect(result.manifests[0]?.value).toMatchObject({ data: { a: 1, note: 'hello\n', settings: 'b: 2\n' } });
});

test('a package in the node_modules of the repository is used, through its exports', async () => {
  const result = await synth({
    'main.ts': `import { names } from 'house/list';\nimport { App, Chart, ApiObject } from 'cdk8s';\nconst app = new App();\nnew ApiObject(new Chart(app, 'c'), 'o', { apiVersion: 'v1', kind: 'ConfigMap', data: { names } });\napp.synth();`,
    'node_modules/house/package.json': '{ "name": "house", "exports": { "./list": { "require": "./no.js", "import": "./lib/list.js" } } }',
    'node_modules/house/lib/list.js': `import os from 'os';\nexport const names = ['a' + os.EOL];`,
  });
  expect(result.problems).toEqual([]);
  expect(result.manifests[0]?.value).toMatchObject({ data: { names: ['a\n'] } });
});

test('manifests come in the order of their files, named from the output folder', async () => {
  const result = await synth({
    'cdk8s.yaml': 'language: typescript\napp: npx tsx src/program.ts\noutput: build/manifests\n',
    'src/program.ts': `import { App, Chart, ApiObject, YamlOutputType } from 'cdk8s';
const app = new App({ outdir: 'build/manifests', yamlOutputType: YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE });
for (const name of ['b', 'a']) new ApiObject(new Chart(app, name), 'o', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
app.synth();`,
  });
  expect(result.problems).toEqual([]);
  expect(result.manifests.map(({ file }) => file)).toEqual(['a/ConfigMap.a.k8s.yaml', 'b/ConfigMap.b.k8s.yaml']);
});

test('everything that is wrong with the constructs is listed, each at the line that wrote it', async () => {
  const result = await run(`import { App, Chart } from 'cdk8s';
import { ContainerPolicy } from '@parapet/sdk';
const app = new App();
const chart = new Chart(app, 'shop');
new ContainerPolicy(chart, 'one', { select: { app: 'web' } })
  .blockExec('relative/path');
new ContainerPolicy(chart, 'two', { select: { app: 'web' } })
  .blockFiles('also/relative');
app.synth();
`);
  expect(result.manifests).toEqual([]);
  expect(result.problems.map(({ place }) => `${place.object} ${place.file}:${place.line}`)).toEqual(
    expect.arrayContaining(['shop/one main.ts:6', 'shop/two main.ts:8']),
  );
  expect(JSON.stringify(result.problems)).not.toContain('parapet-bundle');
});

test('a program that an abort signal ends rejects with its reason', async () => {
  const { createSynthesizer } = await import('../../../reconciler/src/adapters/synth/index.ts');
  const { library } = await import('./synth-fixture.ts');
  const controller = new AbortController();
  const running = createSynthesizer({ library }).synth({ directory: repository({ 'main.ts': 'for (;;);' }), signal: controller.signal });
  setTimeout(() => controller.abort(new Error('superseded')), 600);
  await expect(running).rejects.toThrow('superseded');
});

test('an empty app makes no manifests, which is no problem here, but a program that never calls synth has one', async () => {
  expect(await run(`import { App } from 'cdk8s';\nnew App().synth();`)).toMatchObject({ manifests: [], problems: [] });
  const forgot = await run(`import { App, Chart } from 'cdk8s';\nnew Chart(new App(), 'c');`);
  expect(forgot.problems.map(brief)).toEqual(['main.ts program-output']);
  expect(forgot.problems[0]?.hint).toContain('app.synth()');
});

test('a manifest is rendered with its keys as they are', () => {
  expect(renderManifest({ b: 1, a: { d: 'yes', c: ['0777'] } })).toBe('b: 1\na:\n  d: "yes"\n  c:\n    - "0777"\n');
});
