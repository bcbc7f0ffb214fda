/** Programs at the edge of their limits. Those that go over them: test/contract/hostile-repository.test.ts. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { reported, run } from './synth-fixture.ts';

test.each([1, 100, 200, 300])('a time of %i ms, which may be up before the program begins, is told as time', async (runMs) => {
  const { problems } = await run('for (;;);', { memoryBytes: 48 * 1024 * 1024, runMs });
  expect(problems).toMatchObject([{ code: 'program-timeout' }]);
});

test('a program that survives its own want of memory goes on', async () => {
  const out = await reported(
    `const a: unknown[] = [];\ntry { for (;;) a.push(new Uint8Array(1 << 20)); } catch (error) { out.error = String(error); a.length = 0; }`,
  );
  expect(out).toEqual({ error: 'InternalError: out of memory' });
});

test('recursion that the program catches is its own business', async () => {
  expect(await reported(`function deep(): number { try { return 1 + deep(); } catch { return 0; } }\nout.enough = deep() > 100;`)).toEqual({
    enough: true,
  });
});

test('a program is not refused for time in which the machine gave it no processor', async () => {
  const running = run(`import fs from 'fs';\nfs.writeFileSync('a.json', '{"kind":"A"}');`, { runMs: 2000 });
  const pid = await sandboxProcess();
  process.kill(pid, 'SIGSTOP');
  await sleep(3000);
  process.kill(pid, 'SIGCONT');
  expect(await running).toMatchObject({ problems: [], manifests: [{ value: { kind: 'A' } }] });
});

/** The process of this one's that runs a program, once it is there. */
async function sandboxProcess(): Promise<number> {
  for (;;) {
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean);
    const found = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--permission'));
    if (found !== undefined) return Number(found);
    await sleep(5);
  }
}
