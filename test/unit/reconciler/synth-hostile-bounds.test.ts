/** Programs without end: time, memory, recursion and output are bounded, and the next program runs as ever. */
import { expect, test } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../../reconciler/src/adapters/synth/index.ts';
import type { SynthLimits } from '../../../reconciler/src/adapters/synth/index.ts';
import { reported, run, synth } from './synth-fixture.ts';

const SMALL = { memoryBytes: 48 * 1024 * 1024 };
const SHORT = { ...SMALL, runMs: 600 };
/** Bundling, starting a process and killing it, on a busy machine. */
const SLACK_MS = 20_000;

/** The only problem of a program, as code and line. */
async function problemOf(main: string, limits: Partial<SynthLimits> = SMALL): Promise<string> {
  const before = performance.now();
  const { problems, manifests } = await run(main, limits);
  expect(performance.now() - before).toBeLessThan((limits.runMs ?? DEFAULT_LIMITS.runMs) + SLACK_MS);
  expect(manifests).toEqual([]);
  expect(problems).toHaveLength(1);
  expect(problems[0]?.place.file).toBe('main.ts');
  return `${problems[0]?.place.line ?? '?'} ${problems[0]?.code}`;
}

test('a loop without end is ended in time, at its line', async () => {
  const main = `function spin(): void {\n  for (;;) {\n    if (Date.now() === 1) break;\n  }\n}\nspin();\n`;
  expect(await problemOf(main, { runMs: 3500 })).toBe('3 program-timeout');
});

test.each([
  ['in a timer', `const again = () => setTimeout(again, 1);\nagain();`],
  ['in an interval', `setInterval(() => 1, 1);`],
  ['in awaits', `for (;;) await null;`],
  ['in promises', `const again = (): unknown => Promise.resolve().then(again);\nagain();`],
  ['in microtasks', `const again = () => queueMicrotask(again);\nagain();`],
  ['that swallows its own end', `for (;;) { try { for (;;); } catch {} finally { continue; } }`],
  ['in a regular expression', `/^(a+)+$/.test('a'.repeat(60) + 'b');`],
  ['in a native function', `Array.prototype.indexOf.call({ length: 2 ** 52 }, 1);`],
  ['while an error is described', `throw { get message() { for (;;); } };`],
  ['while its output is collected', `(Map.prototype as any)[Symbol.iterator] = () => { for (;;); };\nexport {};`],
])('a loop %s is ended in time', async (_, main) => {
  expect(await problemOf(main, SHORT)).toMatch(/ program-(timeout|memory)$/);
});

test.each([1, 100, 200, 300])('a time of %i ms, which may be up before the program begins, is told as time', async (runMs) => {
  const { problems } = await run('for (;;);', { ...SMALL, runMs });
  expect(problems).toMatchObject([{ code: 'program-timeout' }]);
});

test('a promise that never settles is told as such', async () => {
  const { problems } = await run(`await new Promise(() => {});\n`);
  expect(problems).toMatchObject([{ code: 'program-timeout', message: 'the program waits for something that never happens' }]);
});

test.each([
  ['of a string', `let s = 'x';\nfor (;;) s += s;`],
  ['of an array', `const a: unknown[] = [];\nfor (;;) a.push({ a: 1 });`],
  ['of buffers', `const a: unknown[] = [];\nfor (;;) a.push(new ArrayBuffer(1 << 20));`],
  ['of one array', `const a: unknown[] =\n  new Array(2 ** 32 - 2).fill(0);`],
  ['of files', `import fs from 'fs';\nfor (let i = 0; ; i += 1) fs.writeFileSync('/' + i + '.txt', 'x'.repeat(1e6));`],
])('growth without end %s is ended', async (_, main) => {
  expect(await problemOf(main)).toBe('2 program-memory');
});

test('a program cannot make WebAssembly memory, nor a buffer larger than there is', async () => {
  const out = await reported(`
const attempt = (work: () => unknown): string => { try { return String(work()); } catch (error) { return (error as Error).name; } };
out.wasm = typeof (globalThis as any).WebAssembly;
out.huge = attempt(() => new ArrayBuffer(2 ** 40));
out.resizable = attempt(() => (new ArrayBuffer(1, { maxByteLength: 2 ** 31 } as never) as any).resize(2 ** 31 - 1));
out.bigint = attempt(() => { let n = 3n; for (;;) n *= n; });
`);
  expect(out).toEqual({ wasm: 'undefined', huge: 'RangeError', resizable: 'RangeError', bigint: 'RangeError' });
});

test('a program that survives its own want of memory goes on', async () => {
  const out = await reported(
    `const a: unknown[] = [];\ntry { for (;;) a.push(new Uint8Array(1 << 20)); } catch (error) { out.error = String(error); a.length = 0; }`,
  );
  expect(out).toEqual({ error: 'InternalError: out of memory' });
});

test.each([
  ['of functions', `function deep(): number {\n  return 1 + deep();\n}\ndeep();`, '2 program-threw'],
  ['of JSON', `\nJSON.parse('['.repeat(1e6));`, '2 program-threw'],
  ['of source text', `\n(0, eval)('('.repeat(1e5));`, '2 program-threw'],
  ['of toString', `const o = {\n  toString(): string { return String(o); } };\nString(o);`, '2 program-threw'],
])('recursion %s ends with a problem', async (_, main, expected) => {
  expect(await problemOf(main)).toBe(expected);
});

test('recursion that the program catches is its own business', async () => {
  expect(await reported(`function deep(): number { try { return 1 + deep(); } catch { return 0; } }\nout.enough = deep() > 100;`)).toEqual({
    enough: true,
  });
});

test('source that is nested too deeply for the bundler is a problem', async () => {
  const { problems } = await run(`const x = ${'['.repeat(400_000)}1${']'.repeat(400_000)};\nconsole.log(x);\n`);
  expect(problems).toMatchObject([
    { code: 'bundle-failed', message: 'the program is too large or too deeply nested to bundle', place: { file: 'main.ts' } },
  ]);
});

test('files that are too large, too many, or too much together are refused before they are read', async () => {
  const large = await synth(
    { 'main.ts': `import text from './a.txt';\nconsole.log(text);\n`, 'a.txt': 'x'.repeat(3000) },
    { fileBytes: 2048 },
  );
  expect(large.problems).toMatchObject([
    { code: 'import-refused', place: { file: 'main.ts', line: 1 }, message: 'the file has 2.9 KiB, more than 2 KiB' },
  ]);
  const names = Array.from({ length: 60 }, (_, index) => `f${index}.ts`);
  const many = {
    'main.ts': names.map((name) => `import './${name}';`).join('\n'),
    ...Object.fromEntries(names.map((name) => [name, 'console.log(1);'])),
  };
  expect((await synth(many, { files: 20 })).problems).toMatchObject([
    { code: 'import-refused', place: { file: 'main.ts' }, message: 'more than 20 files are imported' },
  ]);
  expect((await synth(many, { bundleBytes: 100 })).problems).toMatchObject([
    { code: 'bundle-failed', message: expect.stringContaining('more than 100 bytes') as unknown },
  ]);
});

const WRITING = `import fs from 'fs';\nfs.mkdirSync('dist');\nconst write = (text: string) => fs.writeFileSync('dist/a.yaml', text);\n`;

test.each([
  [
    'many documents',
    `write('---\\na: 1\\n'.repeat(300));`,
    { manifests: 200, runMs: 60_000 },
    'the program makes too much: more than 200 manifests',
  ],
  [
    'much text',
    `write('a: "' + 'x'.repeat(50_000) + '"');`,
    { outputBytes: 40_000 },
    'the program makes too much: 48.8 KiB of manifests, more than 39.1 KiB',
  ],
  ['one large document', `write('a: "' + 'x'.repeat(1_700_000) + '"');`, {}, 'a.yaml: a manifest of 1.6 MiB is too large to be stored'],
  [
    'a bomb of aliases',
    `let text = 'a0: &a0 [x,x,x,x,x,x,x,x,x]\\n';\nfor (let i = 1; i < 12; i += 1) text += 'a' + i + ': &a' + i + ' [' + Array(9).fill('*a' + (i - 1)).join(',') + ']\\n';\nwrite(text);`,
    {},
    /^a\.yaml: Excessive alias count/,
  ],
  ['an alias to itself', `write('a: &a [*a]');`, {}, 'a.yaml: a manifest is nested more than 64 levels deep'],
  ['deep nesting', `write('a: ' + '['.repeat(500) + ']'.repeat(500));`, {}, 'a.yaml: a manifest is nested more than 64 levels deep'],
  ['very deep nesting', `write('['.repeat(50_000));`, {}, 'a.yaml: nested too deeply to be read'],
])('%s as output is a problem', async (...row) => {
  const [, body, limits, message] = row;
  const { problems, manifests } = await run(WRITING + body, limits);
  expect(manifests).toEqual([]);
  expect(problems.length).toBeLessThanOrEqual(10);
  expect(problems[0]).toMatchObject({ code: 'program-output', place: { file: 'main.ts' } });
  if (typeof message === 'string') expect(problems[0]?.message).toBe(message);
  else expect(problems[0]?.message).toMatch(message);
});

test('a flood of printing is cut: the last of what is kept goes into the hint', async () => {
  const { problems } = await run(
    `for (let i = 0; i < 5000; i += 1) console.log('line ' + i + ' ' + 'x'.repeat(50));\nprocess.stdout.write('y'.repeat(1e6));\nthrow new Error('end');\n`,
  );
  expect(problems).toMatchObject([{ code: 'program-threw', place: { line: 3 }, message: 'the program threw end' }]);
  expect(problems[0]?.hint?.length).toBeLessThan(600);
});
