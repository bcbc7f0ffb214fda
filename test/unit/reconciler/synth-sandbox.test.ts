/** What is made of the sandbox process's answer, should a program ever take that process over. */
import { expect, jest, test } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../../reconciler/src/adapters/synth/index.ts';
import { Sandbox } from '../../../reconciler/src/adapters/synth/sandbox.ts';
import type { SandboxAnswer } from '../../../reconciler/src/adapters/synth/sandbox-protocol.ts';

// real processes, on machines that may be busy
jest.setTimeout(60_000);

/** Runs a process whose code answers this text whatever it is asked. */
function answering(text: string, limits = {}): Promise<SandboxAnswer> {
  const answer = `process.stdout.write(${JSON.stringify(text)}, () => process.exit(0))`;
  const host = `var parapetHost = { begin: () => ({ take() {}, end() { ${answer} } }) }`;
  const runtime = { host, wasm: new Uint8Array(), extensions: [], prelude: '' };
  return new Sandbox({ runtime, limits: { ...DEFAULT_LIMITS, ...limits } }).run('');
}

test('values of other types than were agreed mean nothing', async () => {
  const evil = { toString: 1, valueOf: 1 };
  const forged = {
    ended: 'done',
    thrown: [evil, 1],
    files: [{ path: evil, documents: [evil], errors: 5 }],
    touched: 1,
    printed: [evil],
    exitCode: evil,
  };
  expect(await answering(JSON.stringify({ ...forged, excess: evil }))).toEqual({
    ended: 'done',
    thrown: [
      { name: '', message: '', stack: '', code: '', hint: '' },
      { name: '', message: '', stack: '', code: '', hint: '' },
    ],
    files: [{ path: '', documents: [''], errors: [] }],
    touched: false,
    printed: [''],
    exitCode: 0,
  });
});

test.each(['', 'null', '[]', '{"ended":"well"}', '{'])('an answer %j is no answer', async (text) => {
  await expect(answering(text)).rejects.toMatchObject({ stage: 'synth', message: 'the sandbox process gave no readable answer' });
});

test('an answer that is longer than any program may make is cut off', async () => {
  expect(await answering('x'.repeat(3 * 1024 * 1024), { outputBytes: 1000 })).toMatchObject({ ended: 'output' });
});
