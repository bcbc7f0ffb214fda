/** Learning what the reconciler holds in its environment, and making what it makes depend on where and when it runs. */
import { byProgram, byTree } from '../attempt.ts';
import type { Family } from '../attempt.ts';
import { attempting, left, reporting } from '../programs.ts';

const REFUSED = 'ERR_PARAPET_FORBIDDEN';

export const environment: Family = {
  title: 'secrets of the reconciler, and differences from run to run',
  attempts: ({ outside }) => [
    byProgram(
      'looking for secrets in everything that can be reached',
      reporting(
        `out.all = JSON.stringify([process.env, Object.getOwnPropertyNames(globalThis), process.argv, (process as any).config ?? null]);\nconsole.log(process.env, globalThis);`,
      ),
      { expected: { made: left({}) }, over: 'http' },
    ),
    byProgram(
      'asking about the machine',
      attempting(
        `
  env: () => JSON.stringify(process.env), argv: () => process.argv.join(' '), cwd: () => process.cwd(), pid: () => process.pid,
  platform: () => process.platform, title: () => process.title, execPath: () => process.execPath, uptime: () => process.uptime(),
  hostname: () => os.hostname(), user: () => os.userInfo(), cpus: () => os.cpus(), tmpdir: () => os.tmpdir(), home: () => os.homedir(),
  meta: () => [import.meta.url, import.meta.dirname, import.meta.filename, __dirname, __filename].join(' '),
  zone: () => new Date(0).getTimezoneOffset() + new Date(0).toString(),`,
        `import os from 'os';`,
      ),
      {
        expected: {
          made: left({
            ...{
              env: '{}',
              argv: 'node /main.ts',
              cwd: '/',
              pid: '1',
              platform: 'linux',
              title: 'parapet',
              execPath: '/node',
              uptime: '0',
            },
            ...{ hostname: REFUSED, user: REFUSED, cpus: REFUSED, tmpdir: '/tmp', home: '/' },
            ...{ meta: 'file:///main.ts / /main.ts / /main.ts', zone: '0Thu Jan 01 1970 00:00:00 GMT+0000' },
          }),
        },
      },
    ),
    byProgram(
      'clocks and random numbers',
      reporting(`out.clock = [Date.now(), new Date().toISOString(), performance.now() < 1, String(process.hrtime.bigint())];
out.random = [Math.random(), Math.random()].join();
out.timer = await new Promise((done) => setTimeout(() => done(Date.now()), 5000));`),
      {
        expected: {
          made: left({
            clock: [946_684_800_000, '2000-01-01T00:00:00.000Z', true, '0'],
            timer: 946_684_800_000,
          }),
        },
      },
    ),
    byProgram(
      'languages, the order of keys, and paths in stacks',
      reporting(`out.locale = [(1234.5).toLocaleString(), ['ä', 'z', 'a'].sort((a, b) => a.localeCompare(b)).join(''), typeof Intl].join(' ');
out.keys = Object.keys({ b: 1, 2: 1, a: 1, 1: 1 }).join();
out.weak = typeof WeakRef === 'function' ? String(new WeakRef({}).deref() !== undefined) : 'none';
out.stack = String(new Error('x').stack).replaceAll(/:\\d+:\\d+/g, '').split('\\n')[0]!.trim();`),
      {
        expected: {
          made: left({ locale: '1234.5 azä undefined', keys: '1,2,b,a', weak: 'false', stack: 'at <anonymous> (parapet-bundle.js)' }),
        },
      },
    ),
    byTree(
      'telling secrets of others in its own errors',
      { 'main.ts': `throw Object.assign(new Error('${outside}'), { stack: 'at file:///proc/self/environ:1:1', cause: process.env });\n` },
      { expected: { refused: 'program-threw' } },
    ),
  ],
};
