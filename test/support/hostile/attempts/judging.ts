/** Policies whose problems, or whose compilation, would be too much: the judge is part of the reconciler's own process. */
import { byProgram } from '../attempt.ts';
import type { Attempt, Family } from '../attempt.ts';
import { policy, writing } from '../programs.ts';

const written = (title: string, body: string, rest: Omit<Attempt, 'title' | 'tree'>): Attempt => byProgram(title, writing(body), rest);

export const judging: Family = {
  title: 'the time of the judge',
  attempts: () => [
    written(
      'a hundred thousand problems of one kind',
      `const spec = '{"selector":{"matchLabels":{"a":"b"}},"action":"Block","process":{"matchPaths":[' + Array(40_000).fill('1').join() + ']}}';
for (let i = 0; i < 3; i += 1)
  write('{"apiVersion":"security.kubearmor.com/v1","kind":"KubeArmorPolicy","metadata":{"name":"p' + i + '","namespace":"shop"},"spec":' + spec + '}', 'dist/' + i + '.json');`,
      { limits: { runMs: 60_000 }, expected: { refused: 'wrong-type', count: 303 } },
    ),
    written(
      'a policy with eight thousand fields that nobody knows',
      `const spec: Record<string, unknown> = ${JSON.stringify(policy({})['spec'])};
for (let i = 0; i < 8_000; i += 1) spec['fieldz' + i] = 1;
write(JSON.stringify({ ...${JSON.stringify(policy({}))}, spec }), 'dist/a.json');`,
      { limits: { runMs: 60_000 }, expected: { refused: 'unknown-field', count: 101 } },
    ),
    written(
      'two thousand policies with problems',
      `for (let i = 0; i < 2_000; i += 1)
  write(JSON.stringify({ ...${JSON.stringify(policy({ process: { matchPaths: [{ path: 'x' }, { path: 'y' }] } }))}, metadata: { name: 'p' + i, namespace: 'shop' } }), 'dist/' + i + '.json');`,
      { limits: { runMs: 60_000 }, expected: { refused: 'invalid-path', count: 2_500 } },
    ),
    written(
      'patterns that take long to compile, in every policy',
      `for (let k = 0; k < 300; k += 1) {
  const matchPatterns = Array.from({ length: 60 }, (_, i) => ({ pattern: '/**/*a*' + i + '*b*' + k + '*c*' }));
  write(JSON.stringify({ ...${JSON.stringify(policy({}))}, metadata: { name: 'p' + k, namespace: 'shop' }, spec: { ...${JSON.stringify(policy({})['spec'])}, process: { matchPatterns } } }), 'dist/' + k + '.json');
}`,
      { limits: { runMs: 60_000 }, bounds: { timeout: 4_000 }, expected: { failed: 'time' } },
    ),
  ],
};
