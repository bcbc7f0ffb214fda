/** The catalogue of problems in code, in docs/problems.md and in use: each holds the other two. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { PROBLEM_CODES } from '@parapet/policy';

const ROOT = join(import.meta.dirname, '../..');
const ROOMS = ['policy', 'sdk', 'reconciler', 'agent', 'cli'];

const entries = readFileSync(join(ROOT, 'docs/problems.md'), 'utf8')
  .split(/^### /m)
  .slice(1)
  .map((text) => ({ code: /^`([^`]+)`/.exec(text)?.[1] ?? '', text }));

function sources(): { file: string; text: string }[] {
  return ROOMS.flatMap((room) =>
    readdirSync(join(ROOT, room, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => ({ file: join(room, 'src', file), text: readFileSync(join(ROOT, room, 'src', file), 'utf8') })),
  );
}

test('no code is in the catalogue twice', () => {
  expect(new Set(PROBLEM_CODES).size).toBe(PROBLEM_CODES.length);
});

test('docs/problems.md lists every code of the catalogue, in its order, and no other', () => {
  expect(entries.map(({ code }) => code)).toEqual([...PROBLEM_CODES]);
});

test.each(entries)('$code is documented with its severity, an example and what to do', ({ text }) => {
  expect(text).toMatch(/^`[a-z-]+`\n\n\*(Error|Warning|Error or warning)\.\* \S.*\n\n```\n\S.*\n```\n\n\S/s);
});

test('every code of the catalogue is given by some source', () => {
  const catalogue = join('policy', 'src', 'problem.ts');
  const text = sources()
    .filter(({ file }) => file !== catalogue)
    .map((source) => source.text)
    .join('\n');
  expect(PROBLEM_CODES.filter((code) => !text.includes(`'${code}'`))).toEqual([]);
});
