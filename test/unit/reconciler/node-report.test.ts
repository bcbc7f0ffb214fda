import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readNodeReport } from '../../../reconciler/src/node-report.ts';
import { nodeReport, policyReport, violation } from './builders.ts';

const good = nodeReport('n1', {
  policies: [policyReport('web', { commit: 'c', generation: 3 })],
  violations: [violation({ source: 'main.ts:3', workload: 'shop/Deployment/web' })],
});
const status = (change: Record<string, unknown>): unknown => ({ ...good, status: { ...good.status, ...change } });

test('a report is taken as it is, with fields that only newer agents know', () => {
  expect(readNodeReport(good)).toEqual({ report: good });
  const newer = status({ more: 1 });
  expect(readNodeReport(newer)).toEqual({ report: newer });
});

test.each([
  ['nothing', null, 'it is not a NodeReport of parapet.dev/v1alpha1'],
  ['a list', [], 'it is not a NodeReport of parapet.dev/v1alpha1'],
  ['another kind', { ...good, kind: 'Pod' }, 'it is not a NodeReport of parapet.dev/v1alpha1'],
  ['another version', { ...good, apiVersion: 'v1' }, 'it is not a NodeReport of parapet.dev/v1alpha1'],
  ['no name', { ...good, metadata: {} }, 'metadata.name is missing'],
  ['no status', { ...good, status: null }, 'status is missing'],
  ['a number for a time', status({ observedAt: 4 }), 'status.observedAt is not a text'],
  ['a list of counters', status({ counters: [] }), 'status.counters is not an object'],
  ['no policies', status({ policies: undefined }), 'status.policies is not a list'],
  ['a text for a policy', status({ policies: ['web'] }), 'status.policies[0] is not an object'],
  [
    'an unknown state',
    status({ policies: [policyReport('a'), { ...policyReport('b'), state: 'Fine' }] }),
    'status.policies[1].state is not what it should be',
  ],
  [
    'half a container',
    status({ policies: [policyReport('a', { containers: 0.5 })] }),
    'status.policies[0].containers is not what it should be',
  ],
  [
    'half a generation',
    status({ policies: [policyReport('a', { generation: 1.5 })] }),
    'status.policies[0].generation is not what it should be',
  ],
  ['a negative count', status({ violations: [violation({ count: -1 })] }), 'status.violations[0].count is not what it should be'],
  ['an endless count', status({ violations: [violation({ count: 1e300 })] }), 'status.violations[0].count is not what it should be'],
  [
    'an unknown action',
    status({ violations: [{ ...violation(), action: 'Shrug' }] }),
    'status.violations[0].action is not what it should be',
  ],
  [
    'a very long text',
    status({ violations: [violation({ resource: 'x'.repeat(8193) })] }),
    'status.violations[0].resource is not what it should be',
  ],
  ...['shop/web', 'shop/Deployment/', '/Deployment/web', 'shop/Deployment/web\n', `shop/Pod/${'x'.repeat(600)}`, 4].map(
    (workload): [string, unknown, string] => [
      `${String(workload).slice(0, 30)} for a workload`,
      status({ violations: [{ ...violation(), workload }] }),
      'status.violations[0].workload is not what it should be',
    ],
  ),
  ['very many entries', status({ violations: Array.from({ length: 100_001 }, () => 1) }), 'status.violations has more than 100000 entries'],
])('%s is refused with a sentence that says where', (_name, value, wrong) => {
  expect(readNodeReport(value)).toEqual({ wrong });
});

test('no value makes the reader throw, and what is wrong is said in words of ours', () => {
  const paths = [
    'metadata',
    'status',
    'status.policies',
    'status.policies.0',
    'status.policies.0.commit',
    'status.policies.0.generation',
    'status.violations.0.severity',
    'status.counters',
  ];
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.anything({ withNullPrototype: true, withBigInt: true }), (path, value) => {
      const changed = structuredClone(good) as unknown as Record<string, unknown>;
      const parts = path.split('.');
      const parent = parts.slice(0, -1).reduce((object, part) => object[part] as Record<string, unknown>, changed);
      parent[parts.at(-1) ?? ''] = value;
      const read = readNodeReport(changed);
      if ('wrong' in read) expect(read.wrong).toMatch(/^(status|metadata)[\w.[\]]* (is not|is missing|has more)/);
      else expect(read.report).toBe(changed);
    }),
    { numRuns: 500 },
  );
});
