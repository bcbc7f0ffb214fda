/** Lock files that lead elsewhere than to what is in the package store. */
import { byTree } from '../attempt.ts';
import type { Attempt, Expected, Family } from '../attempt.ts';
import { left, reporting } from '../programs.ts';
import { STORED } from '../store.ts';
import type { World } from '../world.ts';

const INTEGRITY = `sha512-${'A'.repeat(86)}==`;
const PINNED = { version: '1.0.0', integrity: INTEGRITY };
const MISSING: Expected = { refused: 'main.ts:3 bundle-failed', says: 'is not there' };
const REFUSED: Expected = { refused: 'package-lock.json:1 lock-file-unusable' };
const WHOLE: Expected = { refused: 'package-lock.json lock-file-unusable' };
const LACKING: Expected = { failed: 'synth', says: 'npm cache add ghost@1.0.0 --cache DIR' };

const lock = (packages: Readonly<Record<string, unknown>>): string => JSON.stringify({ lockfileVersion: 3, packages });
/** By a lock file with this text, and a program that imports the package `ghost`. */
const locked = (title: string, text: string, expected: Expected): Attempt => importing('ghost', { title, text, expected });
/** By what the lock file says of `ghost`. */
const said = (title: string, fields: unknown, expected: Expected): Attempt =>
  locked(title, lock({ 'node_modules/ghost': fields }), expected);

function importing(specifier: string, attempt: { readonly title: string; readonly text: string; readonly expected: Expected }): Attempt {
  const main = reporting('out.secret = secret;', `import secret from ${JSON.stringify(specifier)};`);
  return byTree(
    `a lock file with ${attempt.title}`,
    { 'main.ts': main, 'package-lock.json': attempt.text },
    { expected: attempt.expected },
  );
}

const entries = ({ outside, beside }: World): readonly Attempt[] => [
  said('a package that is nowhere', PINNED, LACKING),
  said('a link to a folder outside', { link: true, resolved: `../${beside}` }, REFUSED),
  said('a link to a path of the machine', { link: true, resolved: outside }, REFUSED),
  said('an archive outside', { ...PINNED, resolved: `file:${outside}/secret.txt` }, REFUSED),
  said('a repository with a command for an address', { ...PINNED, resolved: `git+ext::sh -c touch% ${outside}/made` }, REFUSED),
  said('an archive on the network', { ...PINNED, resolved: 'http://127.0.0.1:9/ghost.tgz' }, LACKING),
  said('scripts to be run', { ...PINNED, hasInstallScript: true, scripts: { install: `touch ${outside}/made` } }, LACKING),
  said('a hash that is a path', { ...PINNED, integrity: `sha512-../../${outside}` }, REFUSED),
  said('a hash that is too weak', { ...PINNED, integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }, REFUSED),
  said('a name that is a path', { ...PINNED, name: `${beside}/secret` }, REFUSED),
  said('a name that is a command', { ...PINNED, name: `ghost; touch ${outside}/made` }, REFUSED),
  said('a version that is a command', { ...PINNED, version: `1.0.0 && touch ${outside}/made` }, REFUSED),
  locked('keys that lead outside', lock({ [`node_modules/../${beside}`]: PINNED, [beside]: PINNED, [outside]: PINNED }), MISSING),
  importing(`./node_modules/x/../../${beside}/secret.ts`, {
    title: 'keys that lead outside and are imported as they are',
    text: lock({ [`node_modules/x/../../${beside}`]: PINNED, 'node_modules/x': PINNED }),
    expected: { refused: 'main.ts:3 import-refused' },
  }),
];

const wholes = (): readonly Attempt[] => [
  locked(
    'a prototype for everything',
    '{ "__proto__": { "lockfileVersion": 3, "packages": {} }, "constructor": { "prototype": { "link": 1 } } }',
    WHOLE,
  ),
  locked('maps in one another without end', '{"packages":'.repeat(300_000), WHOLE),
  locked(
    'more packages than anybody has',
    lock(Object.fromEntries(Array.from({ length: 30_000 }, (_, n) => [`node_modules/a${n}`, {}]))),
    WHOLE,
  ),
  locked('more bytes than are read', ' '.repeat(5 * 1024 * 1024 + 1), WHOLE),
  byTree(
    'a lock file that pins what ships with Parapet, and nobody has',
    { 'main.ts': reporting(`out.a = 'b';`), 'package-lock.json': lock({ 'node_modules/cdk8s': PINNED }) },
    { expected: { made: left({ a: 'b' }) } },
  ),
];

/** By what the store holds under the hash that the lock file names. */
const stored = (): readonly Attempt[] => {
  const of = (name: keyof typeof STORED, title: string, expected: Expected): Attempt => {
    const { version, integrity } = STORED[name];
    return importing(name, { title, text: lock({ [`node_modules/${name}`]: { version, integrity } }), expected });
  };
  const { version, integrity } = STORED.curious;
  return [
    of('curious', 'a package whose file leads out', { refused: 'node_modules/curious/index.js:1 import-refused' }),
    of('leading', 'an archive whose path leads out', { ...REFUSED, says: 'which no package may have' }),
    of('huge', 'an archive that only compression made small', { ...REFUSED, says: 'has more than 128 MiB' }),
    of('changed', 'an archive that is another one by now', { failed: 'synth', says: 'tampered with' }),
    said(
      'the hash of another package',
      { version, integrity },
      {
        ...REFUSED,
        says: 'says of itself that it is curious@1.0.0',
      },
    ),
  ];
};

export const lockFiles: Family = {
  title: 'lock files',
  attempts: (world) => [...entries(world), ...wholes(), ...stored()],
};
