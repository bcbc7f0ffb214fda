import { beforeEach, expect, test } from '@jest/globals';
import { NO_METRICS } from '../../../reconciler/src/no-metrics.ts';
import { runSource } from '../../../reconciler/src/source-run.ts';
import { hash, manifest, problem } from './builders.ts';
import { Planning } from './planning.ts';

const A = hash('a');
const never = new AbortController().signal;
let world: Planning;

beforeEach(() => {
  world = new Planning();
});

test('what is planned is heard of before it is carried out', async () => {
  let before = -1;
  const progress = { synthesized: () => undefined, planned: () => void (before = world.delivery.carried) };
  expect(await runSource(world.parts({ progress }), A, never)).toMatchObject({ kind: 'delivered', problems: [] });
  expect([before, world.delivery.carried]).toEqual([0, 1]);
});

test('what could not be written is that policy’s, beside what was refused before, and how long it took is known', async () => {
  world.makes(A, manifest('a'), manifest('b'), manifest('c'));
  world.delivery.refusals.tried.set('KubeArmorPolicy shop/a', [problem('refused at first')]);
  world.delivery.refusals.written.set('KubeArmorPolicy shop/b', [problem('refused at last')]);
  const result = await runSource(world.parts(), A, never);
  if (result.kind !== 'delivered') throw new Error(result.kind);
  expect(Object.fromEntries(result.revision.policies.map(({ name, change }) => [name, change]))).toEqual({
    a: 'refused',
    b: 'refused',
    c: 'added',
  });
  expect(result.byStage.server.map(({ message }) => message)).toEqual(['refused at first', 'refused at last']);
  expect(result.problems).toEqual(result.byStage.server);
  expect(result.durations).toMatchObject({ dry_run: 0, apply: 0 });
});

test('a commit that is refused carries out nothing', async () => {
  world.programs.set(A, () => ({ problems: [problem('it throws')] }));
  expect(await runSource(world.parts(), A, never)).toMatchObject({ kind: 'refused', problems: [{ message: 'it throws' }] });
  expect(world.delivery.carried).toBe(0);
});

test('that pruning was held back is counted', async () => {
  let blocked = 0;
  const metrics = { ...NO_METRICS, pruneBlocked: () => void (blocked += 1) };
  await runSource(world.parts(), A, never);
  world.makes(A);
  await runSource(world.parts({ metrics }), A, never);
  expect(blocked).toBe(1);
  expect(world.delivery.there.size).toBe(1);
});
