/** Programs at the edge of their limits. Those that go over them: test/contract/hostile-repository.test.ts. */
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
