import { expect, test } from '@jest/globals';
import { WhatIf, whatIfText } from '@parapet/policy';
import { fileRule, pathRule, policyOf } from './builders.ts';
import { record } from './telemetry-records.ts';
import type { Json } from './telemetry-records.ts';

test('records are summed up by rule and workload, with how often each happened', () => {
  const after = policyOf(pathRule('/bin/sh'), fileRule('/etc/', { action: 'Audit' }));
  const whatIf = new WhatIf({ before: { policies: [] }, after: { policies: [after] } });
  const all: Json[] = [
    record({ count: 2 }),
    record({ podName: 'web-7d4b9c6f5-bbbbb', updatedTime: '2023-11-15T22:00:00Z' }),
    record({ podName: 'db-0', operation: 'File', resource: '/etc/passwd', data: 'lsm=FILE_OPEN' }),
    record({ operation: 'AlertThreshold', updatedTime: undefined, timestamp: undefined }),
    record({ namespaceName: '' }),
    record({ namespaceName: 'other' }),
    { nonsense: true },
  ];
  for (const one of all) whatIf.add(one);
  const summary = whatIf.summary();
  expect(summary).toMatchObject({
    records: 6,
    unreadable: 1,
    counts: { 'would-block': 3, 'would-audit': 1, undecidable: 1, unchanged: 1, other: 1, 'no-longer-blocked': 0 },
    first: Date.parse('2023-11-14T22:13:20.123Z'),
    last: Date.parse('2023-11-15T22:00:00Z'),
    reasons: [
      { outcome: 'other', why: 'it tells of records that are missing', count: 1 },
      { outcome: 'undecidable', why: 'the record does not say whose access it was', count: 1 },
    ],
  });
  expect(summary.rules).toMatchObject([
    { outcome: 'would-block', count: 3, workloads: ['default/web'], examples: ['/bin/sh by /bin/bash'] },
    { outcome: 'would-audit', count: 1, workloads: ['default/db'], examples: ['/etc/passwd by /bin/sh'] },
  ]);
  expect(summary.workloads.map(({ workload }) => workload)).toEqual(['default/web', 'default/db']);
  expect(whatIfText(summary)).toBe('would have blocked 3 accesses and audited 1 in 24 h, in 2 workloads; 1 undecidable');
});

test('what programs were called with is left out of examples where that is wished for', () => {
  const sets = { before: { policies: [] }, after: { policies: [policyOf(pathRule('/bin/sh'), fileRule('/etc/', { action: 'Audit' }))] } };
  const calls = [
    record({ resource: '/bin/sh -c s3cret', parentProcessName: '', source: '/bin/bash --token s3cret' }),
    record({ operation: 'File', resource: '/etc/a b', data: 'lsm=FILE_OPEN', processName: '', source: '/bin/bash --token' }),
  ];
  const examples = (whatIf: WhatIf): readonly string[] => {
    for (const call of calls) whatIf.add(call);
    return whatIf.summary().rules.flatMap((rule) => rule.examples);
  };
  expect(examples(new WhatIf(sets, { withArguments: false }))).toEqual(['/bin/sh by /bin/bash', '/etc/a b by /bin/bash']);
  expect(examples(new WhatIf(sets))).toEqual(['/bin/sh -c s3cret by /bin/bash --token s3cret', '/etc/a b by /bin/bash --token']);
});

test('what differs too much is only counted', () => {
  const whatIf = new WhatIf({ before: { policies: [] }, after: { policies: [policyOf(pathRule('/bin/sh'))] } });
  for (let index = 0; index < 1200; index += 1) whatIf.add(record({ podName: `pod-x${index}`, count: Number.MAX_SAFE_INTEGER }));
  const { workloads, rules, counts } = whatIf.summary();
  expect([workloads.length, rules[0]?.workloads.length, rules[0]?.examples.length]).toEqual([1000, 100, 1]);
  expect(counts['would-block']).toBe(Number.MAX_SAFE_INTEGER);
});

const HOUR = 3_600_000;
test.each<[Partial<Record<string, number>>, number | undefined, string]>([
  [{ 'would-block': 3 }, 24 * HOUR, 'would have blocked 3 accesses in 24 h, in 1 workload'],
  [{ 'would-block': 1 }, 24 * HOUR, 'would have blocked 1 access in 24 h, in 1 workload'],
  [{}, 24 * HOUR, 'would have blocked nothing in 24 h'],
  [{ 'would-audit': 1 }, 90_000, 'would have blocked nothing and audited 1 access in 2 min, in 1 workload'],
  [{ 'would-block': 2, 'would-audit': 5 }, 30_000, 'would have blocked 2 accesses and audited 5 in 30 s, in 1 workload'],
  [
    { 'no-longer-blocked': 4, 'no-longer-audited': 1 },
    7 * 24 * HOUR,
    'would have blocked nothing in 7 days; 4 no longer blocked; 1 no longer audited',
  ],
  [{ undecidable: 9 }, undefined, 'would have blocked nothing; 9 undecidable'],
])('%j reads as people write it', (some, window, text) => {
  const zero = {
    'would-block': 0,
    'would-audit': 0,
    'no-longer-blocked': 0,
    'no-longer-audited': 0,
    undecidable: 0,
    unchanged: 0,
    other: 0,
  };
  const counts = { ...zero, ...some };
  const summary = { records: 9, unreadable: 0, counts, rules: [], workloads: [{ workload: 'shop/web', counts }], reasons: [] };
  expect(whatIfText(summary, window)).toBe(text);
});

test('without records there is nothing to say', () => {
  const empty = new WhatIf({ before: { policies: [] }, after: { policies: [] } }).summary();
  expect(whatIfText(empty)).toBe('no telemetry');
  expect(whatIfText(empty, 24 * HOUR)).toBe('no telemetry in 24 h');
});
