/** Programs that try to deceive what reads their output. */
import { expect, test } from '@jest/globals';
import { reporting, run } from './synth-fixture.ts';

const WRITING = `import fs from 'fs';\nfs.mkdirSync('dist');\nconst write = (text: string, name = 'dist/a.yaml') => fs.writeFileSync(name, text);\n`;

test('provenance that a program writes itself is data, whatever is in it', async () => {
  const { manifests, problems } = await run(
    `${WRITING}write(JSON.stringify({ apiVersion: 'security.kubearmor.com/v1', kind: 'A', metadata: { annotations: { 'parapet.dev/source': 'a.ts:1', 'parapet.dev/rule-sources': '{"__proto__":"a.ts:2","spec":{"a":1},"constructor":"a.ts:x"}' } } }), 'dist/a.json');`,
  );
  expect(problems).toEqual([]);
  expect(manifests[0]?.source).toBe('a.ts:1');
  expect([manifests[0]?.lineOf?.(['spec', 'a']), manifests[0]?.lineOf?.(['constructor']), manifests[0]?.lineOf?.(['__proto__'])]).toEqual([
    undefined,
    undefined,
    2,
  ]);
});

test('values that YAML knows and JSON does not are refused, and so is what is no manifest', async () => {
  const messages = async (text: string) => (await run(`${WRITING}write(${JSON.stringify(text)});`)).problems.map(({ message }) => message);
  expect(await messages('a: !!binary aGk=')).toEqual(["a.yaml: a manifest holds a Uint8Array, which JSON can't say"]);
  expect(await messages('a: 2001-01-01')).toEqual(["a.yaml: a manifest holds a timestamp (put it in quotes), which JSON can't say"]);
  expect(await messages('a: .nan')).toEqual(["a.yaml: a manifest holds NaN, which JSON can't say"]);
  expect(await messages('- 1\n---\ntext\n---\n5')).toEqual([
    'a.yaml: document 1 is a list, not a manifest',
    'a.yaml: document 2 is a string, not a manifest',
    'a.yaml: document 3 is a number, not a manifest',
  ]);
  expect(await messages('a: 1\na: 2')).toEqual(['a.yaml: Map keys must be unique']);
});

test('files are named below the output folder, wherever the program believes it writes', async () => {
  const { manifests, problems } = await run(
    `${WRITING}for (const name of ['/etc/x.yaml', '../../up.yaml', '/tmp/t.yaml', 'dist/../a/b.yaml']) { fs.mkdirSync(name + '/..', { recursive: true }); write('kind: A', name); }`,
  );
  expect(problems).toEqual([]);
  expect(manifests.map(({ file }) => file)).toEqual(['a/b.yaml', 'etc/x.yaml', 'up.yaml']);
  const bad = await run(
    `${WRITING}for (const name of ['a\\nb', 'a\\\\\\\\b', 'x'.repeat(300), '\\u202eb']) write('kind: A', 'dist/' + name + '.yaml');`,
  );
  expect(bad.problems.map(({ code }) => code)).toEqual(Array(4).fill('program-output'));
});

test('a program that synthesizes twice writes its manifests once', async () => {
  const { manifests, problems } = await run(`${reporting('')}app.synth();\n`);
  expect(problems).toEqual([]);
  expect(manifests).toHaveLength(1);
});
