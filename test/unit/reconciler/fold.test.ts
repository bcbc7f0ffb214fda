import { expect, test } from '@jest/globals';
import { refKey } from '@parapet/policy';
import type { NodeReport, PolicyReport } from '@parapet/policy';
import fc from 'fast-check';
import { Fold } from '../../../reconciler/src/fold.ts';
import { readPolicyStatus, statusObject } from '../../../reconciler/src/policy-status.ts';
import type { ConditionType, FoldedPolicy, PolicyStatus } from '../../../reconciler/src/policy-status.ts';
import { hash, nodeReport, policyReport } from './builders.ts';

const commit = hash('c');
const START = Date.parse('2026-01-01T00:00:00Z');
const folded = (name: string, rest: Partial<FoldedPolicy> = {}): FoldedPolicy => ({
  kind: 'KubeArmorPolicy',
  namespace: 'shop',
  name,
  generation: 1,
  commit,
  ...rest,
});
const web = folded('web');
const says = (rest: Partial<PolicyReport> = {}): PolicyReport => policyReport('web', { commit, generation: 1, ...rest });

let reports = 0;
const report = (name: string, ...policies: readonly PolicyReport[]): NodeReport =>
  nodeReport(name, { observedAt: `report ${(reports += 1)}`, policies });

/** A fold of one policy and these nodes' reports on it, which all came at the start. */
function foldOf(policy: FoldedPolicy, nodes: Readonly<Record<string, readonly PolicyReport[]>>): Fold {
  const fold = new Fold();
  fold.setPolicies([policy]);
  for (const [name, policies] of Object.entries(nodes)) fold.setReport(name, report(name, ...policies), START);
  fold.changed(START);
  return fold;
}

function conditionText(status: PolicyStatus | undefined, type: ConditionType): string {
  const found = status?.conditions.find((condition) => condition.type === type);
  return found === undefined ? 'none' : `${found.status} ${found.reason}: ${found.message}`;
}

const of = (fold: Fold, type: ConditionType): string => conditionText(fold.statusOf(web), type);

test.each([
  ['no node', web, {}, 'False NoNodes: no node has reported yet'],
  ['one node that holds it', web, { n1: [says()] }, 'True AllNodes: in force on 1 of 1 node, for 1 container'],
  ['a node that does not speak of it', web, { n1: [says()], n2: [] }, 'False NotYet: in force on 1 of 2 nodes; not yet on n2'],
  ['a node on its way', web, { n1: [says({ state: 'Pending' })] }, 'False NotYet: in force on 0 of 1 node; not yet on n1'],
  ['an older generation', web, { n1: [says({ generation: 0 })] }, 'False NotYet: in force on 0 of 1 node; not yet on n1'],
  ['an older commit', web, { n1: [says({ commit: hash('b') })] }, 'False NotYet: in force on 0 of 1 node; not yet on n1'],
  [
    'a degradation of an older generation',
    web,
    { n1: [says({ state: 'Degraded', generation: 0 })] },
    'False NotYet: in force on 0 of 1 node; not yet on n1',
  ],
  [
    'a node that knows no generations',
    web,
    { n1: [says({ generation: undefined })] },
    'True AllNodes: in force on 1 of 1 node, for 1 container',
  ],
  [
    'a policy without a commit',
    folded('web', { commit: undefined }),
    { n1: [says({ commit: undefined })] },
    'True AllNodes: in force on 1 of 1 node, for 1 container',
  ],
  ['a node that degrades it', web, { n1: [says({ state: 'Degraded' })] }, 'False Degraded: in force on 0 of 1 node; degraded on n1'],
  [
    'a node that rejects it without its commit',
    web,
    { n1: [says()], n2: [says({ state: 'Rejected', commit: undefined, generation: undefined })] },
    'False Rejected: in force on 1 of 2 nodes; rejected on n2',
  ],
  ['a refusal of the reconciler', folded('web', { refused: 'no rules' }), { n1: [says()] }, 'False Refused: the reconciler refuses it'],
  [
    'of two entries for it the first',
    web,
    { n1: [says(), says({ state: 'Degraded' })] },
    'True AllNodes: in force on 1 of 1 node, for 1 container',
  ],
])(
  'whether it is enforced, with %s',
  (...[, policy, nodes, said]: readonly [string, FoldedPolicy, Readonly<Record<string, readonly PolicyReport[]>>, string]) => {
    expect(of(foldOf(policy, nodes), 'Enforced')).toBe(said);
  },
);

test('whether it is accepted and degraded is said with the reasons that nodes give', () => {
  const fold = foldOf(web, {
    n3: [says({ state: 'Degraded', message: 'no such hook' })],
    n1: [says({ state: 'Degraded', message: 'no such hook' })],
    n2: [says({ state: 'Degraded' })],
    n4: [says({ state: 'Rejected', message: 'not a path' })],
  });
  expect(of(fold, 'Degraded')).toBe('True NodesDegraded: degraded on n1, n3 (no such hook), n2 (no reason given)');
  expect(of(fold, 'Accepted')).toBe('False Rejected: rejected on n4 (not a path)');
  expect(fold.statusOf(web)?.nodes).toEqual({ total: 4, enforced: 0, degraded: 3, rejected: 1, pending: 0 });
  const good = foldOf(web, { n1: [says()] });
  expect([of(good, 'Accepted'), of(good, 'Degraded')]).toEqual(['True Valid: ', 'False AsExpected: ']);
  expect(of(foldOf(folded('web', { refused: 'main.ts:3: no\nrules' }), {}), 'Accepted')).toBe('False Refused: main.ts:3: no rules');
  expect(of(foldOf(web, {}), 'Degraded')).toBe('Unknown NoNodes: ');
});

test('ten nodes are named, and the others counted', () => {
  const many = (number: number): Record<string, PolicyReport[]> =>
    Object.fromEntries(Array.from({ length: number }, (_, index) => [`n${100 + index}`, [says({ state: 'Degraded', message: 'gone' })]]));
  const ten = 'n100, n101, n102, n103, n104, n105, n106, n107, n108, n109';
  expect(of(foldOf(web, many(10)), 'Degraded')).toBe(`True NodesDegraded: degraded on ${ten} (gone)`);
  expect(of(foldOf(web, many(22)), 'Degraded')).toBe(`True NodesDegraded: degraded on ${ten} (gone) and 12 more`);
  expect(of(foldOf(web, many(22)), 'Enforced')).toBe(`False Degraded: in force on 0 of 22 nodes; degraded on ${ten} and 12 more`);
});

test('what a node says is one short line, whatever it is', () => {
  const fold = foldOf(web, { 'n\u001b[2J': [says({ state: 'Degraded', message: `\u001b[2J\nReady: true\u202e${'x'.repeat(8000)}` })] });
  const said = of(fold, 'Degraded');
  expect(said).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(said.length).toBeLessThan(300);
});

test('containers are counted where this generation is known, and host policies have none', () => {
  const fold = foldOf(web, { n1: [says({ containers: 3 })], n2: [says({ containers: 2 })], n3: [says({ containers: 9, generation: 0 })] });
  expect(fold.statusOf(web)?.containers).toBe(5);
  const edge = folded('edge', { kind: 'KubeArmorHostPolicy', namespace: '' });
  const host = foldOf(edge, { n1: [policyReport('edge', { kind: 'KubeArmorHostPolicy', namespace: '', commit, containers: 0 })] });
  expect(conditionText(host.statusOf(edge), 'Enforced')).toBe('True AllNodes: in force on 1 of 1 node');
});

test('a node that goes quiet no longer counts, which is said, until it reports anew', () => {
  const fold = foldOf(web, { n1: [says()] });
  fold.setReport('n2', report('n2', says()), START + 30_000);
  fold.changed(START + 59_999);
  expect(of(fold, 'Enforced')).toBe('True AllNodes: in force on 2 of 2 nodes, for 2 containers');
  expect(fold.changed(START + 60_000)).toEqual([{ kind: 'KubeArmorPolicy', namespace: 'shop', name: 'web' }]);
  expect(of(fold, 'Enforced')).toBe(
    'True AllNodes: in force on 1 of 1 node, for 1 container; 1 node not counted, which has not reported for 60 seconds: n1',
  );
  fold.changed(START + 90_000);
  expect(of(fold, 'Enforced')).toBe('False Stale: 2 nodes not counted, which have not reported for 60 seconds: n1, n2');
  fold.setReport('n2', report('n2', says()), START + 91_000);
  fold.removeNode('n1');
  fold.changed(START + 91_000);
  expect(of(fold, 'Enforced')).toBe('True AllNodes: in force on 1 of 1 node, for 1 container');
});

test('a report that is only seen once more is not renewed, whatever its own clock says', () => {
  const fold = new Fold();
  fold.setPolicies([web]);
  const old = nodeReport('n1', { observedAt: '2099-01-01T00:00:00Z', policies: [says()] });
  for (let time = START; time <= START + 60_000; time += 10_000) fold.setReport('n1', old, time);
  fold.changed(START + 60_000);
  expect(of(fold, 'Enforced')).toMatch(/^False Stale/);
});

test('what has changed is told once, and again when it could not be written', () => {
  const fold = foldOf(web, { n1: [says()] });
  expect(fold.changed(START)).toEqual([]);
  fold.setReport('n1', report('n1', says()), START + 1000);
  expect(fold.changed(START + 1000)).toEqual([]);
  fold.setReport('n1', report('n1', says({ containers: 2 })), START + 2000);
  expect(fold.changed(START + 2000).map(refKey)).toEqual(['KubeArmorPolicy shop/web']);
  expect(fold.changed(START + 2000)).toEqual([]);
  fold.again(web);
  fold.again(folded('stranger'));
  expect(fold.changed(START + 2000)).toHaveLength(1);
  fold.setPolicies([folded('web', { generation: 2 })]);
  expect(fold.changed(START + 2000)).toHaveLength(1);
  expect(of(fold, 'Enforced')).toMatch(/^False NotYet/);
  fold.setPolicies([]);
  expect(fold.changed(START + 2000)).toEqual([]);
  expect(fold.statusOf(web)).toBeUndefined();
});

/** The status of an object that was given this one. */
function asWritten(status: PolicyStatus | undefined): PolicyStatus | undefined {
  return status === undefined ? undefined : readPolicyStatus(structuredClone(statusObject(status)));
}

test('an object shows how many of how many nodes hold its policy, and a status without that is none of ours', () => {
  const status = foldOf(web, { n1: [says()], n2: [] }).statusOf(web);
  expect(status && statusObject(status)).toMatchObject({ nodes: { summary: '1/2', total: 2, enforced: 1 } });
  expect(asWritten(status)).toEqual(status);
  expect(readPolicyStatus(status)).toBeUndefined();
});

test('more containers than the field can hold are as many as it can', () => {
  const nodes = Object.fromEntries(Array.from({ length: 2200 }, (_, index) => [`n${index}`, [says({ containers: 1_000_000 })]]));
  expect(foldOf(web, nodes).statusOf(web)?.containers).toBe(2 ** 31 - 1);
});

test('a status that the object has already is not told, and one that came to it from elsewhere is', () => {
  const written = asWritten(foldOf(web, { n1: [says()] }).statusOf(web));
  const fold = new Fold();
  fold.setPolicies([{ ...web, written }]);
  fold.setReport('n1', report('n1', says()), START + 5000);
  expect(fold.changed(START + 5000)).toEqual([]);
  fold.setPolicies([{ ...web, written: undefined }]);
  expect(fold.changed(START + 5000)).toHaveLength(1);
  // Seen with the old status once more while the new one is written.
  fold.setPolicies([{ ...web, written: undefined }]);
  expect(fold.changed(START + 5000)).toEqual([]);
  fold.setPolicies([{ ...web, written }]);
  expect(fold.changed(START + 5000)).toEqual([]);
});

test('the time of a transition is that of another status, not of other words, and outlives the fold', () => {
  const fold = foldOf(web, { n1: [says()] });
  const times = (): (string | undefined)[] => fold.statusOf(web)?.conditions.map(({ lastTransitionTime }) => lastTransitionTime) ?? [];
  const [start, later] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:07Z'];
  expect(times()).toEqual([start, start, start]);
  fold.setReport('n1', report('n1', says({ containers: 5 })), START + 5000);
  fold.changed(START + 5000);
  expect(times()).toEqual([start, start, start]);
  fold.setReport('n1', report('n1', says({ state: 'Degraded' })), START + 7000);
  fold.changed(START + 7000);
  expect(times()).toEqual([start, later, later]);
  const next = new Fold();
  next.setPolicies([{ ...web, written: asWritten(fold.statusOf(web)) }]);
  next.setReport('n1', report('n1', says({ state: 'Degraded' })), START + 90_000);
  next.changed(START + 90_000);
  expect(next.statusOf(web)?.conditions.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([start, later, later]);
});

test.each([undefined, null, [], {}, { nodes: {}, conditions: [] }, { nodes: {}, conditions: [{ type: 'Accepted' }] }])(
  'a status %j is none of ours',
  (value) => expect(readPolicyStatus(value)).toBeUndefined(),
);

test('no value makes the reading of a status throw', () => {
  fc.assert(fc.property(fc.anything({ withNullPrototype: true }), (value) => expect(() => readPolicyStatus(value)).not.toThrow()));
  const status = foldOf(web, { n1: [says()] }).statusOf(web);
  const good = status && statusObject(status);
  const paths = ['nodes', 'nodes.total', 'nodes.summary', 'conditions', 'conditions.0', 'conditions.1.lastTransitionTime', 'containers'];
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.anything(), (path, value) => {
      const changed = structuredClone(good) as unknown as Record<string, unknown>;
      const parts = path.split('.');
      const parent = parts.slice(0, -1).reduce((object, part) => object[part] as Record<string, unknown>, changed);
      parent[parts.at(-1) ?? ''] = value;
      expect(() => readPolicyStatus(changed)).not.toThrow();
    }),
  );
});

test('a node that speaks of policies that are not there leaves nothing behind', () => {
  const fold = foldOf(web, { n1: [says()] });
  const before = fold.size;
  const invented = Array.from({ length: 500 }, (_, index) => policyReport(`invented-${index}`, { message: `${index}`, state: 'Degraded' }));
  fold.setReport('n2', report('n2', ...invented), START);
  expect(fold.size.policies).toBe(501);
  fold.setReport('n2', report('n2', ...invented.slice(0, 3).toReversed()), START);
  expect(fold.size.policies).toBe(4);
  fold.removeNode('n2');
  expect(fold.size).toEqual(before);
  fold.setPolicies([]);
  fold.removeNode('n1');
  expect(fold.size).toEqual({ nodes: 0, counting: 0, policies: 0, sayings: 0 });
});

test('of a source’s policies one with another fingerprint than is wanted is not there yet', () => {
  const fold = foldOf({ ...web, fingerprint: 'new' }, { n1: [says()] });
  const about = (fingerprint: string | undefined): string => {
    const { policies, enforced } = fold.foldSource([{ ...web, fingerprint }], { now: START, waited: 0 });
    return `${enforced.state} ${enforced.description}, ${policies.pending} pending`;
  };
  expect([about('new'), about(undefined)]).toEqual(Array(2).fill('success 1 of 1 nodes, 0 pending'));
  expect(about('newer')).toBe('pending 0 of 1 nodes, 1 pending');
});
