import { beforeEach, expect, test } from '@jest/globals';
import { planCommit } from '../../../reconciler/src/plan-commit.ts';
import type { CommitPlan, PlannedCommit, Progress, Synthesis } from '../../../reconciler/src/plan-commit.ts';
import { hash, manifest, problem } from './builders.ts';
import { Planning } from './planning.ts';

const A = hash('a');
const never = new AbortController().signal;
let world: Planning;
/** What `Progress` heard, in order. */
let heard: (Synthesis | PlannedCommit)[];
const progress: Progress = { synthesized: (synthesis) => void heard.push(synthesis), planned: (plan) => void heard.push(plan) };

beforeEach(() => {
  world = new Planning();
  heard = [];
});

const plan = (signal = never): Promise<CommitPlan> => planCommit(world.parts({ progress }), { commit: A }, signal);
async function planned(): Promise<PlannedCommit> {
  const result = await plan();
  if (result.kind !== 'planned') throw new Error(`it was ${result.kind}`);
  return result;
}
const codes = (problems: readonly { readonly code: string }[]): string[] => problems.map(({ code }) => code);

test('a commit is planned and tried out, and nothing is changed', async () => {
  world.makes(A, manifest('web'), manifest('db'));
  const result = await planned();
  expect(result.revision.policies.map(({ name, change }) => `${change} ${name}`)).toEqual(['added db', 'added web']);
  expect(world.delivery.tried).toEqual([['db', 'web']]);
  expect(world.delivery.carried).toBe(0);
  expect(world.left.size).toBe(0);
  expect(result.durations).toEqual({ fetch: 0, synth_bundle: 1, synth_run: 2, check: 0, plan: 0, dry_run: 0 });
});

test('who asks hears of the synthesis before the plan, and of the plan before it ends', async () => {
  world.makes(A, manifest('web'), manifest('bad', 'Destroy'));
  const result = await planned();
  expect(heard).toEqual([result.synthesis, result]);
  expect(result.synthesis).toMatchObject({ digest: `digest of ${A}`, manifests: 2, rules: 1 });
});

test('problems are told apart by what they are about, and each stands once in the list of all', async () => {
  const { refusals, there } = world.delivery;
  world.makes(A, manifest('web'), manifest('bad', 'Destroy'), { kind: 'Secret' });
  world.trees.set(A, { problems: [problem('a link is left out', { code: 'repository-entry', severity: 'warning' })] });
  refusals.tried.set('KubeArmorPolicy shop/web', [problem('no such namespace', { code: 'server-refused' })]);
  const old = { ...manifest('old'), manifest: {}, fingerprint: '', rules: 1 };
  there.set('KubeArmorPolicy shop/old', { ...old, kind: 'KubeArmorPolicy', namespace: 'shop', name: 'old' });
  const { byStage, problems, revision } = await planned();
  expect(codes(byStage.synth)).toEqual(['repository-entry']);
  expect(codes(byStage.policies)).toContain('invalid-value');
  expect(codes(byStage.plan)).toEqual(['prune-blocked']);
  expect(codes(byStage.server)).toEqual(['server-refused']);
  const all = Object.values(byStage).flat();
  expect(new Set(problems)).toEqual(new Set(all));
  expect(problems).toHaveLength(all.length);
  expect(Object.fromEntries(revision.policies.map(({ name, change }) => [name, change]))).toEqual({
    bad: 'refused',
    web: 'refused',
    old: 'left',
  });
});

test('the second of two policies of one name is told of, though no policy of the plan is it', async () => {
  world.makes(A, manifest('web'), manifest('web', 'Audit'));
  expect(codes((await planned()).problems)).toEqual(['duplicate-policy']);
});

test.each(['tree', 'program'] as const)('a commit whose %s has an error is refused before anything is looked at', async (what) => {
  const wrong = [problem('a link leads outside')];
  if (what === 'tree') world.trees.set(A, { problems: wrong });
  else world.programs.set(A, () => ({ problems: wrong }));
  expect(await plan()).toMatchObject({ kind: 'refused', problems: wrong, synthesis: { manifests: 0, problems: { synth: wrong } } });
  expect(heard).toHaveLength(1);
  expect(world.delivery.tried).toEqual([]);
  expect(world.left.size).toBe(0);
});

test('a reference that is elsewhere by now is said, and nothing is heard', async () => {
  world.trees.set(A, { moved: hash('b') });
  expect(await plan()).toEqual({ kind: 'moved', to: hash('b') });
  expect(heard).toEqual([]);
});

test('an abort ends it with the reason, and the files are removed', async () => {
  const stop = new AbortController();
  world.programs.set(A, () => {
    stop.abort('a newer commit');
    return new Promise(() => undefined);
  });
  await expect(plan(stop.signal)).rejects.toBe('a newer commit');
  expect(world.left.size).toBe(0);
});
