/** What `Yaml.save` of cdk8s writes in the sandbox is JSON; what is read of it is what its YAML says. */
import { expect, test } from '@jest/globals';
import { reported, run } from './synth-fixture.ts';

/** The documents that a program saves with `manifests`, an expression. */
async function saved(manifests: string): Promise<readonly unknown[]> {
  const program = `import { Yaml } from 'cdk8s';\nimport fs from 'fs';\nfs.mkdirSync('dist');\nYaml.save('dist/a.yaml', ${manifests});\n`;
  const { manifests: made, problems } = await run(program);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return made.map(({ value }) => value);
}

test('texts that YAML would take for something else stay texts', async () => {
  const texts = [
    'yes',
    'on',
    '010',
    '1e3',
    '0x10',
    '~',
    '',
    '2001-01-01',
    ' a ',
    'a: b',
    '- a',
    '---',
    'a\n---\nb',
    '%',
    '"',
    '\\u0000',
    'ü\u2028',
  ];
  expect(await saved(`[{ texts: ${JSON.stringify(texts)}, '<<': 'key', '010': 1 }]`)).toEqual([{ texts, '<<': 'key', '010': 1 }]);
});

test('numbers are what they were', async () => {
  expect(await saved('[{ n: [0, -1.5, 1e21, 1e-7, Number.MAX_SAFE_INTEGER], t: true, f: false, z: null }]')).toEqual([
    { n: [0, -1.5, 1e21, 1e-7, Number.MAX_SAFE_INTEGER], t: true, f: false, z: null },
  ]);
});

test('several manifests stay several, and what is undefined is none', async () => {
  expect(await saved('[{ a: 1 }, undefined, { b: 2 }]')).toEqual([{ a: 1 }, { b: 2 }]);
});

test('what JSON does not say is written as YAML says it', async () => {
  expect(await saved('[{ a: undefined, b: { toJSON: () => 1 } }]')).toEqual([{ a: null, b: 1 }]);
});

test('a key that JSON would drop is refused, as in YAML', async () => {
  await expect(saved(`[JSON.parse('{"__proto__":{"a":1}}')]`)).rejects.toThrow(/__proto__/);
});

test('who asks cdk8s for YAML gets YAML', async () => {
  expect(await reported(`out.text = Yaml.stringify({ a: ['b'] });`, `import { Yaml } from 'cdk8s';`)).toEqual({ text: 'a:\n  - b\n' });
});

test('JSON of the program’s own that says a key twice is refused', async () => {
  const { problems } = await run(`import fs from 'fs';\nfs.writeFileSync('a.json', '{"kind":"A","kind":"B"}');`);
  expect(problems).toMatchObject([{ code: 'program-output', message: expect.stringMatching(/unique/) as unknown }]);
});
