/** Programs and repositories that reach for files outside: nothing of the machine is read, and nothing hangs. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { brief, reported, reporting, repository, synth } from './synth-fixture.ts';
import type { Content } from './synth-fixture.ts';

const CANARY = 'canary-5e81b1';
const outside = realpathSync(mkdtempSync(join(tmpdir(), 'parapet-outside-')));
afterAll(() => rmSync(outside, { recursive: true, force: true }));
for (const [name, text] of Object.entries({
  'secret.ts': `export const secret = '${CANARY}'; export default secret;\n`,
  'secret.json': `{ "compilerOptions": { "jsxFactory": "${CANARY}" }, "main": "${CANARY}", "secret": "${CANARY}" }`,
  'secret.txt': CANARY,
  'index.js': `exports.secret = '${CANARY}';\n`,
  'package.json': '{ "name": "outside", "main": "index.js" }',
}))
  writeFileSync(join(outside, name), text);
/** From a repository beside it. */
const beside = `../${outside.split('/').at(-1)}`;

/** A program that imports and shows what it got; the import is on line 3. */
const importing = (specifier: string): string => reporting('out.secret = secret;', `import secret from ${JSON.stringify(specifier)};`);

/** Files, the problem's code, and its line where it is not that of the import. */
const cases: Record<string, readonly [Readonly<Record<string, Content>>, string, number?]> = {
  'a path on the machine': [{ 'main.ts': importing(join(outside, 'secret.ts')) }, 'import-refused'],
  'a path on the machine, required': [{ 'main.ts': reporting(`out.secret = require('/etc/passwd');`) }, 'import-refused', 5],
  'a path on the machine, imported late': [{ 'main.ts': reporting(`out.secret = await import('/etc/passwd');`) }, 'import-refused', 5],
  'an address': [{ 'main.ts': importing(`file://${outside}/secret.ts`) }, 'import-refused'],
  'a way out of the folder': [{ 'main.ts': importing(`${beside}/secret.ts`) }, 'import-refused'],
  'a way out through a folder': [{ 'main.ts': importing(`./lib/../${beside}/secret.ts`), 'lib/a.ts': '' }, 'import-refused'],
  'a way out from a package': [
    { 'main.ts': importing('house'), 'node_modules/house/index.js': `module.exports = require('../../${beside}/index.js');\n` },
    'import-refused',
    1,
  ],
  'JSON outside': [{ 'main.ts': importing(`${beside}/secret.json`) }, 'import-refused'],
  'text outside': [{ 'main.ts': importing(`${beside}/secret.txt`) }, 'import-refused'],
  'a link to a file': [{ 'main.ts': importing('./link.ts'), 'link.ts': { link: join(outside, 'secret.ts') } }, 'import-refused'],
  'a relative link': [{ 'main.ts': importing('./link.json'), 'link.json': { link: `${beside}/secret.json` } }, 'import-refused'],
  'a link to a folder': [{ 'main.ts': importing('./link/secret.ts'), link: { link: outside } }, 'import-refused'],
  'a folder that is a link': [{ 'main.ts': importing('./link'), link: { link: outside } }, 'import-refused'],
  'a link to a link': [
    { 'main.ts': importing('./a.ts'), 'a.ts': { link: 'b.ts' }, 'b.ts': { link: join(outside, 'secret.ts') } },
    'import-refused',
  ],
  'a link in /proc': [{ 'main.ts': importing('./env.txt'), 'env.txt': { link: '/proc/self/environ' } }, 'import-refused'],
  'a package that is a link': [{ 'main.ts': importing('house'), 'node_modules/house': { link: outside } }, 'import-refused'],
  'node_modules that is a link': [{ 'main.ts': importing('outside'), node_modules: { link: outside } }, 'bundle-failed'],
  'a main through a link': [
    {
      'main.ts': importing('house'),
      'node_modules/house/package.json': '{ "main": "m.ts" }',
      'node_modules/house/m.ts': { link: join(outside, 'secret.ts') },
    },
    'import-refused',
  ],
  'a main outside': [
    { 'main.ts': importing('house'), 'node_modules/house/package.json': `{ "main": "../../${beside}/index.js" }` },
    'import-refused',
  ],
  'a main on the machine': [
    { 'main.ts': importing('house'), 'node_modules/house/package.json': `{ "main": "${outside}/index.js" }` },
    'bundle-failed',
  ],
  'exports outside': [
    { 'main.ts': importing('house'), 'node_modules/house/package.json': `{ "exports": "./../../${beside}/index.js" }` },
    'import-refused',
  ],
  'a pattern of exports': [
    { 'main.ts': importing(`house/../../${beside}/index`), 'node_modules/house/package.json': '{ "exports": { "./*": "./*.js" } }' },
    'import-refused',
  ],
  'imports outside': [
    { 'main.ts': importing('#secret'), 'package.json': `{ "imports": { "#secret": "./${beside}/secret.ts" } }` },
    'import-refused',
  ],
  'imports on the machine': [
    { 'main.ts': importing('#secret'), 'package.json': `{ "imports": { "#secret": "${outside}/secret.ts" } }` },
    'bundle-failed',
  ],
  'a package.json that is a link': [
    { 'main.ts': importing('#secret'), 'package.json': { link: join(outside, 'package.json') } },
    'import-refused',
  ],
  'paths of a tsconfig': [
    {
      'main.ts': importing('@/secret.ts'),
      'tsconfig.json': `{ "extends": "${outside}/secret.json", "compilerOptions": { "baseUrl": "${outside}", "paths": { "@/*": ["${outside}/*"] } } }`,
    },
    'bundle-failed',
  ],
  'a source of JSX': [
    {
      'main.ts': importing('./a.tsx'),
      'a.tsx': `/** @jsxRuntime automatic */ /** @jsxImportSource ${outside} */\n\nexport default <a />;\n`,
    },
    'import-refused',
  ],
};

test.each(Object.entries(cases))('%s is refused at its line', async (_, [files, code, line = 3]) => {
  const result = await synth(files);
  expect(result.manifests).toEqual([]);
  expect(result.problems.map((problem) => problem.code)).toEqual([code]);
  expect(result.problems[0]?.place.line).toBe(line);
  expect(JSON.stringify(result)).not.toContain(CANARY);
});

test.each([
  ['main.ts', { 'main.ts': { link: join(outside, 'secret.ts') } }, 'main.ts import-refused'],
  ['cdk8s.yaml', { 'cdk8s.yaml': { link: join(outside, 'secret.txt') }, 'main.ts': '' }, 'cdk8s.yaml file-unreadable'],
])('a %s that is a link out of the folder is refused', async (_, files, expected) => {
  const result = await synth(files);
  expect(result.problems.map(brief)).toEqual([expected]);
  expect(JSON.stringify(result)).not.toContain(CANARY);
});

test('cdk8s.yaml cannot name a program outside, or a command', async () => {
  const named = async (app: string) =>
    (await synth({ 'cdk8s.yaml': `language: typescript\napp: ${app}\n`, 'main.ts': '' })).problems.map(brief);
  expect(await named(`node ${beside}/secret.ts`)).toEqual(['cdk8s.yaml:2 no-program']);
  expect(await named(`node ${outside}/secret.ts`)).toEqual(['cdk8s.yaml:2:1 config-invalid']);
  expect(await named(`"touch ${outside}/made; node main.ts"`)).toEqual(['cdk8s.yaml:2:1 config-invalid']);
});

test('settings of package managers and bundlers that lead outside mean nothing', async () => {
  const { problems, manifests } = await synth({
    'main.ts': importing('house'),
    'tsconfig.json': `{ "extends": "${outside}/secret.json", "compilerOptions": { "jsxFactory": "evil", "paths": { "house": ["${outside}/index.js"] } } }`,
    'node_modules/house/package.json': `{ "main": "./own.js", "module": "${beside}/index.js", "browser": { "./own.js": "../../${beside}/index.js" } }`,
    'node_modules/house/own.js': `module.exports = 'own';\n`,
  });
  expect(problems).toEqual([]);
  expect(manifests[0]?.value).toMatchObject({ data: { secret: 'own' } });
});

test('an import whose name is computed is refused alike, whether something is there or not, and nothing is searched for', async () => {
  const patterns = ['`./etc/${name}`', '`../../etc/${name}.conf`', '`./no/such/folder/${name}`', "'./etc/' + name", '`../${name}`'];
  const answers = await Promise.all(
    patterns.map((pattern) => synth({ 'main.ts': `const name: string = process.argv[0]!;\nconsole.log(await import(${pattern}));\n` })),
  );
  for (const { problems } of answers) {
    expect(problems).toEqual([
      {
        code: 'import-refused',
        severity: 'error',
        place: { file: 'main.ts', line: 2, column: 26 },
        message: 'the name in an import is computed, and nothing is searched for',
        hint: "write the file's name into the import itself",
      },
    ]);
  }
  const required = await synth({ 'main.ts': 'const name: string = process.argv[0]!;\n(require as any)(`./etc/${name}`);\n' });
  expect(required.problems.map(({ code, place }) => `${place.line} ${code}`)).toEqual(['2 import-refused']);
});

test('a name that only the running program knows cannot be imported', async () => {
  for (const main of [`const name = '/etc/' + 'passwd';\nawait import(name);\n`, `const name = '/etc/' + 'passwd';\nrequire(name);\n`]) {
    const { problems } = await synth({ 'main.ts': main });
    expect(problems).toMatchObject([
      {
        code: 'forbidden-api',
        place: { file: 'main.ts', line: 2 },
        message: 'loading "/etc/passwd" at run time is not possible in a policy program',
      },
    ]);
  }
  expect((await synth({ 'main.ts': `(0, eval)("import('/etc/passwd')");\n` })).problems).toMatchObject([{ code: 'forbidden-api' }]);
});

test('source maps cannot name files of the machine, nor speak for another file', async () => {
  const map = (source: string) =>
    `data:application/json;base64,${Buffer.from(JSON.stringify({ version: 3, sources: [source], names: [], mappings: 'AAAA,cAAA' })).toString('base64')}`;
  const throwing = `exports.f = () => { throw new Error('from here'); };`;
  for (const comment of [
    `//# sourceMappingURL=${map('../../etc/passwd')}`,
    `/*# sourceMappingURL=${map('main.ts')} */`,
    `//# sourceMappingURL=${outside}/secret.json`,
  ]) {
    const result = await synth({ 'main.ts': `import { f } from './b.js';\n\nf();\n`, 'b.js': `${throwing} ${comment}\n` });
    expect(result.problems.map(({ place, code }) => `${place.file}:${place.line} ${code}`)).toEqual(['b.js:1 program-threw']);
    expect(JSON.stringify(result)).not.toContain(CANARY);
  }
});

test('a FIFO, a socket or a device is refused at once', async () => {
  const folder = repository({
    'main.ts': `import './fifo.ts';\nimport './socket.ts';\nimport './device.txt';\nimport 'house';\nimport '#own';\n`,
    'device.txt': { link: '/dev/zero' },
    'node_modules/house/index.js': '',
  });
  for (const name of ['fifo.ts', 'package.json', 'node_modules/house/package.json']) execFileSync('mkfifo', [join(folder, name)]);
  const server = createServer().listen(join(folder, 'socket.ts'));
  try {
    const { problems } = await synth(folder);
    expect(problems.map(({ place, code, message }) => `${place.line} ${code} ${message}`)).toEqual([
      '1 import-refused "./fifo.ts" is not a regular file',
      '2 import-refused "./socket.ts" is not a regular file',
      '3 import-refused "./device.txt" leads out of the repository',
      '4 import-refused node_modules/house/package.json: it is not a regular file',
      '5 import-refused package.json: it is not a regular file',
    ]);
  } finally {
    server.close();
  }
});

test('a program or configuration that is a FIFO or endless is refused at once', async () => {
  const piped = repository({});
  execFileSync('mkfifo', [join(piped, 'main.ts')]);
  expect((await synth(piped)).problems.map(brief)).toEqual(['main.ts import-refused']);
  execFileSync('mkfifo', [join(piped, 'cdk8s.yaml')]);
  expect((await synth(piped)).problems.map(brief)).toEqual(['cdk8s.yaml file-unreadable']);
  const endless = repository({ 'main.ts': '' });
  truncateSync(join(endless, 'main.ts'), 2 ** 40);
  expect((await synth(endless)).problems).toMatchObject([{ code: 'import-refused', message: 'the file has 1048576 MiB, more than 5 MiB' }]);
  expect((await synth({ 'main.ts': `import './a.ts';`, 'a.ts': { link: 'a.ts' } })).problems.map(brief)).toEqual([
    'main.ts:1:8 bundle-failed',
  ]);
});

test('the file system of the running program holds what it wrote itself, and nothing else', async () => {
  const out = await reported(
    `
const attempts: Record<string, () => unknown> = {
  readFileSync: () => fs.readFileSync('${outside}/secret.txt', 'utf8'),
  url: () => fs.readFileSync(new URL('file://${outside}/secret.txt')),
  relative: () => fs.readFileSync('main.ts'),
  proc: () => fs.readFileSync('/proc/self/environ'),
  readdirSync: () => fs.readdirSync('${outside}'),
  statSync: () => fs.statSync('${outside}/secret.txt'),
  openSync: () => fs.openSync('${outside}/secret.txt', 'r'),
  createReadStream: () => fs.createReadStream('${outside}/secret.txt'),
  copyFileSync: () => fs.copyFileSync('${outside}/secret.txt', '/a'),
  symlinkSync: () => fs.symlinkSync('${outside}', '/a'),
  readlinkSync: () => fs.readlinkSync('/proc/self/exe'),
  callback: () => (fs as any).readFile('${outside}/secret.txt', () => 0),
};
for (const [name, attempt] of Object.entries(attempts)) {
  try { out[name] = String(attempt()); } catch (error) { out[name] = (error as any).code; }
}
out.exists = fs.existsSync('${outside}');
out.promise = await fs.promises.readFile('${outside}/secret.txt').catch((error) => error.code);
fs.writeFileSync('/note', 'mine');
out.own = fs.readFileSync('/note', 'utf8');
`,
    `import fs from 'node:fs';`,
  );
  const { exists, own, ...refused } = out;
  expect({ exists, own }).toEqual({ exists: false, own: 'mine' });
  expect(new Set(Object.values(refused))).toEqual(new Set(['ERR_PARAPET_FORBIDDEN']));
  expect(Object.keys(refused)).toHaveLength(13);
});
