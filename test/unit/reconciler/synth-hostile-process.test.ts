/** The processes that programs run in: what they hold, how they end, and what they leave. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createSynthesizer } from '../../../reconciler/src/adapters/synth/index.ts';
import { library, reporting, repository, synth } from './synth-fixture.ts';

/** Processes that `parent` started and that are still there. */
const childrenOf = (parent: number) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (/^PPid:\t(\d+)$/m.exec(readFileSync(join('/proc', pid, 'status'), 'utf8'))?.[1] !== String(parent)) return [];
        return [{ pid: Number(pid), command: readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ') }];
      } catch {
        return [];
      }
    });

const SANDBOX = /--input-type=commonjs/;
const BUNDLER = /bundle-child/;
/** The sandbox's and the bundler's processes, once `prlimit` has become Node. */
const running = (which: RegExp) => childrenOf(process.pid).filter(({ command }) => which.test(command) && !command.includes('prlimit'));
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** What `look` finds, looking until it finds something. */
async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    await pause(10);
  }
}

test('an abort kills the process at once and leaves none behind', async () => {
  const controller = new AbortController();
  const directory = repository({ 'main.ts': 'for (;;);' });
  const result = createSynthesizer({ library }).synth({ directory, signal: controller.signal });
  result.catch(() => undefined);
  await eventually(() => running(SANDBOX)[0]);
  const before = performance.now();
  controller.abort(new Error('superseded'));
  await expect(result).rejects.toThrow('superseded');
  expect(performance.now() - before).toBeLessThan(3000);
  expect(running(SANDBOX)).toEqual([]);
});

test('the sandbox process has no environment, no privileges and no descriptors but its own', async () => {
  const controller = new AbortController();
  const result = createSynthesizer({ library }).synth({ directory: repository({ 'main.ts': 'for (;;);' }), signal: controller.signal });
  result.catch(() => undefined);
  const { pid, command } = await eventually(() => running(SANDBOX)[0]);
  expect(command).toMatch(/^\S+ --permission /);
  expect(command).not.toMatch(/--allow/);
  // It gives up root as the first thing it does.
  if (process.getuid?.() === 0) await eventually(() => /^Uid:\t65534/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? undefined);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
  if (process.getuid?.() === 0) expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
  if (process.getuid?.() === 0) expect(status).toMatch(/^CapEff:\t0+$/m);
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  expect(open.filter((target) => target.startsWith('/') && target !== '/dev/null')).toEqual([]);
  const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
  expect(limits).toMatch(/^Max file size +0 +0 /m);
  expect(limits).toMatch(/^Max core file size +0 +0 /m);
  controller.abort(new Error('seen enough'));
  await expect(result).rejects.toThrow('seen enough');
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
    ...Array.from({ length: 4 }, (_, index) => start(`import fs from 'fs';\nfs.writeFileSync('a.yaml', 'kind: A\\nindex: ${index}');`)),
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

/** Large enough for its bundler to be seen at work, also on a machine that is busy. */
const LARGE = reporting(`out.n = ${Array.from({ length: 20_000 }, (_, index) => index).join(' +\n')};`);

/** What `look` finds while one of the runs that `start` begins is at work, and that run: one that was over too soon to be seen is begun again. */
async function whileAtWork<T, R>(start: () => Promise<R>, look: () => T | undefined): Promise<{ found: T; result: Promise<R> }> {
  for (;;) {
    let over = false;
    const result = start();
    const ended = (): void => void (over = true);
    result.then(ended, ended);
    const found = await eventually(() => look() ?? (over ? 'too late' : undefined));
    if (found !== 'too late') return { found, result };
  }
}

/** The bundler's own process of esbuild. */
const bundling = () =>
  running(BUNDLER)
    .flatMap(({ pid }) => childrenOf(pid))
    .find(({ command }) => command.includes('--service'));

test('an abort before the start, or while the program is bundled, leaves nothing behind either', async () => {
  const synthesizer = createSynthesizer({ library });
  const directory = repository({ 'main.ts': LARGE });
  await expect(synthesizer.synth({ directory, signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow('too late');
  const controller = new AbortController();
  const { found: esbuild, result } = await whileAtWork(() => synthesizer.synth({ directory, signal: controller.signal }), bundling);
  controller.abort(new Error('superseded'));
  await expect(result).rejects.toThrow('superseded');
  await eventually(() => (existsSync(`/proc/${esbuild.pid}/exe`) ? undefined : true));
  expect(running(BUNDLER)).toEqual([]);
  expect((await synthesizer.synth({ directory })).problems).toEqual([]);
});

test('the bundler may open no file once it runs: the plugin hands it everything', async () => {
  const look = () => {
    const esbuild = bundling();
    if (esbuild === undefined) return undefined;
    try {
      return /^Max open files +0 +0 /m.exec(readFileSync(`/proc/${esbuild.pid}/limits`, 'utf8'))?.[0];
    } catch {
      return undefined;
    }
  };
  const { found, result } = await whileAtWork(() => synth({ 'main.ts': LARGE }), look);
  expect(found).toBeDefined();
  await result;
});

test('a folder that is not there is no fault of a program', async () => {
  await expect(synth('/no/such/folder')).rejects.toMatchObject({
    stage: 'synth',
    message: expect.stringContaining('cannot be read') as unknown,
  });
});
