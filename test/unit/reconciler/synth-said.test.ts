import { expect, test } from '@jest/globals';
import type { Synthesis } from '../../../reconciler/src/plan-commit.ts';
import { synthSaid } from '../../../reconciler/src/synth-said.ts';
import { problem } from './builders.ts';

const made = (problems: Partial<Synthesis['problems']> = {}): Synthesis => ({
  manifests: 2,
  rules: 1,
  problems: { synth: [], policies: [], ...problems },
});

test('what a good program makes is counted', () => {
  expect(synthSaid(made(), '.')).toEqual({ state: 'success', description: '2 policies, 1 rule', annotations: [] });
});

test('warnings are told, and turn nothing red', () => {
  const warning = problem('does nothing', { severity: 'warning', place: { file: 'a.ts', line: 3, field: 'spec.file' }, hint: 'remove it' });
  expect(synthSaid(made({ policies: [warning] }), './shop')).toEqual({
    state: 'success',
    description: '2 policies, 1 rule; 1 warning: a.ts:3: spec.file: warning: does nothing',
    annotations: [{ path: 'shop/a.ts', line: 3, level: 'warning', message: 'spec.file: does nothing (remove it)' }],
  });
});

test('one policy with an error turns it red, and what has no line is no annotation', () => {
  const errors = [problem('no file'), problem('wrong', { place: { file: 'a.ts', line: 9, object: 'KubeArmorPolicy shop/web' } })];
  const { state, description, annotations } = synthSaid(made({ policies: errors }), '.');
  expect([state, description]).toEqual(['failure', 'no file (+1 more)']);
  expect(annotations).toEqual([{ path: 'a.ts', line: 9, level: 'failure', message: 'KubeArmorPolicy shop/web: wrong' }]);
});
