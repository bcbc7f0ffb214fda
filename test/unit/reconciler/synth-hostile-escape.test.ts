/** Programs that try to leave the sandbox. */
import { expect, test } from '@jest/globals';
import { reported, run } from './synth-fixture.ts';

/** What each attempt gives, or the code or name of what it throws. */
const attempting = (attempts: string, imports = ''): Promise<Record<string, unknown>> =>
  reported(
    `
const attempts: Record<string, () => unknown> = {${attempts}};
for (const [name, attempt] of Object.entries(attempts)) {
  try { out[name] = String(await attempt()); } catch (error) { out[name] = (error as any).code ?? (error as any).name; }
}`,
    imports,
  );

test('no function, constructor or stack frame in reach belongs to the host', async () => {
  const out = await attempting(`
  function: () => Function('return typeof require + typeof WebAssembly + Object.keys(process.env).length')(),
  error: () => (Error as any).constructor('return process.mainModule')(),
  global: () => (globalThis as any).constructor.constructor('return JSON.stringify(process.env)')(),
  builtin: () => (globalThis as any)[Symbol.for('parapet.builtin')].constructor('return typeof require')(),
  shim: () => (process.exit as any).constructor('return this === globalThis && typeof this.require')(),
  async: async () => (Object.getPrototypeOf(async () => 0).constructor as any)('return typeof require')(),
  prepare: () => { (Error as any).prepareStackTrace = (_: unknown, frames: any) => frames; const found = (new Error('x') as any).stack; return Array.isArray(found) ? found.map((frame: any) => typeof frame.getThis?.()).join() : typeof found; },
  caller: () => (function named(): unknown { return (named as any).caller; })(),
  engine: () => ['std', 'os', 'bjson', 'scriptArgs', 'gc', 'WebAssembly', 'Deno', 'Bun', 'Worklet'].filter((name) => name in globalThis).join(),
  stack: () => /node:|file:|wasm|eval at/.test(new Error('x').stack ?? ''),
  `);
  expect(out).toEqual({
    function: 'undefinedundefined0',
    error: 'undefined',
    global: '{}',
    builtin: 'undefined',
    shim: 'undefined',
    async: 'undefined',
    prepare: expect.stringMatching(/^(string|(undefined,?)*)$/) as unknown,
    caller: 'TypeError',
    engine: '',
    stack: 'false',
  });
});

test('the environment, the arguments and the machine look the same everywhere', async () => {
  const out = await attempting(
    `
  env: () => JSON.stringify(process.env), argv: () => process.argv.join(' '), cwd: () => process.cwd(), pid: () => process.pid,
  platform: () => process.platform, title: () => process.title, execPath: () => process.execPath, uptime: () => process.uptime(),
  hostname: () => os.hostname(), user: () => os.userInfo(), cpus: () => os.cpus(), tmpdir: () => os.tmpdir(), home: () => os.homedir(),
  meta: () => [import.meta.url, import.meta.dirname, import.meta.filename].join(' '),
  zone: () => new Date(0).getTimezoneOffset() + new Date(0).toString(),
  `,
    `import os from 'os';`,
  );
  expect(out).toEqual({
    env: '{}',
    argv: 'node /main.ts',
    cwd: '/',
    pid: '1',
    platform: 'linux',
    title: 'parapet',
    execPath: '/node',
    uptime: '0',
    hostname: 'ERR_PARAPET_FORBIDDEN',
    user: 'ERR_PARAPET_FORBIDDEN',
    cpus: 'ERR_PARAPET_FORBIDDEN',
    tmpdir: '/tmp',
    home: '/',
    meta: 'file:///main.ts / /main.ts',
    zone: '0Thu Jan 01 1970 00:00:00 GMT+0000',
  });
});

test('clocks and random numbers are the same in every run', async () => {
  const body = `
  out.clock = [Date.now(), new Date().toISOString(), performance.now(), String(process.hrtime.bigint())];
  out.random = [Math.random(), Math.random()];
  `;
  const [first, second] = [await reported(body), await reported(body)];
  expect(first).toEqual(second);
  expect(first['clock']).toEqual([946_684_800_000, '2000-01-01T00:00:00.000Z', expect.any(Number), '0']);
});

test.each([
  [`import net from 'net';\nnet.connect(1);`, 'using the network is not possible in a policy program: net.connect()'],
  [
    `import http from 'node:http';\nhttp.get('http://127.0.0.1:1/');`,
    'using the network is not possible in a policy program: http.get("http://127.0.0.1:1/")',
  ],
  [`\nawait fetch('http://127.0.0.1:1/');`, 'using the network is not possible in a policy program: fetch("http://127.0.0.1:1/")'],
  [`\nnew WebSocket('ws://127.0.0.1');`, 'using the network is not possible in a policy program: new WebSocket("ws://127.0.0.1")'],
  [
    `import { lookup } from 'dns/promises';\nawait lookup('localhost');`,
    'using the network is not possible in a policy program: dns/promises.lookup("localhost")',
  ],
  [
    `import { execSync } from 'child_process';\nexecSync('id');`,
    'starting other programs is not possible in a policy program: child_process.execSync("id")',
  ],
  [
    `import { readFileSync } from 'fs';\nreadFileSync('/etc/passwd');`,
    'reading files is not possible in a policy program: fs.readFileSync("/etc/passwd")',
  ],
  [
    `import { readFile } from 'node:fs/promises';\nawait readFile('/etc/passwd');`,
    'reading files is not possible in a policy program: fs.readFileSync("/etc/passwd")',
  ],
  [`import { randomUUID } from 'crypto';\nrandomUUID();`, 'this use of crypto is not possible in a policy program: crypto.randomUUID()'],
  [`\n(crypto as any).randomUUID();`, 'this use of crypto is not possible in a policy program: crypto.randomUUID()'],
  [
    `import { Worker } from 'worker_threads';\nnew Worker('a.js');`,
    'the Node module "worker_threads" is not possible in a policy program: worker_threads.Worker("a.js")',
  ],
  [`\n(process as any).binding('fs');`, `reaching Node's own insides is not possible in a policy program: process.binding("fs")`],
  [
    `\n(process as any).getBuiltinModule('node:fs').readFileSync('/etc/passwd');`,
    'reading files is not possible in a policy program: fs.readFileSync("/etc/passwd")',
  ],
  [
    `import { createRequire } from 'module';\ncreateRequire('/')('fs');`,
    'the Node module "module" is not possible in a policy program: module.createRequire("/")',
  ],
  [`\nprocess.kill(1);`, 'sending signals is not possible in a policy program: process.kill()'],
  [`\nprocess.abort();`, 'crashing is not possible in a policy program: process.abort()'],
])('a reach into the world is refused at its line, with what to do instead: %s', async (main, message) => {
  const { problems } = await run(main);
  expect(problems).toMatchObject([
    { code: 'forbidden-api', place: { file: 'main.ts', line: 2 }, message, hint: expect.stringMatching(/\w+ \w+/) as unknown },
  ]);
});

test('a program that caught a refusal goes on', async () => {
  expect(await attempting(`net: () => require('net').connect(1),`)).toEqual({ net: 'ERR_PARAPET_FORBIDDEN' });
});
