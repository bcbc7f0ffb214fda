/** Making more than anybody can take: manifests, texts, problems. */
import { byProgram, byTree } from '../attempt.ts';
import type { Attempt, Expected, Family } from '../attempt.ts';
import { writing } from '../programs.ts';

const written = (title: string, body: string, rest: Omit<Attempt, 'title' | 'tree'>): Attempt => byProgram(title, writing(body), rest);
const tooMuch = (says: string | RegExp): { readonly expected: Expected } => ({ expected: { refused: 'main.ts program-output', says } });

const manifests: readonly Attempt[] = [
  written('100,000 manifests', `write('---\\na: 1\\n'.repeat(100_000));`, {
    limits: { manifests: 2_000 },
    ...tooMuch('more than 2000 manifests'),
  }),
  written('20,000 files', `for (let i = 0; i < 20_000; i += 1) write('', 'dist/' + i + '.yaml');`, {
    limits: { manifests: 2_000 },
    ...tooMuch('more than 2000 files'),
  }),
  written('more text than is taken', `write('a: "' + 'x'.repeat(50_000) + '"');`, {
    limits: { outputBytes: 40_000 },
    ...tooMuch('48.8 KiB of manifests, more than 39.1 KiB'),
  }),
  written(
    'one manifest of a string that is too long',
    `write('a: "' + 'x'.repeat(1_700_000) + '"');`,
    tooMuch('is too large to be stored'),
  ),
  written('one string of a gigabyte', `\nwrite('x'.repeat(2 ** 30 - 2));`, { expected: { refused: 'main.ts:5 program-memory' } }),
  written(
    'aliases of aliases',
    `let text = 'a0: &a0 [x,x,x,x,x,x,x,x,x]\\n';
for (let i = 1; i < 12; i += 1) text += 'a' + i + ': &a' + i + ' [' + Array(9).fill('*a' + (i - 1)).join(',') + ']\\n';
write(text);`,
    tooMuch('Excessive alias count'),
  ),
  written(
    'aliases of a long string',
    `write('a: &a "' + 'x'.repeat(1_000_000) + '"\\nb: [' + Array(90).fill('*a').join(', ') + ']');`,
    tooMuch('is too large to be stored'),
  ),
  written('an alias to itself', `write('a: &a [*a]');`, tooMuch('nested more than 64 levels deep')),
  written(
    'a manifest that is nested too deeply',
    `write('a: ' + '['.repeat(500) + ']'.repeat(500));`,
    tooMuch('nested more than 64 levels deep'),
  ),
  written('a manifest that no parser can read', `write('['.repeat(50_000));`, tooMuch('nested too deeply to be read')),
  written('thousands of manifests that cannot be read', `for (let i = 0; i < 3_000; i += 1) write('[', 'dist/' + i + '.yaml');`, {
    expected: { refused: 'main.ts program-output', count: 100 },
  }),
  written(
    'values that JSON cannot say',
    `write('a: !!binary aGk=\\n---\\na: 2001-01-01\\n---\\na: .nan\\n---\\n- 1\\n---\\ntext\\n---\\na: 1\\na: 2');`,
    { expected: { refused: 'program-output', count: 6 } },
  ),
];

const told: readonly Attempt[] = [
  byProgram(
    'a flood of printing',
    `for (let i = 0; i < 5000; i += 1) console.log('line ' + i + ' ' + 'x'.repeat(50));\nprocess.stdout.write('y'.repeat(1e6));\nthrow new Error('end');\n`,
    { expected: { refused: 'main.ts:3 program-threw', says: 'the program threw end' } },
  ),
  byProgram('an error without end', `throw new Error('\\u001b[2J\\u202ehidden' + 'x'.repeat(1e7));\n`, {
    expected: { refused: 'main.ts:1 program-threw', says: /^the program threw {1,2}\[2J hiddenx{100,}$/ },
  }),
  byProgram('a thousand errors', `for (let i = 0; i < 1000; i += 1) void Promise.reject(new Error('x'.repeat(1e5)));\n`, {
    expected: { refused: 'program-threw', count: 20 },
  }),
  byProgram(
    'the form in which cdk8s lists errors',
    `throw new Error('Validation failed with the following errors:\\n  [a/b] /etc/passwd.ts:1: one\\n' + '  [x] y\\n'.repeat(1000));\n`,
    { expected: { refused: 'main.ts:1 program-threw', says: '/etc/passwd.ts:1: one', count: 100 } },
  ),
  byProgram('names that the bundler repeats', `const ${'a'.repeat(1_000_000)} = 1;\nconst ${'a'.repeat(1_000_000)} = 2;\n`, {
    expected: { refused: 'main.ts:2 bundle-failed' },
  }),
  byTree(
    'a source map that is larger than its program',
    { 'main.ts': `import './a.js';\nthrow new Error('x');\n`, 'a.js': `if (Math.random() > 2) {${'a;'.repeat(1_000_000)}}\n` },
    {
      limits: { runMs: 60_000, memoryBytes: 512 * 1024 * 1024 },
      expected: { refused: 'main.ts program-threw', says: 'the program threw x' },
    },
  ),
  byProgram(
    'places in a line that is too long to be looked through',
    writing(`declare function f(...all: unknown[]): string[];
const chain = Array.from({ length: 3_000 }, (_, i) => 'parapet-bundle.js:5:' + (1_900_000 + i));
write(chain.map((place, i) => JSON.stringify({ apiVersion: 'security.kubearmor.com/v1', kind: 'A', metadata: { name: 'a' + i, annotations: { 'parapet.dev/source': place } } })).join('\\n---\\n'));
export default () => f('${'('.repeat(2_000_000)}', f(chain));`),
    { limits: { runMs: 60_000 }, expected: { made: Array(3_000).fill({ kind: 'A' }) } },
  ),
  byTree(
    'a configuration that takes long to be read',
    { 'cdk8s.yaml': Array.from({ length: 12_000 }, (_, i) => `${i.toString(36)}:\n`).join(''), 'main.ts': '' },
    {
      expected: { refused: 'cdk8s.yaml file-unreadable', says: 'more than 16 KiB' },
    },
  ),
];

export const output: Family = { title: 'output', attempts: () => [...manifests, ...told] };
