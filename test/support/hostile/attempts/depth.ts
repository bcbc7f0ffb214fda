/** What is nested, or calls itself, without end. */
import { byProgram, byTree } from '../attempt.ts';
import type { Attempt, Expected, Family } from '../attempt.ts';

const deep = (title: string, main: string, expected: Expected = { refused: 'main.ts:2 program-threw' }): Attempt =>
  byProgram(title, `${main}\n`, { expected });

export const depth: Family = {
  title: 'depth',
  attempts: () => [
    deep('functions that call themselves', `function deep(): number {\n  return 1 + deep();\n}\ndeep();`),
    deep('JSON that is nested for ever', `\nJSON.parse('['.repeat(1e6));`),
    deep('source text that is nested for ever', `\n(0, eval)('('.repeat(1e5));`),
    deep('toString that calls itself', `const o = {\n  toString(): string { return String(o); } };\nString(o);`),
    deep(
      'a program that is nested too deeply for the bundler',
      `const x = ${'['.repeat(400_000)}1${']'.repeat(400_000)};\nconsole.log(x);`,
      {
        refused: 'main.ts bundle-failed',
        says: 'the program is too large or too deeply nested to bundle',
      },
    ),
    byTree(
      'a configuration that is nested for ever',
      { 'cdk8s.yaml': '- '.repeat(8_000), 'main.ts': '' },
      {
        expected: { refused: 'cdk8s.yaml:1 yaml-syntax', says: 'nested too deeply to be read' },
      },
    ),
    byTree(
      'a package.json that is nested for ever',
      { 'main.ts': `import 'house';\n`, 'node_modules/house/package.json': `{ "exports": ${'['.repeat(100_000)}1${']'.repeat(100_000)} }` },
      { expected: { refused: 'main.ts:1 bundle-failed', says: 'its package.json is nested too deeply to be read' } },
    ),
  ],
};
