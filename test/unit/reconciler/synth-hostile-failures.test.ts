/** Programs that fail: what their authors are told, and where. */
import { expect, test } from '@jest/globals';
import type { Problem } from '@parapet/policy';
import { brief, run, synth } from './synth-fixture.ts';

const line = ({ code, place, message }: Problem): string => `${place.file}:${place.line} ${code}: ${message}`;

/** Problems of `main.ts` alone, each as one line. */
const lines = async (main: string): Promise<string[]> => (await run(main)).problems.map(line);

test('an error that is thrown is told with its message, at its line and column', async () => {
  const { problems, manifests } = await run(`const image = '';\n\nif (image === '') throw new Error('no image given.');\n`);
  expect(manifests).toEqual([]);
  expect(problems).toMatchObject([
    {
      code: 'program-threw',
      severity: 'error',
      place: { file: 'main.ts', line: 3, column: expect.any(Number) as unknown },
      message: 'the program threw no image given',
    },
  ]);
});

test('an error thrown in another file is told at that file', async () => {
  const { problems } = await synth({
    'main.ts': `import { check } from './lib/check.ts';\n\ncheck('x');\n`,
    'lib/check.ts': `interface Rule { a: string }\n\nexport function check(name: string): Rule {\n  // says no\n  throw new TypeError('bad ' + name);\n}\n`,
  });
  expect(problems.map(line)).toEqual(['lib/check.ts:5 program-threw: the program threw TypeError: bad x']);
});

test('an error thrown in a package of the repository is told at the line that called the package', async () => {
  const { problems } = await synth({
    'main.ts': `import { check } from 'house';\n\ncheck();\n`,
    'node_modules/house/index.js': `exports.check = () => {\n\n\n  throw new Error('not here');\n};\n`,
  });
  expect(problems.map(line)).toEqual(['main.ts:3 program-threw: the program threw not here']);
});

test.each([
  [`'plain text'`, 'the program threw plain text'],
  ['null', 'the program threw null'],
  ['undefined', 'the program threw undefined'],
  ['{ a: 1 }', 'the program threw { a: 1 }'],
  [`{ get message() { throw new Error('inner'); } }`, 'the program threw something that cannot be described'],
  [`new Proxy({}, { get() { throw 1; }, has() { throw 1; } })`, 'the program threw something that cannot be described'],
  [`new Proxy(function () {}, {})`, /^the program threw \[Function /],
  [`Object.assign(new Error('x'), { name: { toString() { throw 1; } } })`, 'the program threw something that cannot be described'],
])('what is thrown need not be an error: %s', async (thrown, message) => {
  const { problems } = await run(`throw ${thrown};\n`);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ code: 'program-threw', place: { file: 'main.ts' } });
  if (typeof message === 'string') expect(problems[0]?.message).toBe(message);
  else expect(problems[0]?.message).toMatch(message);
});

test('rejections that nobody handles are all told, at most twenty of them', async () => {
  expect(
    await lines(
      `async function late() {\n  await null;\n  throw new Error('later');\n}\nvoid late();\nvoid Promise.reject(new RangeError('now'));\n`,
    ),
  ).toEqual(
    expect.arrayContaining([
      'main.ts:3 program-threw: the program threw later',
      'main.ts:6 program-threw: the program threw RangeError: now',
    ]),
  );
  expect(await lines(`for (let i = 0; i < 50_000; i += 1) void Promise.reject(new Error('n' + i));\n`)).toHaveLength(20);
});

test('a rejection that is handled later is no problem', async () => {
  const { problems } = await run(`const p = Promise.reject(new Error('x'));\nsetTimeout(() => p.catch(() => 0), 5);\nexport {};\n`);
  expect(problems.map(({ code }) => code)).toEqual(['program-output']);
});

test('what throws in a timer or a microtask is told at its line', async () => {
  expect(await lines(`setTimeout(() => {\n  throw new Error('in a timer');\n}, 5);\n`)).toEqual([
    'main.ts:2 program-threw: the program threw in a timer',
  ]);
  expect(await lines(`queueMicrotask(() => {\n  throw new Error('in a microtask');\n});\n`)).toEqual([
    'main.ts:2 program-threw: the program threw in a microtask',
  ]);
  expect(await lines(`process.nextTick(() => {\n  throw { toString() { throw 1; } };\n});\n`)).toHaveLength(1);
});

test('a syntax error and missing imports are listed together, each at its place', async () => {
  const { problems } = await synth({
    'main.ts': `import { a } from './missing.ts';\nimport b from 'not-installed';\nimport { c } from '../outside.ts';\nimport './broken.ts';\nconsole.log(a, b, c);\n`,
    'broken.ts': `export const x = ;\n`,
  });
  expect(problems.map(brief).sort()).toEqual([
    'broken.ts:1:18 bundle-failed',
    'main.ts:1:19 bundle-failed',
    'main.ts:2:15 bundle-failed',
    'main.ts:3:19 import-refused',
  ]);
  expect(problems.find(({ place }) => place.line === 2)?.hint).toContain(
    'cdk8s, constructs, @parapet/sdk, @parapet/policy ship with Parapet',
  );
});

test('an import that its file does not export is told', async () => {
  const { problems } = await synth({
    'main.ts': `import { nope } from './b.ts';\nconsole.log(nope);\n`,
    'b.ts': `export const yes = 1;\n`,
  });
  expect(problems.map(line)).toEqual(['main.ts:1 bundle-failed: No matching export in "b.ts" for import "nope"']);
});

test('a program that ends itself is told with its exit code and where it did, and code 0 is no failure of its own', async () => {
  const { problems } = await run(`console.error('no cluster given');\nprocess.exit(3);\n`);
  expect(problems.map(line)).toEqual(['main.ts:2 program-threw: the program ended itself with exit code 3']);
  expect(problems[0]?.hint).toBe('it printed: no cluster given');
  expect((await run(`process.exitCode = 4;\n`)).problems.map(({ message }) => message)).toEqual([
    'the program ended itself with exit code 4',
  ]);
  expect((await run(`process.exitCode = { valueOf: () => NaN } as never;\n`)).problems.map(({ code }) => code)).toEqual(['program-output']);
  expect((await run(`process.exit(0);\n`)).problems.map(({ code }) => code)).toEqual(['program-output']);
});

test('a call that spans lines is told at the line it begins on, whatever its arguments are', async () => {
  const { problems } = await run(`import { App, Chart } from 'cdk8s';
import { ContainerPolicy } from '@parapet/sdk';
const select = { app: 'web' };
const path = 'relative/path';
const chart = new Chart(new App(), 'shop');
const policy = new ContainerPolicy(chart, 'one', {
  select,
});
policy.blockExec(
  'usr/bin/apt',
  'usr/bin/dpkg',
);
policy
  .blockFiles(
    path,
  );
(chart.node.root as App).synth();
`);
  expect(problems.map(({ place, message }) => `${place.line} ${message.split(':')[0]}`)).toEqual([
    '9 spec.process.matchPaths[0].path',
    '9 spec.process.matchPaths[1].path',
    '14 spec.file.matchPaths[0].path',
  ]);
});

test('an error that is made over several lines is told where it is made, and a wrong property where it is read', async () => {
  expect(
    await lines(
      `const y = 'b';\nfunction no(x: number): never {\n  throw new Error(\n    'a ' + x,\n    {\n      cause: y,\n    },\n  );\n}\nno(1);\n`,
    ),
  ).toEqual(['main.ts:3 program-threw: the program threw a 1']);
  expect(await lines(`const o: any = {};\nconsole.log({\n  a: 1,\n  b: o.x\n    .y,\n});\n`)).toEqual([
    expect.stringMatching(/^main\.ts:[45] program-threw: the program threw TypeError: /),
  ]);
});

test('control characters in what a program says do not reach a terminal, and the message is cut', async () => {
  const [first] = (await run(`throw new Error('\\u001b[2J\\u202ehidden' + 'x'.repeat(1e6));\n`)).problems;
  expect(first?.message).toMatch(/^the program threw {1,2}\[2J hiddenx+$/);
  expect(first?.message.length).toBeLessThan(2100);
});

test('errors in the form of others are told as what they say, in bounds, and name no file of the machine', async () => {
  const forged = await run(
    `throw new Error('Validation failed with the following errors:\\n  [a/b] /etc/passwd.ts:1: one\\n  [c] ../../x.ts:2: two\\n' + '  [x] y\\n'.repeat(1000));\n`,
  );
  expect(forged.problems).toHaveLength(100);
  expect(forged.problems.slice(0, 2)).toMatchObject([
    { place: { file: 'main.ts', line: 1, object: 'a/b' }, message: '/etc/passwd.ts:1: one' },
    { place: { file: 'main.ts', line: 1, object: 'c' }, message: '../../x.ts:2: two' },
  ]);
  const [coded] = (
    await run(
      `throw Object.assign(new Error('a\\nb'), { code: 'ERR_PARAPET_FORBIDDEN', hint: 'x\\u001b[2J'.repeat(1e5), name: 'N'.repeat(1e5) });\n`,
    )
  ).problems;
  expect(coded).toMatchObject({ code: 'forbidden-api', message: 'a; b' });
  expect(coded?.hint).toMatch(/^[x [\]2J]{1,2000}$/);
  const [staged] = (
    await run(
      `const e = new Error('parapet-bundle.js:1:1 < parapet-bundle.js:99999999999999999999:1');\ne.stack = 'at parapet-bundle.js:9999:1\\n'.repeat(1e5);\nthrow e;\n`,
    )
  ).problems;
  expect(staged).toEqual({
    code: 'program-threw',
    severity: 'error',
    place: { file: 'main.ts' },
    message: expect.stringMatching(/^the program threw [\w.:]+( library)?$/) as unknown,
  });
});
