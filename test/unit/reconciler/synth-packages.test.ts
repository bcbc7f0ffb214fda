/** Programs whose packages come from the package store, as their lock file says. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { asking, lock, palette, program, reported, storeOf, synthesize } from './package-programs.ts';
import { emptyStore, filesIn, integrityOf, lockedAs, lockOf, packageOf } from './package-stores.ts';
import { library, reporting, repository } from './synth-fixture.ts';

describe('a package that the lock file names', () => {
  test('comes from the store', async () => {
    expect(await reported({ 'main.ts': program, 'package-lock.json': lock }, storeOf(palette))).toEqual({
      out: { red: 'f00' },
      warnings: [],
    });
  });

  test('gives way to the one that the repository brings', async () => {
    const own = { 'node_modules/palette/package.json': '{}', 'node_modules/palette/index.js': `exports.red = 'own';` };
    expect((await reported({ 'main.ts': program, 'package-lock.json': lock, ...own }, storeOf(palette))).out).toEqual({ red: 'own' });
    // The whole of it: files that it lacks are not taken from the other.
    const half = { 'node_modules/palette/package.json': '{}', 'node_modules/palette/index.js': `exports.red = require('./lib/red');` };
    const { problems } = await synthesize({ 'main.ts': program, 'package-lock.json': lock, ...half }, storeOf(palette));
    expect(problems).toMatchObject([{ code: 'bundle-failed', place: { file: 'node_modules/palette/index.js', line: 1 } }]);
  });

  test('sees its own dependencies, at the versions that the lock file gives them', async () => {
    const old = await packageOf('shade', '1.0.0', { 'index.js': `module.exports = 'old';` });
    const young = await packageOf('shade', '2.0.0', { 'index.js': `module.exports = 'young';` });
    const deep = await packageOf('@paint/box', '1.0.0', {
      'package.json': JSON.stringify({ name: '@paint/box', version: '1.0.0', exports: { '.': './main.mjs', './sub': './sub.cjs' } }),
      'main.mjs': `import shade from 'shade';\nimport within from 'within';\nexport const both = [shade, within].join();`,
      'sub.cjs': `exports.sub = 'sub';`,
      'node_modules/within/index.js': `module.exports = 'bundled';`,
    });
    const files = {
      'package-lock.json': lockOf({
        shade: lockedAs('1.0.0', old),
        '@paint/box': lockedAs('1.0.0', deep),
        '@paint/box/node_modules/shade': lockedAs('2.0.0', young),
        '@paint/box/node_modules/within': { version: '1.0.0', inBundle: true },
      }),
      'main.ts': reporting(
        'Object.assign(out, { shade, both, sub });',
        `import shade from 'shade';\nimport { both } from '@paint/box';\nimport { sub } from '@paint/box/sub';`,
      ),
    };
    expect((await reported(files, storeOf(old, young, deep))).out).toEqual({ shade: 'old', both: 'young,bundled', sub: 'sub' });
  });

  test('may have an alias, and is looked for only where it is imported', async () => {
    const files = {
      'package-lock.json': lockOf({
        paint: { ...lockedAs('1.2.3', palette), name: 'palette' },
        'not-in-the-store': { version: '9.9.9', integrity: integrityOf(Buffer.from('x')) },
        broken: { link: true },
      }),
      'main.ts': program.replace('palette', 'paint'),
    };
    expect((await reported(files, storeOf(palette))).out).toEqual({ red: 'f00' });
  });

  test('runs none of its scripts, and can do no more than the program', async () => {
    const marker = join(emptyStore(), 'ran');
    const scripts = Object.fromEntries(['preinstall', 'install', 'postinstall', 'prepare'].map((name) => [name, `touch ${marker}`]));
    const archive = await packageOf('sly', '1.0.0', {
      'package.json': JSON.stringify({ name: 'sly', version: '1.0.0', scripts, bin: './index.js' }),
      'binding.gyp': '{}',
      'index.js': `module.exports = 'quiet';\ntry { require('fs').readFileSync('/etc/passwd'); } catch (error) { module.exports = error.message; }`,
    });
    const { out } = await reported(
      { 'main.ts': asking('sly'), 'package-lock.json': lockOf({ sly: lockedAs('1.0.0', archive) }) },
      storeOf(archive),
    );
    expect(JSON.stringify(out)).not.toContain('root:');
    expect(() => rmSync(marker)).toThrow('ENOENT');
  });

  test('keeps its lines out of problems: they are told at the author’s', async () => {
    const archive = await packageOf('angry', '1.0.0', { 'index.js': `module.exports = () => {\n  throw new Error('no');\n};` });
    const files = {
      'main.ts': `import angry from 'angry';\n\nangry();\n`,
      'package-lock.json': lockOf({ angry: lockedAs('1.0.0', archive) }),
    };
    expect((await synthesize(files, storeOf(archive))).problems).toMatchObject([
      { code: 'program-threw', place: { file: 'main.ts', line: 3 } },
    ]);
  });
});

describe('a shipped package that the lock file names', () => {
  const shipped = JSON.parse(filesIn(library.modules.cdk8s)['package.json']?.toString() ?? '') as { version: string };
  const marked = `import mark from 'cdk8s/lib/mark';\nimport { ContainerPolicy } from '@parapet/sdk';`;
  const body = `out.mark = mark;\nconst chart = new Chart(new App(), 'other');\nout.isSame = String(new ContainerPolicy(chart, 'a', { select: { app: 'a' } }) instanceof ApiObject);`;

  test('comes from the store, and @parapet/sdk sees that very one', async () => {
    const cdk8s = await packageOf('cdk8s', shipped.version, {
      ...filesIn(library.modules.cdk8s),
      'lib/mark.js': `module.exports = 'from the store';`,
    });
    const constructs = await packageOf('constructs', '10.0.0', {
      ...filesIn(library.modules.constructs),
      'package.json': JSON.stringify({ name: 'constructs', version: '10.0.0', main: 'lib/index.js' }),
    });
    const files = {
      'main.ts': reporting(body, marked),
      'package-lock.json': lockOf({
        cdk8s: { ...lockedAs(shipped.version, cdk8s), bundleDependencies: ['yaml'] },
        'cdk8s/node_modules/yaml': { version: '2.9.1', inBundle: true },
        constructs: lockedAs('10.0.0', constructs),
      }),
    };
    const store = storeOf(cdk8s, constructs);
    const expected = { out: { mark: 'from the store', isSame: 'true' }, warnings: [] };
    expect(await reported(files, store)).toEqual(expected);
    const many = await synthesize(files, store, true);
    expect([many.problems, many.digest]).toEqual([[], (await synthesize(files, store)).digest]);
    expect(many.isProvisional).toBeUndefined();
  });

  test.each([
    ['is lacked by the store', true, /npm cache add cdk8s@2\.0\.0 --cache DIR/],
    ['can come from no store', false, /node_modules.*--packages/],
  ])('is the one that ships where it %s, with a warning for another version', async (_why, hasStore, hint) => {
    const files = {
      'main.ts': reporting('out.a = "b";'),
      'package-lock.json': lockOf({ cdk8s: lockedAs('2.0.0', palette), constructs: { link: true, resolved: '../constructs' } }),
    };
    const store = hasStore ? emptyStore() : undefined;
    const made = [await synthesize(files, store), await synthesize(files, store, true)];
    for (const { problems, manifests, isProvisional } of made) {
      expect(problems).toEqual([
        {
          code: 'package-substituted',
          severity: 'warning',
          place: { file: 'package-lock.json', line: 6 },
          message: `"node_modules/cdk8s" is to be 2.0.0, and the program got the cdk8s ${shipped.version} that ships with Parapet`,
          hint: expect.stringMatching(hint),
        },
      ]);
      expect([manifests.length, isProvisional]).toEqual([1, hasStore ? true : undefined]);
    }
    expect(made[0]?.digest).toBe(made[1]?.digest);
  });

  test('is the one that ships, without a word, where the versions are the same or nothing of it is used', async () => {
    const same = lockOf({ cdk8s: lockedAs(shipped.version, palette) });
    const used = await synthesize({ 'main.ts': reporting('out.a = "b";'), 'package-lock.json': same }, emptyStore());
    // The store may have it tomorrow, with other bytes.
    expect([used.problems, used.isProvisional]).toEqual([[], true]);
    const other = {
      'main.ts': `require('fs').writeFileSync('a.json', '{}');`,
      'package-lock.json': lockOf({ cdk8s: lockedAs('2.0.0', palette) }),
    };
    const unused = await synthesize(other, emptyStore());
    expect([unused.problems, unused.isProvisional]).toEqual([[], undefined]);
  });

  test('does not hide what is wrong with the lock file', async () => {
    const { problems, manifests } = await synthesize({
      'main.ts': reporting('out.a = "b";'),
      'package-lock.json': '{"lockfileVersion":1}',
    });
    expect(problems).toMatchObject([{ code: 'lock-file-unusable', severity: 'warning', place: { file: 'package-lock.json' } }]);
    expect(manifests).toHaveLength(1);
  });
});

test('what npm itself puts into a cache is a package store', async () => {
  const store = emptyStore();
  rmSync(join(store, '_cacache'), { recursive: true });
  const file = join(repository({}), 'palette.tgz');
  writeFileSync(file, palette);
  execFileSync('npm', ['cache', 'add', file, '--cache', store, '--offline', '--no-update-notifier'], {
    env: { PATH: process.env['PATH'], HOME: store },
  });
  expect((await reported({ 'main.ts': program, 'package-lock.json': lock }, store)).out).toEqual({ red: 'f00' });
});
