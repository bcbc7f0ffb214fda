/** The schema of NodeReport, what agents write and what the reconciler reads: each holds the others. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildReport } from '../../agent/src/report.ts';
import type { AgentStatus } from '../../agent/src/status.ts';
import { readNodeReport } from '../../reconciler/src/node-report.ts';
import { faultsOf, objectsOf, pruned, schemaOf, spoilt, validatorOf } from '../support/crd.ts';
import { nodeReport, policyReport, violation } from '../unit/reconciler/builders.ts';

const validate = validatorOf('NodeReport');
const schema = schemaOf('NodeReport');

const STATUS: AgentStatus = {
  node: 'n1',
  cluster: 'c',
  enforcer: 'BPF-LSM',
  kernel: '6.12.1',
  runtime: { connected: true, message: '' },
  host: { tableHash: '', policies: [] },
  containers: [],
  policies: [
    policyReport('a', { commit: 'c'.repeat(40) }),
    policyReport('b', { kind: 'KubeArmorHostPolicy', namespace: '', state: 'Degraded', message: 'why' }),
  ],
  counters: { events: 3, ringFull: 2 ** 40 },
  drops: { events: 0, denials: 0, alerts: 1, violations: 2 },
  problems: ['never reported'],
};

test('what an agent writes is taken whole', () => {
  const violations = [violation({ source: 'main.ts:3', commit: 'c'.repeat(40), resource: '/x\n\u{1f600}' })];
  const report = JSON.parse(JSON.stringify(buildReport(STATUS, { violations, now: new Date() }))) as unknown;
  expect(faultsOf(validate, report)).toEqual([]);
  expect(pruned(schema, report)).toEqual(report);
});

test('a report says how many entries it has, for columns that cannot count', () => {
  expect(buildReport(STATUS, { violations: [violation()], now: new Date() }).status.totals).toEqual({ policies: 2, violations: 1 });
});

test.each([
  ['no status', { apiVersion: 'parapet.dev/v1alpha1', kind: 'NodeReport', metadata: { name: 'n' } }],
  ['a state that there is none of', nodeReport('n', { policies: [{ ...policyReport('a'), state: 'Fine' as 'Enforced' }] })],
  ['a kind that there is none of', nodeReport('n', { policies: [{ ...policyReport('a'), kind: 'Pod' as 'KubeArmorPolicy' }] })],
  ['half a container', nodeReport('n', { policies: [policyReport('a', { containers: 0.5 })] })],
  ['a negative count', nodeReport('n', { violations: [violation({ count: -1 })] })],
  ['a time that is none', nodeReport('n', { observedAt: 'yesterday' })],
  ['a novel', nodeReport('n', { kernel: 'x'.repeat(8193) })],
  ['a counter that does not count', nodeReport('n', { counters: { events: 'many' as unknown as number } })],
  ['too many entries', nodeReport('n', { violations: Array.from({ length: 10_001 }, () => violation()) })],
])('%s is refused', (_name, report) => {
  expect(faultsOf(validate, report)).not.toEqual([]);
});

test('the reconciler reads whatever the schema takes', () => {
  let taken = 0;
  const samples = { observedAt: ['2026-01-01T00:00:00Z'], firstSeen: ['2026-01-01T00:00:00Z'], lastSeen: ['2026-01-01T00:00:00.5Z'] };
  const reports = objectsOf(schema.properties?.['status'] ?? {}, samples);
  fc.assert(
    fc.property(fc.oneof(reports, spoilt(reports)), (status) => {
      const report = { apiVersion: 'parapet.dev/v1alpha1', kind: 'NodeReport', metadata: { name: 'n' }, status };
      if (faultsOf(validate, report).length > 0) return;
      taken += 1;
      expect(readNodeReport(report)).toEqual({ report });
    }),
    { numRuns: 500 },
  );
  expect(taken).toBeGreaterThan(50);
});
