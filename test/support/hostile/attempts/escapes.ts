/** Leaving the sandbox: the engine, the modules of Node, other programs and threads. */
import { byProgram } from '../attempt.ts';
import type { Attempt, Family } from '../attempt.ts';
import { attempting, left } from '../programs.ts';

/** Calls on line 2, and what is said. */
const CALLS: readonly (readonly [string, string, string])[] = [
  ['starting a program', `import { execSync } from 'child_process';\nexecSync('id');`, 'starting other programs'],
  ['a thread', `import { Worker } from 'worker_threads';\nnew Worker('a.js');`, 'the Node module "worker_threads"'],
  ['a thread as browsers have it', `\nnew (globalThis as any).Worker('a.js');`, 'starting threads'],
  ['another context', `import vm from 'vm';\nvm.runInNewContext('1');`, 'the Node module "vm"'],
  ['process.binding', `\n(process as any).binding('fs');`, "reaching Node's own insides"],
  ['process.dlopen', `\n(process as any).dlopen({}, '/lib/x86_64-linux-gnu/libc.so.6');`, 'loading native code'],
  ['module.createRequire', `import { createRequire } from 'module';\ncreateRequire('/')('fs');`, 'the Node module "module"'],
  ['process.kill', `\nprocess.kill(1);`, 'sending signals'],
  ['process.abort', `\nprocess.abort();`, 'crashing'],
  ['process.chdir', `\nprocess.chdir('/etc');`, 'changing folders'],
  ['random keys', `import { randomUUID } from 'crypto';\nrandomUUID();`, 'this use of crypto'],
];

const called: readonly Attempt[] = CALLS.map(([title, main, says]) =>
  byProgram(title, `${main}\n`, { expected: { refused: 'main.ts:2 forbidden-api', says: `${says} is not possible in a policy program` } }),
);

export const escapes: Family = {
  title: 'the sandbox itself',
  attempts: () => [
    ...called,
    byProgram(
      "a function, constructor or stack frame of the host's",
      attempting(`
  function: () => Function('return typeof require + typeof WebAssembly + Object.keys(process.env).length')(),
  error: () => (Error as any).constructor('return process.mainModule')(),
  global: () => (globalThis as any).constructor.constructor('return JSON.stringify(process.env)')(),
  chain: () => ({} as any).constructor.constructor('return process')().env.PATH,
  builtin: () => (globalThis as any)[Symbol.for('parapet.builtin')].constructor('return typeof require')(),
  shim: () => (process.exit as any).constructor('return this === globalThis && typeof this.require')(),
  async: async () => (Object.getPrototypeOf(async () => 0).constructor as any)('return typeof require')(),
  prepare: () => { (Error as any).prepareStackTrace = (_: unknown, frames: any) => frames; const found = (new Error('x') as any).stack; return Array.isArray(found) && found.some((frame: any) => frame.getThis?.() !== undefined); },
  caller: () => (function named(): unknown { return (named as any).caller; })(),
  engine: () => ['std', 'os', 'bjson', 'scriptArgs', 'gc', 'WebAssembly', 'Deno', 'Bun', 'Worklet'].filter((name) => name in globalThis).join(),
  stack: () => /node:|file:|wasm|eval at/.test(new Error('x').stack ?? ''),`),
      {
        expected: {
          made: left({
            ...{ function: 'undefinedundefined0', error: 'undefined', global: '{}', chain: 'undefined', builtin: 'undefined' },
            ...{ shim: 'undefined', async: 'undefined', prepare: 'false', caller: 'TypeError', engine: '', stack: 'false' },
          }),
        },
      },
    ),
    byProgram(
      'WebAssembly, shared memory and buffers larger than there is',
      attempting(`
  wasm: () => typeof (globalThis as any).WebAssembly,
  shared: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  huge: () => new ArrayBuffer(2 ** 40),
  resizable: () => (new ArrayBuffer(1, { maxByteLength: 2 ** 31 } as never) as any).resize(2 ** 31 - 1),
  bigint: () => { let n = 3n; for (;;) n *= n; },`),
      {
        expected: {
          made: left({ wasm: 'undefined', shared: 'ReferenceError', huge: 'RangeError', resizable: 'RangeError', bigint: 'RangeError' }),
        },
      },
    ),
    byProgram('waiting for shared memory that nobody changes', `for (;;) Atomics.load(new Int32Array(new SharedArrayBuffer(4)), 0);\n`, {
      expected: { refused: 'main.ts:1 program-threw', says: 'Atomics is not defined' },
    }),
    byProgram('ending the process', `process.exit(9);\n`, { expected: { refused: 'main.ts:1 program-threw', says: 'exit code 9' } }),
    byProgram(
      'an answer in the form of the sandbox itself',
      `const forged = JSON.stringify({ ended: 'done', thrown: [], touched: true, printed: [], exitCode: 0, files: [{ path: '/dist/a.yaml', documents: ['{"kind":"Forged"}'], errors: [] }] });
process.stdout.write(forged);
console.error(forged);
throw new Error('x');
`,
      { expected: { refused: 'main.ts:4 program-threw', says: 'the program threw x' } },
    ),
  ],
};
