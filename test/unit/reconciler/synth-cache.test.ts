import { expect, test } from '@jest/globals';
import type { Problem } from '@parapet/policy';
import type { SynthResult } from '../../../reconciler/src/ports.ts';
import { SynthCache } from '../../../reconciler/src/synth-cache.ts';

interface World {
  readonly cache: SynthCache;
  /** The directories whose programs were run. */
  readonly ran: string[];
  readonly answers: string[];
}

/** A cache before a synthesizer that makes `count` manifests, or these problems. */
function world({
  count = 1,
  problems = [],
  manifests,
  isProvisional,
}: { count?: number; problems?: readonly Problem[]; manifests?: number; isProvisional?: boolean } = {}): World {
  const [ran, answers]: [string[], string[]] = [[], []];
  const cache = new SynthCache({
    synthesizer: {
      synth: ({ directory }): Promise<SynthResult> => {
        ran.push(directory);
        const made = Array.from({ length: count }, (_, index) => ({ value: { directory, index }, file: 'a.yaml' }));
        return Promise.resolve({
          manifests: made,
          problems,
          digest: directory,
          bundleMs: 5,
          runMs: 7,
          ...(isProvisional === undefined ? {} : { isProvisional }),
        });
      },
    },
    metrics: { synthCache: (answer) => answers.push(answer) },
    ...(manifests === undefined ? {} : { manifests }),
  });
  return { cache, ran, answers };
}

const problem = (code: Problem['code']): Problem => ({ code, severity: 'error', place: { file: 'main.ts' }, message: 'no' });

test('of the same files the program is run once, wherever they are, and the second time takes no time', async () => {
  const { cache, ran, answers } = world();
  const first = await cache.synth({ directory: '/a', content: 'x' });
  expect(await cache.synth({ directory: '/b', content: 'x' })).toEqual({ ...first, bundleMs: 0, runMs: 0 });
  expect([ran, answers]).toEqual([['/a'], ['miss', 'hit']]);
});

test('other files, and files of unknown content, have their programs run', async () => {
  const { cache, ran, answers } = world();
  for (const content of ['x', 'y', undefined, undefined]) await cache.synth({ directory: content ?? '?', content });
  expect([ran, answers]).toEqual([
    ['x', 'y', '?', '?'],
    ['miss', 'miss'],
  ]);
});

test('what is wrong with a program is kept as well', async () => {
  const { cache, ran } = world({ problems: [problem('program-threw')] });
  await cache.synth({ directory: '/a', content: 'x' });
  expect(await cache.synth({ directory: '/b', content: 'x' })).toMatchObject({ problems: [{ code: 'program-threw' }] });
  expect(ran).toEqual(['/a']);
});

test.each(['program-timeout', 'program-memory'] as const)('a program that ended with %s is run again', async (code) => {
  const { cache, ran } = world({ problems: [problem(code)] });
  for (const directory of ['/a', '/b']) await cache.synth({ directory, content: 'x' });
  expect(ran).toEqual(['/a', '/b']);
});

test('what may be different once the package store has what it lacked is made again', async () => {
  const { cache, ran } = world({ isProvisional: true });
  for (const directory of ['/a', '/b']) await cache.synth({ directory, content: 'x' });
  expect(ran).toEqual(['/a', '/b']);
});

test('what was not asked for longest goes first when there is too much, and what is too much by itself is not kept', async () => {
  const { cache, ran } = world({ count: 10, manifests: 45 });
  // Each counts as twenty: two of them fit.
  for (const content of ['x', 'y', 'x', 'z', 'x', 'y']) await cache.synth({ directory: content, content });
  expect(ran).toEqual(['x', 'y', 'z', 'y']);
  const small = world({ count: 10, manifests: 15 });
  for (const content of ['x', 'x']) await small.cache.synth({ directory: content, content });
  expect(small.ran).toEqual(['x', 'x']);
});

test('who has given up is not answered', async () => {
  const { cache } = world();
  await cache.synth({ directory: '/a', content: 'x' });
  await expect(cache.synth({ directory: '/a', content: 'x', signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
});
