import { expect, test } from '@jest/globals';
import { contextOf, worded } from '../../../reconciler/src/status-words.ts';
import type { Said } from '../../../reconciler/src/status-words.ts';

const said = (rest: Partial<Said>): Said => ({ state: 'failure', description: '', ...rest });

test('contexts of clusters are told apart', () => {
  expect([contextOf('synth', undefined), contextOf('violations', 'eu-1')]).toEqual(['parapet/synth', 'parapet/violations (eu-1)']);
});

test('what is not there is absent', () => {
  expect(worded(said({ summary: '', annotations: [] }))).toEqual({ state: 'failure', description: '' });
});

test('a summary keeps its lines and loses what a terminal would obey', () => {
  expect(worded(said({ summary: '# a\n\tb\u001b[31m\u202ec\r\n' })).summary).toBe('# a\n\tb [31m c \n');
  expect(worded(said({ summary: 'x'.repeat(20_000) })).summary).toHaveLength(16_384);
});

test('fifty annotations are kept, failures first, each of bounded size, and none at a place that can’t be', () => {
  const annotations = Array.from({ length: 60 }, (_, index) => ({
    path: 'main.ts',
    line: index + 1,
    level: index < 30 ? ('warning' as const) : ('failure' as const),
    message: `${index}\n${'x'.repeat(1000)}`,
  }));
  const kept = worded(said({ annotations })).annotations ?? [];
  expect([kept.length, kept[0]?.line, kept[29]?.line, kept[30]?.line, kept[0]?.message.length]).toEqual([50, 31, 60, 1, 500]);
  const nowhere = [{ path: 'a\u001b.ts' }, { path: 'x'.repeat(2000) }, { line: 0 }, { line: 1.5 }].map((rest) => ({
    ...annotations[0]!,
    ...rest,
  }));
  expect(worded(said({ annotations: nowhere })).annotations).toBeUndefined();
});
