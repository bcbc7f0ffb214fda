/** Where things were written, when the bundle and its libraries stand between. */
import { expect, test } from '@jest/globals';
import { CallStarts } from '../../../reconciler/src/adapters/synth/call-start.ts';
import { run, synth } from './synth-fixture.ts';

/** Where the call begins whose position is at the `^` under a line; the text up to its parenthesis. */
function began(marked: string): string {
  const rows = marked.split('\n');
  const mark = rows.findIndex((row) => /^\s*\^$/.test(row));
  const lines = rows.filter((_, index) => index !== mark);
  const start = new CallStarts(lines).of({ line: mark, column: (rows[mark] ?? '').indexOf('^') + 1 });
  return `${start.line}:${lines[start.line - 1]?.slice(0, start.column - 1)}`;
}

test.each([
  ['a call on one line is where it is', 'a.blockExec("x", y);\n                 ^', '1:a.blockExec("x", '],
  ['a callee is where it is', 'f({\n  a: 1,\n  b: g("x")\n     ^\n});', '3:  b: '],
  ['a break after the parenthesis', 'a.blockExec(\n  "x",\n  ^\n  "y"\n);', '1:a.blockExec'],
  ['a later argument', 'a.blockExec(\n  "x",\n  y\n  ^\n);', '1:a.blockExec'],
  ['a property of an argument', 'new Policy(chart, "p", {\n  select: labels\n          ^\n});', '1:new Policy'],
  ['a property deep in an argument', 'new Policy(chart, {\n  a: {\n    b: [\n      c\n      ^\n    ]\n  }\n});', '1:new Policy'],
  ['parentheses in strings', 'f("(", \'(\', {\n  a: b\n     ^\n});', '1:f'],
  ['calls that are closed', 'f(g(1), h(2), [\n  a\n  ^\n]);', '1:f'],
  ['the body of a function that is an argument', 'test(() => {\n  a + b;\n      ^\n});', '2:  a + '],
  ['the body of a method', 'f(class {\n  m() {\n    a;\n    ^\n  }\n});', '3:    '],
  ['an object that is no argument', 'const a = {\n  b: c\n     ^\n};', '2:  b: '],
  ['the top of a file', 'a;\n^', '1:'],
])('a call begins at its parenthesis: %s', (_, marked, expected) => {
  expect(began(marked)).toBe(expected);
});

test('a policy made over several lines is told at its first, and so are its rules', async () => {
  const { manifests, problems } = await run(`import { App, Chart } from 'cdk8s';
import { ContainerPolicy } from '@parapet/sdk';
const app = new App();
const chart = new Chart(app, 'shop');
const labels = { app: 'web' };
const policy = new ContainerPolicy(chart, 'one', {
  select: labels,
});
policy.blockExec(
  '/usr/bin/apt',
  '/usr/bin/dpkg',
);
app.synth();
`);
  expect(problems).toEqual([]);
  expect(manifests[0]?.source).toBe('main.ts:6');
  expect(manifests[0]?.value).toMatchObject({
    metadata: {
      annotations: { 'parapet.dev/rule-sources': '{"spec.process.matchPaths[0]":"main.ts:9","spec.process.matchPaths[1]":"main.ts:9"}' },
    },
  });
});

test('a shipped package that a workspace of the repository holds is still a library, not its author', async () => {
  const { problems } = await synth({
    'main.ts': `import { make } from '@parapet/sdk';\n\nmake();\n`,
    'node_modules/@parapet/sdk': { link: '../../packages/sdk' },
    'packages/sdk/package.json': '{ "exports": "./dist/index.js" }',
    'packages/sdk/dist/index.js': `import { inner } from './inner.js';\nexport const make = () => inner();\n`,
    'packages/sdk/dist/inner.js': `export const inner = () => {\n  throw new Error('no');\n};\n`,
  });
  expect(problems.map(({ place }) => `${place.file}:${place.line}`)).toEqual(['main.ts:3']);
});
