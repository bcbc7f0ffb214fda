/** Programs that hold more and more. */
import { byProgram } from '../attempt.ts';
import type { Attempt, Family } from '../attempt.ts';

const MIB = 1024 * 1024;

const growing = (title: string, main: string): Attempt =>
  byProgram(title, `${main}\n`, { limits: { memoryBytes: 48 * MIB }, expected: { refused: 'main.ts:2 program-memory' } });

export const memory: Family = {
  title: 'memory',
  attempts: () => [
    growing('a string without end', `let s = 'x';\nfor (;;) s += s;`),
    growing('an array without end', `const a: unknown[] = [];\nfor (;;) a.push({ a: 1 });`),
    growing('buffers without end', `const a: unknown[] = [];\nfor (;;) a.push(new ArrayBuffer(1 << 20));`),
    growing('one array of everything', `const a: unknown[] =\n  new Array(2 ** 32 - 2).fill(0);`),
    growing('a map without end', `const m = new Map<string, unknown>();\nfor (let i = 0; ; i += 1) m.set('k' + i, { i });`),
    growing('files without end', `import fs from 'fs';\nfor (let i = 0; ; i += 1) fs.writeFileSync('/' + i + '.txt', 'x'.repeat(1e6));`),
  ],
};
