/** The files that the attempts are about. */
import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { HOME, LONG_DIRECTORY, LONG_NAME } from './attempt.ts';

const CONTENT = 'SECRET\n';
/** Levels below the roots of deep trees: more than 20, more than the kernel half keeps near. */
const DEEP = 30;
const DEEPER = 140;

const DIRECTORIES = ['bin', 'allowed', 'flat/sub', 'read-only/dir', 'flat-fs', 'mnt', 'mnt2', 'tools/sub', 'fake'];
const SECRETS = ['secret', 'deep/a/b/c', 'flat/file', 'read-only/file', 'owned', 'allowed/file', 'outside', LONG_NAME];
const PROGRAMS = ['actor', 'free', 'blocked', 'source', 'other', 'told', 'told-name'];

function levels(count: number): string {
  return 'd/'.repeat(count);
}

/** A program whose loader is another file than usual: the kernel starts that file, and nobody asked it to execute it. */
function makeLoader(at: (name: string) => string): void {
  const usual = '/lib64/ld-linux-x86-64.so.2';
  cpSync(realpathSync(usual), at('loader'));
  const program = readFileSync(realpathSync('/bin/true'));
  program.write(path.join(HOME, 'loader').padEnd(usual.length, '\0'), program.indexOf(`${usual}\0`), 'latin1');
  writeFileSync(at('with-loader'), program, { mode: 0o755 });
}

/** Writes them below `image`, which stands for HOME. */
export function makeFiles(image: string, actor: string): void {
  const at = (name: string): string => path.join(image, name);
  const inImage = (name: string): string => at(path.relative(HOME, name));
  for (const directory of [...DIRECTORIES, `deep/${levels(DEEP)}`, `deep/${levels(DEEPER)}`]) mkdirSync(at(directory), { recursive: true });
  mkdirSync(inImage(LONG_DIRECTORY), { recursive: true });
  mkdirSync(path.dirname(at('deep/a/b/c')), { recursive: true });
  const deep = [`deep/${levels(DEEP)}secret`, `deep/${levels(DEEPER)}secret`];
  for (const file of [...SECRETS, ...deep]) writeFileSync(at(file), CONTENT, { mode: 0o666 });
  writeFileSync(path.join(inImage(LONG_DIRECTORY), 'secret'), CONTENT, { mode: 0o666 });
  writeFileSync(at('plain'), 'nothing of interest\n', { mode: 0o666 });
  for (const program of PROGRAMS) cpSync(actor, at(`bin/${program}`));
  /** Programs that are somewhere else, and by their path in a root of their own would be those of the rules. */
  for (const program of ['actor', 'source']) cpSync(actor, at(`source-root${HOME}/bin/${program}`));
  cpSync(actor, at(`deep/${levels(DEEP)}program`));
  cpSync(realpathSync('/bin/true'), at('bin/linked'));
  for (const program of ['e', 'f', 'g', 'tools/sub/tool']) cpSync(actor, at(program));
  writeFileSync(at('script'), `#!${HOME}/bin/blocked\n`, { mode: 0o755 });
  writeFileSync(at('allowed/script'), `#!${HOME}/bin/other\n`, { mode: 0o755 });
  writeFileSync(at('told-script'), `#!${HOME}/bin/free\n`, { mode: 0o755 });
  writeFileSync(at('script-of-told'), `#!${HOME}/bin/told\n`, { mode: 0o755 });
  writeFileSync(at('script-of-told-script'), `#!${HOME}/told-script\n`, { mode: 0o755 });
  writeFileSync(at('script-of-script'), `#!${HOME}/script\n`, { mode: 0o755 });
  makeLoader(at);
  chownSync(at('owned'), 1000, 1000);
  symlinkSync('secret', at('link'));
  symlinkSync('link', at('link-to-link'));
  symlinkSync('deep', at('link-to-directory'));
  symlinkSync('bin/blocked', at('link-to-blocked'));
  symlinkSync('plain', at('way'));
  symlinkSync('secret', at('other-way'));
  chmodSync(image, 0o777);
}
