/** The fold against a plain model of it, and against itself from scratch, over random histories. */
import { expect, test } from '@jest/globals';
import { refKey } from '@parapet/policy';
import type { NodeReport, PolicyReport, PolicyState } from '@parapet/policy';
import fc from 'fast-check';
import { Fold } from '../../../reconciler/src/fold.ts';
import type { FoldedPolicy, NodeCounts } from '../../../reconciler/src/policy-status.ts';
import { hash, nodeReport, policyReport } from './builders.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const NODES = ['n1', 'n2', 'n3'];
const PATIENCE = 60_000;

const commits = fc.constantFrom(undefined, hash('1'), hash('2'));
const policy: fc.Arbitrary<FoldedPolicy> = fc.record({
  kind: fc.constant('KubeArmorPolicy' as const),
  namespace: fc.constant('shop'),
  name: fc.constantFrom(...NAMES),
  generation: fc.integer({ min: 1, max: 2 }),
  commit: commits,
  refused: fc.constantFrom(undefined, undefined, undefined, 'no rules'),
});
const saying: fc.Arbitrary<PolicyReport> = fc
  .record({
    state: fc.constantFrom<PolicyState>('Enforced', 'Enforced', 'Degraded', 'Rejected', 'Pending'),
    message: fc.constantFrom('', 'no hook', 'x\ny'),
    commit: commits,
    generation: fc.constantFrom(undefined, 1, 2),
    containers: fc.integer({ min: 0, max: 2 }),
    name: fc.constantFrom(...NAMES, 'invented'),
  })
  .map(({ name, ...rest }) => policyReport(name, rest));

type Step =
  | { readonly do: 'policies'; readonly policies: readonly FoldedPolicy[] }
  | { readonly do: 'policy'; readonly policy: FoldedPolicy }
  | { readonly do: 'no policy'; readonly name: string }
  | { readonly do: 'report'; readonly node: string; readonly said: readonly PolicyReport[] }
  | { readonly do: 'no node'; readonly node: string }
  | { readonly do: 'ask' }
  | { readonly do: 'wait'; readonly time: number };

const once = fc.uniqueArray(policy, { selector: ({ name }) => name, maxLength: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('policies' as const), policies: once }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('policy' as const), policy }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('no policy' as const), name: fc.constantFrom(...NAMES) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      node: fc.constantFrom(...NODES),
      said: fc.array(saying, { maxLength: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('no node' as const), node: fc.constantFrom(...NODES) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'ask' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), time: fc.integer({ min: 1, max: 45_000 }) }) },
);

/** What is there in the end, told apart from how it came. */
class Model {
  readonly policies = new Map<string, FoldedPolicy>();
  readonly reports = new Map<string, { readonly report: NodeReport; readonly at: number }>();
  now = Date.parse('2026-01-01T00:00:00Z');

  fresh(): NodeReport[] {
    return [...this.reports.values()].filter(({ at }) => this.now - at < PATIENCE).map(({ report }) => report);
  }

  counts(wanted: FoldedPolicy): NodeCounts {
    const states = this.fresh().map((report) => this.state(report, wanted));
    const number = (state: string): number => states.filter((one) => one === state).length;
    return {
      total: states.length,
      enforced: number('Enforced'),
      degraded: number('Degraded'),
      rejected: number('Rejected'),
      pending: number('Pending'),
    };
  }

  state({ status }: NodeReport, wanted: FoldedPolicy): PolicyState {
    const said = status.policies.find((one) => refKey(one) === refKey(wanted));
    if (said === undefined || (said.generation !== undefined && said.generation !== wanted.generation)) return 'Pending';
    if (said.state === 'Rejected' && said.commit === undefined) return 'Rejected';
    return said.commit === wanted.commit ? said.state : 'Pending';
  }

  /** Of the nodes that do not hold a policy, those in this state. */
  names(wanted: FoldedPolicy, state: PolicyState): string[] {
    return this.fresh()
      .filter((report) => this.state(report, wanted) === state)
      .map((report) => report.metadata.name)
      .sort();
  }
}

function carryOut(step: Step, model: Model, fold: Fold): void {
  switch (step.do) {
    case 'policies':
      model.policies.clear();
      for (const one of step.policies) model.policies.set(one.name, one);
      return fold.setPolicies(step.policies);
    case 'policy':
      model.policies.set(step.policy.name, step.policy);
      return fold.setPolicy(step.policy);
    case 'no policy':
      model.policies.delete(step.name);
      return fold.removePolicy({ kind: 'KubeArmorPolicy', namespace: 'shop', name: step.name });
    case 'report': {
      const report = nodeReport(step.node, { observedAt: `${Math.random()}`, policies: step.said });
      model.reports.set(step.node, { report, at: model.now });
      return fold.setReport(step.node, report, model.now);
    }
    case 'no node':
      model.reports.delete(step.node);
      return fold.removeNode(step.node);
    case 'wait':
      model.now += step.time;
      return;
    case 'ask':
      return void fold.changed(model.now);
  }
}

function fromScratch(model: Model): Fold {
  const fold = new Fold();
  for (const [node, { report, at }] of model.reports) fold.setReport(node, report, at);
  fold.setPolicies([...model.policies.values()]);
  fold.changed(model.now);
  return fold;
}

/** Without the times, which are those of the history. */
function said(fold: Fold, wanted: FoldedPolicy): unknown {
  const status = fold.statusOf(wanted);
  return { ...status, conditions: status?.conditions.map(({ type, status: value, reason, message }) => [type, value, reason, message]) };
}

test('whatever happens in whatever order, the fold says what a fold from scratch says, and what the plain model counts', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const model = new Model();
      const fold = new Fold();
      for (const one of steps) carryOut(one, model, fold);
      const before = new Map([...model.policies.values()].map((one) => [one.name, said(fold, one)]));
      const told = new Set(fold.changed(model.now).map(({ name }) => name));
      const scratch = fromScratch(model);
      for (const one of model.policies.values()) {
        expect(said(fold, one)).toEqual(said(scratch, one));
        expect(fold.statusOf(one)?.nodes).toEqual(model.counts(one));
        expect(fold.statusOf(one)?.observedGeneration).toBe(one.generation);
        // Who is asked nothing in between tells of all that differs from what was told, and of nothing else.
        if (JSON.stringify(before.get(one.name)) !== JSON.stringify(said(fold, one))) expect(told).toContain(one.name);
        const message = fold.statusOf(one)?.conditions.find(({ type }) => type === 'Degraded')?.message ?? '';
        for (const node of model.names(one, 'Degraded')) expect(message).toContain(node);
      }
      expect(fold.changed(model.now)).toEqual([]);
      const refs = [...model.policies.values()];
      const asked = { now: model.now, waited: 0 };
      expect(fold.foldSource(refs, asked)).toEqual(scratch.foldSource(refs, asked));
    }),
    { numRuns: 1500 },
  );
});

test('a source is in force on the nodes that hold all of its policies', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
      const model = new Model();
      const fold = new Fold();
      for (const one of steps) carryOut(one, model, fold);
      const wanted = [...model.policies.values()];
      const { policies, enforced } = fold.foldSource(wanted, { now: model.now, waited: PATIENCE });
      expect(policies.total).toBe(wanted.length);
      expect(policies.enforced + policies.degraded + policies.refused + policies.pending).toBe(wanted.length);
      const fresh = model.fresh();
      const holding = fresh.filter((report) => wanted.every((one) => model.state(report, one) === 'Enforced')).length;
      const failing = wanted.some((one) => one.refused !== undefined || model.counts(one).degraded + model.counts(one).rejected > 0);
      const state = fresh.length === 0 ? 'error' : failing ? 'failure' : holding === fresh.length ? 'success' : 'pending';
      expect(enforced.state).toBe(state);
      if (state === 'success' || state === 'pending') expect(enforced.description).toBe(`${holding} of ${fresh.length} nodes`);
    }),
    { numRuns: 1500 },
  );
});

test('policies of a source are counted by what has become of them, and the first that a node cannot hold is named', () => {
  const now = 0;
  const made = (name: string, rest: Partial<FoldedPolicy> = {}): FoldedPolicy => ({
    kind: 'KubeArmorPolicy',
    namespace: 'shop',
    name,
    generation: 1,
    ...rest,
  });
  const fold = new Fold();
  const all = ['good', 'bad', 'worse', 'late'].map((name) => made(name));
  fold.setPolicies(all);
  const asked = { now, waited: 0 };
  expect(fold.foldSource(all, asked).enforced.description).toBe('waiting for a node to report');
  expect(fold.foldSource(all, { now, waited: PATIENCE }).enforced).toMatchObject({ state: 'error' });
  const good = policyReport('good');
  fold.setReport('n1', nodeReport('n1', { policies: [good, policyReport('bad', { state: 'Degraded', message: 'no hook' })] }), now);
  fold.setReport('n2', nodeReport('n2', { policies: [good, policyReport('worse', { state: 'Rejected' })] }), now);
  expect(fold.foldSource([...all, made('missing')], asked)).toEqual({
    policies: { total: 5, enforced: 1, degraded: 1, refused: 1, pending: 2 },
    enforced: {
      state: 'failure',
      description: 'bad: degraded on n1: no hook',
    },
  });
  expect(fold.foldSource([made('worse')], asked).enforced.description).toBe('worse: rejected on n2: no reason given');
  expect(fold.foldSource([made('good')], asked).enforced).toMatchObject({ state: 'success', description: '2 of 2 nodes' });
  expect(fold.foldSource([made('late')], asked).enforced).toMatchObject({ state: 'pending', description: '0 of 2 nodes' });
  fold.setPolicy(made('good', { refused: `no\u0007${'x'.repeat(300)}` }));
  const { description } = fold.foldSource([made('good')], asked).enforced;
  expect(description).toMatch(/^good: refused: no x+…$/);
  expect(description.length).toBe(140);
});
