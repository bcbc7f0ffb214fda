/** Programs that never end. */
import { byProgram, byTree } from '../attempt.ts';
import type { Attempt, Expected, Family } from '../attempt.ts';

const MIB = 1024 * 1024;
/** Long enough for a program to begin, on most machines. */
const SHORT = { limits: { runMs: 700, memoryBytes: 48 * MIB } };

const looping = (title: string, main: string, expected: Expected = { refused: 'program-timeout' }): Attempt =>
  byProgram(title, `${main}\n`, { ...SHORT, expected });

export const time: Family = {
  title: 'time',
  attempts: () => [
    byProgram('a loop without end', `function spin(): void {\n  for (;;) {\n    if (Date.now() === 1) break;\n  }\n}\nspin();\n`, {
      limits: { runMs: 3_000 },
      expected: { refused: 'main.ts:3 program-timeout' },
    }),
    looping('a loop in a timer', `const again = () => setTimeout(again, 1);\nagain();`),
    looping('a loop in an interval', `setInterval(() => 1, 1);`),
    looping('a loop in awaits', `for (;;) await null;`),
    looping('a loop in promises', `const again = (): void => void Promise.resolve().then(again);\nagain();`),
    looping('a loop in microtasks', `const again = () => queueMicrotask(again);\nagain();`),
    looping('a loop that swallows its own end', `for (;;) { try { for (;;); } catch {} finally { continue; } }`),
    looping('a regular expression that takes for ever', `/^(a+)+$/.test('a'.repeat(60) + 'b');`),
    looping('a native function that takes for ever', `Array.prototype.indexOf.call({ length: 2 ** 52 }, 1);`),
    looping('a loop while its error is described', `throw { get message() { for (;;); } };`),
    looping('a loop while its output is collected', `(Map.prototype as any)[Symbol.iterator] = () => { for (;;); };\nexport {};`),
    looping(
      'a getter of a manifest that never ends',
      `import fs from 'fs';\nfs.writeFileSync('a.json', JSON.stringify({ get a() { for (;;); } }));`,
    ),
    byProgram('a promise that never settles', `await new Promise(() => {});\n`, {
      expected: { refused: 'program-timeout', says: 'the program waits for something that never happens' },
    }),
    byTree(
      'a pattern of .parapetignore that takes for ever',
      { '.parapetignore': `${'a/**/'.repeat(6)}b\n`, [`${'a/'.repeat(1000)}d`]: '', 'main.ts': '' },
      { expected: { refused: '.parapetignore repository-entry', says: 'its patterns take too long' } },
    ),
  ],
};
