/** A process that answers once: how its end is told. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { OneShotProcess, runOneShot, tooBusy } from '../../../reconciler/src/adapters/synth/one-shot.ts';
import type { OneShot } from '../../../reconciler/src/adapters/synth/one-shot.ts';

const node = (code: string, rest: Partial<OneShot> = {}): OneShot => ({
  args: ['-e', code],
  input: [],
  cpuMs: 20_000,
  wallMs: 50_000,
  outputBytes: 1000,
  dataBytes: 2 ** 30,
  openFiles: 64,
  ...rest,
});

test('what it was given and what it said is passed along', async () => {
  const echo = node('process.stdin.pipe(process.stdout)', { input: [Buffer.from('to and '), Buffer.from('fro')] });
  const { ended, exitCode, output } = await runOneShot(echo);
  expect([ended, exitCode, output.toString()]).toEqual(['itself', 0, 'to and fro']);
});

test('one that does nothing for too long by the clock on the wall is ended, and that is told from its own time', async () => {
  expect(await runOneShot(node('setTimeout(() => {}, 1e8)', { wallMs: 300 }))).toMatchObject({ ended: 'time' });
});

test('one that has used up its processor time is ended by the kernel', async () => {
  expect(await runOneShot(node('for (;;);', { cpuMs: 1000 }))).toMatchObject({ ended: 'itself', exitSignal: 'SIGXCPU' });
});

test('one that says too much is ended', async () => {
  expect(await runOneShot(node('process.stdout.write("x".repeat(2000)); setTimeout(() => {}, 1e8)'))).toMatchObject({ ended: 'output' });
});

test('a busy machine is the world’s failure, with figures', () => {
  expect(tooBusy('the program to run', 10_000).message).toBe(
    'this machine is too busy for the program to run: it had less than 10 s of processor time in 60 s',
  );
});

test('one that was started early has its time from when it got all of its input', async () => {
  const early = new OneShotProcess(node('process.stdin.pipe(process.stdout)', { wallMs: 5_000 }));
  early.write([Buffer.from('first ')]);
  await sleep(6_000);
  expect(await early.finish([Buffer.from('last')])).toMatchObject({ ended: 'itself', exitCode: 0, output: Buffer.from('first last') });
});

test('one that is not needed is gone', async () => {
  const early = new OneShotProcess(node('process.stdin.pipe(process.stdout)'));
  early.discard();
  expect(await early.finish([])).toMatchObject({ exitSignal: 'SIGKILL' });
});
