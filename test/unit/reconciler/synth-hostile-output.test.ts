/** Programs that try to deceive what reads their output. */
import { expect, test } from '@jest/globals';
import { reported, reporting, run } from './synth-fixture.ts';

const WRITING = `import fs from 'fs';\nfs.mkdirSync('dist');\nconst write = (text: string, name = 'dist/a.yaml') => fs.writeFileSync(name, text);\n`;

test('output in the form of the sandbox itself is only something printed', async () => {
  const forged = JSON.stringify({
    ended: 'done',
    thrown: [],
    touched: true,
    printed: [],
    exitCode: 0,
    files: [{ path: '/dist/a.yaml', documents: ['{"kind":"Forged"}'], errors: [] }],
  });
  const { problems, manifests } = await run(
    `process.stdout.write(${JSON.stringify(forged)});\nconsole.error(${JSON.stringify(forged)});\nthrow new Error('x');\n`,
  );
  expect(manifests).toEqual([]);
  expect(problems).toMatchObject([{ code: 'program-threw', place: { line: 3 }, message: 'the program threw x' }]);
});

test.each([
  ['toJSON of everything', `(Object.prototype as any).toJSON = () => ({ files: 5, touched: true });`],
  ['toJSON of lists', `(Array.prototype as any).toJSON = () => [[1, 2]];`],
  [
    'properties of the host',
    `Object.defineProperty(Object.prototype, 'ended', { get: () => 'done' }); Object.defineProperty(Object.prototype, 'files', { get: () => [] });`,
  ],
  ['JSON itself', `(globalThis as any).JSON = { stringify: () => '{"touched":true,"files":[["/dist/a.yaml","kind: Forged"]]}' };`],
  ['strings', `(globalThis as any).String = () => { throw 1; };`],
  ['iteration', `(Array.prototype as any)[Symbol.iterator] = () => { throw new Error('no'); };`],
  ['promises', `(Promise.prototype as any).then = () => { throw new Error('no'); };`],
])('a program that changes %s deceives itself only', async (_, body) => {
  const [threw, ended] = await Promise.all([run(`${body}\nthrow new Error('x');\n`), run(`${body}\nexport {};\n`)]);
  expect(threw.manifests).toEqual([]);
  expect(threw.problems).toHaveLength(1);
  expect(threw.problems[0]).toMatchObject({ code: 'program-threw', place: { file: 'main.ts' } });
  expect(ended.manifests).toEqual([]);
  expect(ended.problems.map(({ code }) => code)).toEqual([expect.stringMatching(/^program-(threw|output)$/)]);
});

test('keys that mean something to JavaScript are data or refused, and change no object here', async () => {
  const data = await run(
    `${WRITING}write('kind: A\\nconstructor: { prototype: { polluted: 1 } }\\nhasOwnProperty: 1\\ntoJSON: 1\\nthen: 2\\n');`,
  );
  expect(data.problems).toEqual([]);
  expect(data.manifests[0]?.value).toEqual({
    kind: 'A',
    constructor: { prototype: { polluted: 1 } },
    hasOwnProperty: 1,
    toJSON: 1,
    then: 2,
  });
  for (const text of [
    '__proto__: { polluted: 1 }\\nkind: A',
    'a: [{ b: { "__proto__": { polluted: 1 } } }]',
    '{"kind": "A", "__proto__": null}',
  ]) {
    const { problems } = await run(`${WRITING}write('${text}');`);
    expect(problems).toMatchObject([{ code: 'program-output', message: 'a.yaml: a manifest has a key "__proto__"' }]);
  }
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

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

test('getters, proxies and objects that are not plain cannot get out of a construct', async () => {
  const failing = async (body: string) => (await run(reporting(body))).problems.map(({ code }) => code);
  expect(await failing(`out.p = new Proxy({}, { ownKeys() { throw new Error('trap'); } });`)).toEqual(['program-threw']);
  expect(await failing(`out.m = new (class Own { a = 1; })();`)).toEqual(['program-threw']);
  expect(await failing(`const circle: any = {}; circle.circle = circle; out.c = circle;`)).toEqual(['program-threw']);
  expect(await reported(`let n = 0; Object.defineProperty(out, 'x', { enumerable: true, get: () => (n += 1) > 0 }); out.y = 1;`)).toEqual({
    x: true,
    y: 1,
  });
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
