/** Reading and writing files from the running program. */
import { byProgram } from '../attempt.ts';
import type { Family } from '../attempt.ts';
import { attempting, left } from '../programs.ts';

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const REFUSED = 'ERR_PARAPET_FORBIDDEN';

export const files: Family = {
  title: 'files, from the running program',
  attempts: ({ outside, beside }) => {
    const calls = {
      read: `fs.readFileSync('${outside}/secret.txt', 'utf8')`,
      url: `fs.readFileSync(new URL('file://${outside}/secret.txt'))`,
      relative: `fs.readFileSync('${beside}/secret.txt')`,
      own: `fs.readFileSync('main.ts')`,
      environ: `fs.readFileSync('/proc/self/environ')`,
      folder: `fs.readdirSync('${outside}')`,
      stat: `fs.statSync('${outside}/secret.txt')`,
      open: `fs.openSync('${outside}/secret.txt', 'r')`,
      stream: `fs.createReadStream('${outside}/secret.txt')`,
      copy: `fs.copyFileSync('${outside}/secret.txt', '/a')`,
      link: `fs.symlinkSync('${outside}', '/a')`,
      linked: `fs.readlinkSync('/proc/self/exe')`,
      callback: `(fs as any).readFile('${outside}/secret.txt', () => 0)`,
      promise: `fs.promises.readFile('${outside}/secret.txt')`,
    };
    const called = Object.entries(calls).map(([name, call]) => `${name}: () => ${call}`);
    const refused = { expected: { refused: 'main.ts:2 forbidden-api', says: 'reading files is not possible' } } as const;
    return [
      byProgram('reading /etc/passwd', `import { readFileSync } from 'fs';\nreadFileSync('/etc/passwd');\n`, refused),
      byProgram(
        'reading /proc/self/environ',
        `import { readFile } from 'node:fs/promises';\nawait readFile('/proc/self/environ', 'utf8');\n`,
        refused,
      ),
      byProgram("reading the service account's token", `import fs from 'fs';\nfs.readFileSync('${TOKEN}', 'utf8');\n`, refused),
      byProgram('reading a token that is there', `import fs from 'fs';\nfs.readFileSync('${outside}${TOKEN}', 'utf8');\n`, refused),
      byProgram(
        'reading by a module that it asks the process for',
        `\n(process as any).getBuiltinModule('node:fs').readFileSync('/etc/passwd');\n`,
        refused,
      ),
      byProgram('every call of fs there is, catching each refusal', attempting(called.join(',\n'), `import fs from 'node:fs';`), {
        expected: { made: left(Object.fromEntries(Object.keys(calls).map((name) => [name, REFUSED]))) },
      }),
      byProgram(
        'writing outside, which is only its own memory',
        `import fs from 'fs';
for (const name of ['/etc/made.yaml', '../../up.yaml', '/tmp/t.yaml', 'dist/../a/b.yaml']) {
  fs.mkdirSync(name + '/..', { recursive: true });
  fs.writeFileSync(name, 'kind: A-' + fs.existsSync('${outside}/secret.txt'));
}
`,
        { expected: { made: [{ kind: 'A-false' }, { kind: 'A-false' }, { kind: 'A-false' }] } },
      ),
      byProgram(
        'names of manifests that would steer a terminal or leave a folder',
        `import fs from 'fs';
fs.mkdirSync('dist');
for (const name of ['a\\nb', 'a\\\\b', 'x'.repeat(300), '\\u202eb', '\\u001b[2J']) fs.writeFileSync('dist/' + name + '.yaml', 'kind: A');
`,
        { expected: { refused: 'program-output', says: 'cannot be called', count: 5 } },
      ),
    ];
  },
};
