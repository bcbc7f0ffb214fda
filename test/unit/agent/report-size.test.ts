import { expect, test } from '@jest/globals';
import type { NodeReport, PolicyReport, ViolationReport } from '@parapet/policy';
import { fitReport, MAX_REPORT } from '../../../agent/src/report-size.ts';

const policy = (index: number, rest: Partial<PolicyReport> = {}): PolicyReport => ({
  ...{ kind: 'KubeArmorPolicy', namespace: 'shop', name: `p${index}`, state: 'Enforced', message: '', containers: 1 },
  ...rest,
});
const violation = (index: number, rest: Partial<ViolationReport> = {}): ViolationReport => ({
  ...{ kind: 'KubeArmorPolicy', namespace: 'shop', name: 'p0', rule: `r${index}`, action: 'Block', operation: 'Process' },
  ...{ resource: '/bin/sh', severity: 1, message: '', count: 1, firstSeen: 't', lastSeen: 't' },
  ...rest,
});
const report = (policies: readonly PolicyReport[], violations: readonly ViolationReport[] = []): NodeReport => ({
  apiVersion: 'parapet.dev/v1alpha1',
  kind: 'NodeReport',
  metadata: { name: 'n1' },
  status: {
    ...{ observedAt: 't', enforcer: 'BPF-LSM', kernel: '6.12', counters: { lost: 3 } },
    ...{ totals: { policies: policies.length, violations: violations.length }, policies, violations },
  },
});
const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));
const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

test('a report that fits is left as it is', () => {
  const small = report(many(50, policy), [violation(0, { message: 'x'.repeat(8192) })]);
  expect(fitReport(small)).toBe(small);
});

test('of one that is too large the longest details go first, and it says so', () => {
  const long = many(200, (index) => policy(index, { state: 'Degraded', message: index % 2 === 0 ? 'ü'.repeat(8000) : 'no such hook' }));
  const { status } = fitReport(report(long));
  expect(bytes(fitReport(report(long)))).toBeLessThanOrEqual(MAX_REPORT);
  expect([status.cut, status.policies.length]).toEqual(['texts beyond 1024 characters', 200]);
  expect(status.policies[0]?.message).toBe(`${'ü'.repeat(1023)}…`);
  expect(status.policies[1]?.message).toBe('no such hook');
});

test('then violations go, the last ones, and the totals still say how many there are', () => {
  const { status } = fitReport(report(many(1000, policy), many(9000, violation)));
  expect(status.policies).toHaveLength(1000);
  expect(status.cut).toBe(`${9000 - status.violations.length} of 9000 violations`);
  expect(status.violations.at(0)?.rule).toBe('r0');
  expect(status.totals).toEqual({ policies: 1000, violations: 9000 });
  expect(status.counters).toEqual({ lost: 3, violationsCut: 9000 - status.violations.length });
});

test('then policies go, those that are in force before those that are not, in the order that they had', () => {
  const commit = 'c'.repeat(40);
  const policies = many(9000, (index) => policy(index, { commit, ...(index % 100 === 99 ? { state: 'Degraded', message: 'x' } : {}) }));
  const fitted = fitReport(report(policies, [violation(0)]));
  expect(bytes(fitted)).toBeLessThanOrEqual(MAX_REPORT);
  expect(bytes(fitted)).toBeGreaterThan(MAX_REPORT * 0.99);
  expect(fitted.status.policies.filter(({ state }) => state === 'Degraded')).toHaveLength(90);
  const order = fitted.status.policies.map(({ name }) => Number(name.slice(1)));
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(fitted.status.cut).toMatch(/^1 of 1 violations; \d+ of 9000 policies$/);
});

test('no list is longer than the definition takes, and no text', () => {
  const { status } = fitReport(report(many(10_001, policy), [violation(0, { resource: 'x'.repeat(9000) })]), 100 * MAX_REPORT);
  expect([status.policies.length, status.violations[0]?.resource.length]).toEqual([10_000, 8192]);
  expect(status.cut).toBe('texts beyond 8192 characters; 1 of 10001 policies');
});

test('half a character is never left', () => {
  const faces = fitReport(report(many(300, (index) => policy(index, { message: '😀'.repeat(3000) }))));
  expect(faces.status.policies.every(({ message }) => /^(😀)+…$/u.test(message))).toBe(true);
});
