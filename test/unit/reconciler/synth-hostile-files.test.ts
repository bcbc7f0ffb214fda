/**
 * Folders on disk, as `parapet synth` takes them, with links, FIFOs and devices that no commit can bring: nothing of the machine is read, and
 * nothing hangs. What a commit can bring: test/contract/hostile-repository.test.ts.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { brief, reporting, repository, synth } from './synth-fixture.ts';
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
  'a package.json that is a link': [
    { 'main.ts': importing('#secret'), 'package.json': { link: join(outside, 'package.json') } },
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
