/** Importing what is not in the repository. Whatever is there or not, the answer is the same, and it is not looked at. */
import { byProgram, byTree } from '../attempt.ts';
import type { Attempt, Expected, Family, Tree } from '../attempt.ts';
import { left, reporting } from '../programs.ts';
import type { World } from '../world.ts';

/** A program that imports and shows what it got; the import is on line 3. */
const importing = (specifier: string): string => reporting('out.secret = secret;', `import secret from ${JSON.stringify(specifier)};`);

const REFUSED: Expected = { refused: 'main.ts:3 import-refused' };
const MISSING: Expected = { refused: 'main.ts:3 bundle-failed' };

/** By an import on line 3, and files that make it lead outside. */
const led = (title: string, specifier: string, rest: { readonly with?: Tree; readonly expected?: Expected } = {}): Attempt =>
  byTree(title, { 'main.ts': importing(specifier), ...rest.with }, { expected: rest.expected ?? REFUSED });

const paths = ({ outside, beside }: World): readonly Attempt[] => [
  led('importing a path of the machine', `${outside}/secret.ts`),
  led('importing a file: address', `file://${outside}/secret.ts`),
  led('importing a data: address', 'data:text/javascript,export default 1'),
  led('importing a way out of the folder', `${beside}/secret.ts`),
  led('importing a way out through a folder', `./lib/../${beside}/secret.ts`, { with: { 'lib/a.ts': '' } }),
  led('importing JSON outside', `${beside}/secret.json`),
  led('importing text outside', `${beside}/secret.txt`),
  led('importing a kind of file that is no source', './main.node', { with: { 'main.node': '\u007fELF' } }),
  byProgram('requiring a path of the machine', reporting(`out.secret = require('/etc/passwd');`), {
    expected: { refused: 'main.ts:5 import-refused' },
  }),
  byProgram('importing a path of the machine late', reporting(`out.secret = await import('/etc/passwd');`), {
    expected: { refused: 'main.ts:5 import-refused' },
  }),
  byProgram('importing a name that only the running program knows', `const name = '/etc/' + 'passwd';\nawait import(name);\n`, {
    expected: { refused: 'main.ts:2 forbidden-api', says: 'loading "/etc/passwd" at run time is not possible' },
  }),
  byProgram('requiring such a name', `const name = '/etc/' + 'passwd';\nrequire(name);\n`, {
    expected: { refused: 'main.ts:2 forbidden-api' },
  }),
  byProgram('importing from inside of eval', `(0, eval)("import('/etc/passwd')");\n`, { expected: { refused: 'forbidden-api' } }),
  ...['`./etc/${name}`', `\`${beside}/\${name}.txt\``, "'/etc/' + name"].map((pattern) =>
    byProgram(`an import by the pattern ${pattern}`, `const name: string = process.argv[0]!;\nconsole.log(await import(${pattern}));\n`, {
      expected: pattern.startsWith("'")
        ? { refused: 'main.ts:2 forbidden-api' }
        : { refused: 'main.ts:2 import-refused', says: 'the name in an import is computed, and nothing is searched for', count: 1 },
    }),
  ),
];

const packages = ({ outside, beside }: World): readonly Attempt[] => {
  const up = `../../${beside}`;
  const house = (json: string): Tree => ({
    'node_modules/house/package.json': json,
    'node_modules/house/own.js': `module.exports = 'own';\n`,
  });
  return [
    led('a package whose file leads out', 'house', {
      with: { 'node_modules/house/index.js': `module.exports = require('${up}/index.js');\n` },
      expected: { refused: 'node_modules/house/index.js:1 import-refused' },
    }),
    led('a main that is outside', 'house', { with: house(`{ "main": "${up}/index.js" }`) }),
    led('a main that is a path of the machine', 'house', { with: house(`{ "main": "${outside}/index.js" }`), expected: MISSING }),
    led('exports that are outside', 'house', { with: house(`{ "exports": "./${up}/index.js" }`) }),
    led('exports by a pattern', `house/${up}/index`, { with: house('{ "exports": { "./*": "./*.js" } }') }),
    led('imports that are outside', '#secret', { with: { 'package.json': `{ "imports": { "#secret": "./${beside}/secret.ts" } }` } }),
    led('imports that are a file: address', '#secret', {
      with: { 'package.json': `{ "imports": { "#secret": "file://${outside}/secret.ts" } }` },
      expected: MISSING,
    }),
    led('imports that are a path of the machine', '#secret', {
      with: { 'package.json': `{ "imports": { "#secret": "${outside}/secret.ts" } }` },
      expected: MISSING,
    }),
    led('settings of package managers and bundlers', 'house', {
      with: {
        'tsconfig.json': `{ "extends": "${outside}/secret.json", "compilerOptions": { "paths": { "house": ["${outside}/index.js"] } } }`,
        'esbuild.config.js': `throw new Error();`,
        '.npmrc': `registry=http://127.0.0.1:9/\n`,
        ...house(
          `{ "main": "./own.js", "module": "${beside}/index.js", "browser": { "./own.js": "${up}/index.js" }, "scripts": { "install": "touch ${outside}/made" } }`,
        ),
      },
      expected: { made: left({ secret: 'own' }) },
    }),
    led('scripts, hooks and a bin of its package.json', './own.ts', {
      with: {
        'own.ts': `export default 'own';\n`,
        'package.json': `{ "scripts": { "preinstall": "touch ${outside}/made", "prepare": "touch ${outside}/made" }, "bin": "./own.ts", "workspaces": ["${beside}"] }`,
      },
      expected: { made: left({ secret: 'own' }) },
    }),
    led('paths and extends of a tsconfig', '@/secret.ts', {
      with: {
        'tsconfig.json': `{ "extends": "${outside}/secret.json", "compilerOptions": { "baseUrl": "${outside}", "paths": { "@/*": ["${outside}/*"] } } }`,
      },
      expected: MISSING,
    }),
    led('a source of JSX', './a.tsx', {
      with: { 'a.tsx': `/** @jsxRuntime automatic */ /** @jsxImportSource ${outside} */\n\nexport default <a />;\n` },
      expected: { refused: 'a.tsx:3 import-refused' },
    }),
  ];
};

const programs = ({ outside, beside }: World): readonly Attempt[] => {
  const named = (title: string, app: string, expected: Expected): Attempt =>
    byTree(title, { 'cdk8s.yaml': `language: typescript\napp: ${app}\n`, 'main.ts': '' }, { expected });
  const map = Buffer.from(JSON.stringify({ version: 3, sources: ['/etc/passwd'], names: [], mappings: 'AAAA,cAAA' })).toString('base64');
  return [
    named('a program that is outside', `node ${beside}/secret.ts`, { refused: 'cdk8s.yaml:2 no-program' }),
    named('a program that is a path of the machine', `node ${outside}/secret.ts`, { refused: 'cdk8s.yaml:2 config-invalid' }),
    named('a command instead of a program', `"touch ${outside}/made; node main.ts"`, { refused: 'cdk8s.yaml:2 config-invalid' }),
    byTree(
      'a main of its own that is outside',
      { 'package.json': `{ "main": "${beside}/index.js" }` },
      { expected: { refused: 'no-program' } },
    ),
    byTree(
      'a source map that names a file of the machine',
      { 'main.ts': `import './b.js';\n`, 'b.js': `throw new Error('x'); //# sourceMappingURL=data:application/json;base64,${map}\n` },
      { expected: { refused: 'b.js:1 program-threw' } },
    ),
    byTree(
      'a source map that is outside',
      { 'main.ts': `import './b.js';\n`, 'b.js': `throw new Error('x'); //# sourceMappingURL=${outside}/secret.json\n` },
      { expected: { refused: 'b.js:1 program-threw' } },
    ),
  ];
};

export const imports: Family = {
  title: 'files, by imports and settings',
  attempts: (world) => [...paths(world), ...packages(world), ...programs(world)],
};
