/** Programs that try to leave the sandbox, to deceive what reads their output, or to disturb others. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { createSynthesizer } from '../../../reconciler/src/adapters/synth/index.ts';
import { library, reported, reporting, repository, run, synth } from './synth-fixture.ts';

const CANARY = 'canary-77c0de';
process.env['PARAPET_TEST_SECRET'] = CANARY;
afterAll(() => {
  delete process.env['PARAPET_TEST_SECRET'];
});

const WRITING = `import fs from 'fs';\nfs.mkdirSync('dist');\nconst write = (text: string, name = 'dist/a.yaml') => fs.writeFileSync(name, text);\n`;

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

test('output in the form of the sandbox itself is only something printed', async () => {
  const forged = JSON.stringify({
    ended: 'done',
    thrown: [],
    touched: true,
    printed: [],
    exitCode: 0,
    files: [{ path: '/dist/a.yaml', documents: ['{"kind":"Forged"}'], errors: [] }],
  });
  const { problems, manifests } = await run(
    `process.stdout.write(${JSON.stringify(forged)});\nconsole.error(${JSON.stringify(forged)});\nthrow new Error('x');\n`,
  );
  expect(manifests).toEqual([]);
  expect(problems).toMatchObject([{ code: 'program-threw', place: { line: 3 }, message: 'the program threw x' }]);
});

test.each([
  ['toJSON of everything', `(Object.prototype as any).toJSON = () => ({ files: 5, touched: true });`],
  ['toJSON of lists', `(Array.prototype as any).toJSON = () => [[1, 2]];`],
  [
    'properties of the host',
    `Object.defineProperty(Object.prototype, 'ended', { get: () => 'done' }); Object.defineProperty(Object.prototype, 'files', { get: () => [] });`,
  ],
  ['JSON itself', `(globalThis as any).JSON = { stringify: () => '{"touched":true,"files":[["/dist/a.yaml","kind: Forged"]]}' };`],
  ['strings', `(globalThis as any).String = () => { throw 1; };`],
  ['iteration', `(Array.prototype as any)[Symbol.iterator] = () => { throw new Error('no'); };`],
  ['promises', `(Promise.prototype as any).then = () => { throw new Error('no'); };`],
])('a program that changes %s deceives itself only', async (_, body) => {
  const { problems, manifests } = await run(`${body}\nthrow new Error('x');\n`);
  expect(manifests).toEqual([]);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ code: 'program-threw', place: { file: 'main.ts' } });
  const ended = await run(`${body}\nexport {};\n`);
  expect(ended.manifests).toEqual([]);
  expect(ended.problems.map(({ code }) => code.replace(/^program-(threw|output)$/, 'ok'))).toEqual(['ok']);
});

test('keys that mean something to JavaScript are data or refused, and change no object here', async () => {
  const data = await run(
    `${WRITING}write('kind: A\\nconstructor: { prototype: { polluted: 1 } }\\nhasOwnProperty: 1\\ntoJSON: 1\\nthen: 2\\n');`,
  );
  expect(data.problems).toEqual([]);
  expect(data.manifests[0]?.value).toEqual({
    kind: 'A',
    constructor: { prototype: { polluted: 1 } },
    hasOwnProperty: 1,
    toJSON: 1,
    then: 2,
  });
  for (const text of [
    '__proto__: { polluted: 1 }\\nkind: A',
    'a: [{ b: { "__proto__": { polluted: 1 } } }]',
    '{"kind": "A", "__proto__": null}',
  ]) {
    const { problems } = await run(`${WRITING}write('${text}');`);
    expect(problems).toMatchObject([{ code: 'program-output', message: 'a.yaml: a manifest has a key "__proto__"' }]);
  }
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test('provenance that a program writes itself is data, whatever is in it', async () => {
  const { manifests, problems } = await run(
    `${WRITING}write(JSON.stringify({ apiVersion: 'security.kubearmor.com/v1', kind: 'A', metadata: { annotations: { 'parapet.dev/source': 'a.ts:1', 'parapet.dev/rule-sources': '{"__proto__":"a.ts:2","spec":{"a":1},"constructor":"a.ts:x"}' } } }), 'dist/a.json');`,
  );
  expect(problems).toEqual([]);
  expect(manifests[0]?.source).toBe('a.ts:1');
  expect([manifests[0]?.lineOf?.(['spec', 'a']), manifests[0]?.lineOf?.(['constructor']), manifests[0]?.lineOf?.(['__proto__'])]).toEqual([
    undefined,
    undefined,
    2,
  ]);
});

test('values that YAML knows and JSON does not are refused, and so is what is no manifest', async () => {
  const messages = async (text: string) => (await run(`${WRITING}write(${JSON.stringify(text)});`)).problems.map(({ message }) => message);
  expect(await messages('a: !!binary aGk=')).toEqual(["a.yaml: a manifest holds a Uint8Array, which JSON can't say"]);
  expect(await messages('a: 2001-01-01')).toEqual(["a.yaml: a manifest holds a timestamp (put it in quotes), which JSON can't say"]);
  expect(await messages('a: .nan')).toEqual(["a.yaml: a manifest holds NaN, which JSON can't say"]);
  expect(await messages('- 1\n---\ntext\n---\n5')).toEqual([
    'a.yaml: document 1 is a list, not a manifest',
    'a.yaml: document 2 is a string, not a manifest',
    'a.yaml: document 3 is a number, not a manifest',
  ]);
  expect(await messages('a: 1\na: 2')).toEqual(['a.yaml: Map keys must be unique']);
});

test('getters, proxies and objects that are not plain cannot get out of a construct', async () => {
  const failing = async (body: string) => (await run(reporting(body))).problems.map(({ code }) => code);
  expect(await failing(`out.p = new Proxy({}, { ownKeys() { throw new Error('trap'); } });`)).toEqual(['program-threw']);
  expect(await failing(`out.m = new (class Own { a = 1; })();`)).toEqual(['program-threw']);
  expect(await failing(`const circle: any = {}; circle.circle = circle; out.c = circle;`)).toEqual(['program-threw']);
  expect(await reported(`let n = 0; Object.defineProperty(out, 'x', { enumerable: true, get: () => (n += 1) > 0 }); out.y = 1;`)).toEqual({
    x: true,
    y: 1,
  });
});

test('files are named below the output folder, wherever the program believes it writes', async () => {
  const { manifests, problems } = await run(
    `${WRITING}for (const name of ['/etc/x.yaml', '../../up.yaml', '/tmp/t.yaml', 'dist/../a/b.yaml']) { fs.mkdirSync(name + '/..', { recursive: true }); write('kind: A', name); }`,
  );
  expect(problems).toEqual([]);
  expect(manifests.map(({ file }) => file)).toEqual(['a/b.yaml', 'etc/x.yaml', 'up.yaml']);
  const bad = await run(
    `${WRITING}for (const name of ['a\\nb', 'a\\\\\\\\b', 'x'.repeat(300), '\\u202eb']) write('kind: A', 'dist/' + name + '.yaml');`,
  );
  expect(bad.problems.map(({ code }) => code)).toEqual(Array(4).fill('program-output'));
});

test('a program that synthesizes twice writes its manifests once', async () => {
  const { manifests, problems } = await run(`${reporting('')}app.synth();\n`);
  expect(problems).toEqual([]);
  expect(manifests).toHaveLength(1);
});

/** Processes that this one started and that are still there, by their command lines. */
function children(): string[] {
  const own = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return own.flatMap((pid) => {
    try {
      const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(join('/proc', pid, 'status'), 'utf8'))?.[1];
      return parent === String(process.pid) ? [readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ')] : [];
    } catch {
      return [];
    }
  });
}

test('an abort kills the process at once and leaves none behind', async () => {
  const controller = new AbortController();
  const directory = repository({ 'main.ts': 'for (;;);' });
  const running = createSynthesizer({ library }).synth({ directory, signal: controller.signal });
  running.catch(() => undefined);
  while (!children().some((command) => command.includes('--permission'))) await new Promise((done) => setTimeout(done, 20));
  const before = performance.now();
  controller.abort(new Error('superseded'));
  await expect(running).rejects.toThrow('superseded');
  expect(performance.now() - before).toBeLessThan(3000);
  expect(children().filter((command) => /--permission|bundle-child/.test(command))).toEqual([]);
});

test('the sandbox process has no environment, no privileges and no descriptors but its own', async () => {
  const running = synth({ 'main.ts': 'for (;;);' }, { runMs: 2500 });
  const mine = () => execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' }).split('\n');
  let pid: string | undefined;
  while (pid === undefined) {
    pid = /^\s*(\d+) /.exec(mine().find((text) => text.includes('--input-type=commonjs') && !text.includes('prlimit')) ?? '')?.[1];
    await new Promise((done) => setTimeout(done, 50));
  }
  await new Promise((done) => setTimeout(done, 700));
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
  if (process.getuid?.() === 0) expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
  if (process.getuid?.() === 0) expect(status).toMatch(/^CapEff:\t0+$/m);
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  expect(open.filter((target) => target.startsWith('/') && target !== '/dev/null')).toEqual([]);
  const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
  expect(limits).toMatch(/^Max file size +0 +0 /m);
  expect(limits).toMatch(/^Max core file size +0 +0 /m);
  expect((await running).problems).toMatchObject([{ code: 'program-timeout' }]);
});

test('many programs at once, hostile ones among them, do not disturb one another', async () => {
  const synthesizer = createSynthesizer({ library, limits: { memoryBytes: 32 * 1024 * 1024 } });
  const start = (main: string) => synthesizer.synth({ directory: repository({ 'main.ts': main }) });
  const hostile = [
    `throw new Error('x');`,
    'const a: unknown[] = []; for (;;) a.push(new ArrayBuffer(1 << 20));',
    `import '/etc/passwd';`,
    `process.exit(9);`,
  ];
  const results = await Promise.all([
    ...hostile.map(start),
    ...Array.from({ length: 4 }, (_, index) => start(`${WRITING}write('kind: A\\nindex: ${index}');`)),
  ]);
  expect(results.map(({ problems, manifests }) => problems[0]?.code ?? (manifests[0]?.value as { index: number }).index)).toEqual([
    'program-threw',
    'program-memory',
    'import-refused',
    'program-threw',
    0,
    1,
    2,
    3,
  ]);
});

test('what this process holds in its environment appears in no result of a program that looks for it', async () => {
  const result = await run(
    reporting(
      `out.all = JSON.stringify([process.env, Object.getOwnPropertyNames(globalThis), process.argv, (process as any).config ?? null]); console.log(process.env); if (Math.random() > 2) throw out;`,
    ),
  );
  expect(result.problems).toEqual([]);
  expect(JSON.stringify(result)).not.toContain(CANARY);
});
