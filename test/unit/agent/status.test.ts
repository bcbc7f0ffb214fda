import { expect, test } from '@jest/globals';
import { compile, policyRef } from '@parapet/policy';
import type { Problem } from '@parapet/policy';
import { EMPTY_BOOK, readBook } from '../../../agent/src/book.ts';
import type { Unit } from '../../../agent/src/units.ts';
import { renderStatus } from '../../../agent/src/render.ts';
import { buildReport } from '../../../agent/src/report.ts';
import { buildStatus, parsePolicyName, reportPolicies } from '../../../agent/src/status.ts';
import type { StatusInput } from '../../../agent/src/status.ts';
import { containerOf, fileOf, manifest } from '../../support/agent-fakes.ts';

const audit = { file: 'audit', network: 'audit', capabilities: 'audit' } as const;
const commit = 'c'.repeat(40);
const withCommit = { metadata: { annotations: { 'parapet.dev/commit': commit } } };
const book = readBook(
  EMPTY_BOOK,
  [fileOf('a.yaml', manifest('a', withCommit), manifest('b'))],
  (policy) => compile([policy], audit).problems,
);
const [a, b] = book.policies;
if (a === undefined || b === undefined) throw new Error('two policies');
const container = containerOf(1, { labels: { app: 'web', evil: '\u001b[31mred\nline' } });
const unit: Unit = {
  cgroup: 1n,
  containers: [container],
  workloads: [container.workload],
  wanted: [a, b],
  held: [a],
  inForce: { container: 1, generation: 1, tableHash: 'abcdef0123456789', nodeBase: 0 },
  unresolved: false,
  problem: undefined,
};
const input: StatusInput = {
  node: 'n1',
  cluster: 'default',
  support: { enforcer: 'BPF-LSM', problems: [], kernel: '6.1.0', missingHooks: [] },
  runtime: { connected: true, message: 'containerd answers' },
  containers: [container],
  units: [unit],
  book,
  counters: { events: 3, ringFull: 2, ringFullBlock: 1, lost: 5, unrecordedBlock: 6, labelsFull: 7 },
  lost: { alerts: 4, violations: 0 },
};

test('a policy is enforced where every container holds it, and pending while one does not', () => {
  expect(reportPolicies(input).map(({ name, state, message }) => [name, state, message])).toEqual([
    ['a', 'Enforced', 'in force on 1 container'],
    ['b', 'Pending', 'not yet in force on 1 of 1'],
  ]);
});

test('where the kernel left out runs of programs no policy is held for certain', () => {
  const reports = reportPolicies({ ...input, counters: { ...input.counters, runsMissed: 1 } });
  expect(reports.map(({ state }) => state)).toEqual(['Degraded', 'Degraded']);
  expect(reports[0]?.message).toMatch(/^this kernel left out 1 run of a program for its hooks, /);
});

test('a policy carries its commit', () => {
  expect(reportPolicies(input).map((report) => report.commit)).toEqual([commit, undefined]);
});

test('a policy carries its generation where it has one, and one that is refused those of the version that was', () => {
  const version = { commit: 'd'.repeat(40), generation: 8 };
  const problem: Problem = { code: 'invalid-value', severity: 'error', place: {}, message: 'no such action' };
  const rejected = [
    { ref: policyRef(b), problem, version },
    { ref: { ...policyRef(b), name: 'c' }, problem, version: { generation: 1 } },
  ];
  const said = reportPolicies({ ...input, book: { ...book, versions: new Map([[a, { generation: 7 }]]), rejected } });
  expect(said.map(({ name, state, commit: from, generation }) => [name, state, from, generation])).toEqual([
    ['a', 'Enforced', undefined, 7],
    ['b', 'Rejected', 'd'.repeat(40), 8],
    ['c', 'Rejected', undefined, 1],
  ]);
  expect(reportPolicies(input).every((report) => !Object.hasOwn(report, 'generation'))).toBe(true);
});

test('the status says what is in force, what was lost and what is wrong', () => {
  expect(buildStatus(input)).toMatchObject({
    enforcer: 'BPF-LSM',
    containers: [{ id: 'c1', namespace: 'shop', tableHash: 'abcdef0123456789', policies: ['KubeArmorPolicy shop/a'] }],
    drops: { events: 7, denials: 14, alerts: 4, violations: 0 },
    problems: [],
  });
});

test('a status can travel as JSON', () => {
  const status = buildStatus(input);
  expect(JSON.parse(JSON.stringify(status))).toEqual(status);
});

test('people get columns, in which nothing steers their terminal', () => {
  const hostile = containerOf(2, { id: 'x\u001b[2J\nfake', labels: {} });
  const text = renderStatus(buildStatus({ ...input, containers: [container, hostile] }));
  expect(text).toContain('POLICY  KIND             STATE     COMMIT        WHY\n');
  expect(text).toContain('shop/a  KubeArmorPolicy  Enforced  cccccccccccc  in force on 1 container\n');
  expect(text).toContain('abcdef012345');
  expect(text).toContain('x?[2J?fake');
  expect(text).not.toContain('\u001b');
});

test('a lost connection is said first', () => {
  expect(renderStatus(buildStatus({ ...input, runtime: { connected: false, message: 'gone' } }))).toContain(
    'runtime   NOT CONNECTED: gone\n',
  );
});

test('the report of a node carries policies, violations and every loss', () => {
  const report = buildReport(buildStatus(input), { violations: [], now: new Date(0) });
  expect(report).toMatchObject({ kind: 'NodeReport', metadata: { name: 'n1' } });
  expect(report.status.observedAt).toBe('1970-01-01T00:00:00.000Z');
  expect(report.status.counters).toEqual({ ...input.counters, alertsDropped: 4, violationsDropped: 0 });
});

test.each([
  ['shop/a', 'shop', true],
  ['a', 'shop', false],
  ['a', '', true],
  ['/a', '', true],
  ['container_namespace/a', 'default', true],
  ['default/a', 'shop', false],
])('%j means a policy of the namespace %j: %j', (text, namespace, means) => {
  expect(parsePolicyName(text)?.({ kind: 'KubeArmorPolicy', namespace, name: 'a' })).toBe(means);
});

test.each(['', '/', 'a/', 'a/b/c', 'a b'])('%j names no policy', (text) => {
  expect(parsePolicyName(text)).toBeUndefined();
});
