/** Programs whose lock file names packages that are not in the store, or not as they should be. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { asking, lock, palette, program, reported, storeOf, synthesize } from './package-programs.ts';
import { archiveOf, emptyStore, fileIn, integrityOf, lockedAs, lockOf, packageOf, put } from './package-stores.ts';
import { reporting } from './synth-fixture.ts';

describe('what is not there', () => {
  test('in the store is the operator’s matter, with all that is to be done about it', async () => {
    const files = { 'main.ts': program, 'package-lock.json': lock };
    const failure = `the package store has no palette@1.2.3: npm cache add palette@1.2.3 --cache DIR (package-lock.json wants ${integrityOf(palette)})`;
    const store = emptyStore();
    await expect(synthesize(files, store)).rejects.toMatchObject({ name: 'StageError', stage: 'synth', retry: true, message: failure });
    put(store, palette);
    expect((await reported(files, store)).out).toEqual({ red: 'f00' });
  });

  test('because the store itself is not there is not taken for a store that lacks it', async () => {
    const folder = emptyStore();
    rmSync(join(folder, '_cacache'), { recursive: true });
    const files = { 'main.ts': reporting('out.a = "b";'), 'package-lock.json': lockOf({ cdk8s: lockedAs('2.0.0', palette) }) };
    await expect(synthesize(files, folder)).rejects.toThrow('the package store is not there');
  });

  test('where there is no store is the author’s matter, with both ways out of it', async () => {
    const { problems } = await synthesize({ 'main.ts': program, 'package-lock.json': lock });
    expect(problems).toMatchObject(
      [{ code: 'bundle-failed', place: { file: 'main.ts', line: 3 }, hint: /node_modules.*--packages/ }].map((each) => ({
        ...each,
        hint: expect.stringMatching(each.hint),
      })),
    );
  });

  test('in the lock file is said as before', async () => {
    const files = { 'main.ts': asking('ghost'), 'package-lock.json': lock };
    expect((await synthesize(files, storeOf(palette))).problems).toMatchObject([
      { code: 'bundle-failed', message: 'the package "ghost" is not there' },
    ]);
  });

  test('because it is for development only is told', async () => {
    const files = { 'main.ts': program, 'package-lock.json': lockOf({ palette: { ...lockedAs('1.2.3', palette), dev: true } }) };
    expect((await synthesize(files, storeOf(palette))).problems).toMatchObject([
      { code: 'bundle-failed', hint: expect.stringContaining('npm install --save-prod palette') },
    ]);
  });
});

describe('what is not as it should be', () => {
  test('bytes of the store that are not those of the lock file are refused loudly, and nothing is taken instead', async () => {
    const store = emptyStore();
    put(store, palette, await packageOf('palette', '1.2.3', { 'index.js': `exports.red = 'evil';` }));
    const files = { 'main.ts': program, 'package-lock.json': lock };
    await expect(synthesize(files, store)).rejects.toMatchObject({ name: 'StageError', message: expect.stringContaining('tampered with') });
    const shipped = { 'main.ts': reporting('out.a = "b";'), 'package-lock.json': lockOf({ cdk8s: lockedAs('2.0.0', palette) }) };
    await expect(synthesize(shipped, store)).rejects.toMatchObject({
      name: 'StageError',
      message: expect.stringContaining('tampered with'),
    });
    writeFileSync(fileIn(store, integrityOf(palette)), palette.subarray(0, 100));
    await expect(synthesize(files, store)).rejects.toThrow('tampered with');
  });

  test('a package that says of itself that it is another one is refused where the lock file names it', async () => {
    const files = { 'main.ts': program, 'package-lock.json': lockOf({ palette: lockedAs('1.2.4', palette) }) };
    expect((await synthesize(files, storeOf(palette))).problems).toMatchObject([
      {
        code: 'lock-file-unusable',
        place: { file: 'package-lock.json', line: 6 },
        message: '"node_modules/palette" is palette@1.2.4, whose archive says of itself that it is palette@1.2.3',
      },
    ]);
  });

  test('an archive that holds what no package may hold is refused where the lock file names it', async () => {
    const evil = await archiveOf([{ name: 'package/../../../evil.js', content: '' }]);
    const files = { 'main.ts': program, 'package-lock.json': lockOf({ palette: lockedAs('1.2.3', evil) }) };
    expect((await synthesize(files, storeOf(evil))).problems).toMatchObject([
      { code: 'lock-file-unusable', place: { line: 6 }, message: expect.stringContaining('which no package may have') },
    ]);
  });

  test.each([
    ['a link', { link: true, resolved: 'packages/palette' }],
    ['an archive of the author’s machine', { version: '1.2.3', resolved: 'file:../palette.tgz', integrity: integrityOf(palette) }],
    ['a repository', { version: '1.2.3', resolved: 'git+ssh://git@github.com/a/b.git#0123' }],
    ['no integrity', { version: '1.2.3', resolved: 'https://registry.npmjs.org/a.tgz' }],
    ['sha1', { version: '1.2.3', integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }],
  ])('an entry with %s is refused at its line', async (_what, entry) => {
    const { problems } = await synthesize({ 'main.ts': program, 'package-lock.json': lockOf({ palette: entry }) }, storeOf(palette));
    expect(problems).toMatchObject([
      {
        code: 'lock-file-unusable',
        place: { file: 'package-lock.json', line: 6 },
        message: expect.stringContaining('"node_modules/palette"'),
        hint: expect.any(String),
      },
    ]);
  });
});
