import { expect, test } from '@jest/globals';
import { formatProblem, parsePolicy, quantity, tightest } from '@parapet/policy';
import type { Resources } from '@parapet/policy';

function parse(resources: unknown, kind = 'KubeArmorPolicy') {
  const { policy, problems } = parsePolicy(
    {
      apiVersion: 'security.kubearmor.com/v1',
      kind,
      metadata: { name: 'limits' },
      spec:
        kind === 'KubeArmorHostPolicy' ? { nodeSelector: { matchLabels: {} }, resources } : { selector: { matchLabels: {} }, resources },
    },
    {},
  );
  return { resources: policy?.resources, problems: problems.map(formatProblem) };
}

test('quantities are Kubernetes’', () => {
  const texts = ['256Mi', '1G', '500m', '0.5', '10', 10, '1.5Gi', '2k', '1Ti'];
  expect(texts.map(quantity)).toEqual([268435456, 1e9, 0.5, 0.5, 10, 10, 1610612736, 2000, 2 ** 40]);
  expect(['', '1 Gi', '1gi', '-1', '1e3', '1Gib', 'max', '0x10', null, NaN, Infinity, {}, '9'.repeat(40)].map(quantity)).toEqual(
    Array(13).fill(undefined),
  );
});

test('a policy may have nothing but limits', () => {
  const io = [
    { device: '8:0', readBytesPerSecond: '10Mi', writeOperationsPerSecond: 100 },
    { device: '/dev/sdb', writeBytesPerSecond: '1M' },
  ];
  expect(parse({ memory: '256Mi', pids: 100, cpu: '500m', io })).toEqual({
    resources: {
      memory: 268435456,
      pids: 100,
      cpu: 0.5,
      io: new Map([
        ['8:0', { readBytesPerSecond: 10485760, writeOperationsPerSecond: 100 }],
        ['/dev/sdb', { writeBytesPerSecond: 1e6 }],
      ]),
    },
    problems: [],
  });
});

test('every bad quantity is a problem of its own, at once', () => {
  const io = [
    { device: 'sda', readBytesPerSecond: '0' },
    { device: '8:0' },
    { readBytesPerSecond: '1.5' },
    { device: '/dev/../etc', wbps: 1 },
    7,
  ];
  const { resources, problems } = parse({ memory: '256MB', pids: '1.5', cpu: '1m', io, disk: '1Gi' });
  expect(resources).toBeUndefined();
  const fields = problems.map((line) => / (spec\.[\w.[\]]+): /.exec(line)?.[1]);
  expect(fields.sort()).toEqual([
    'spec.resources.cpu',
    'spec.resources.disk',
    'spec.resources.io[0].device',
    'spec.resources.io[0].readBytesPerSecond',
    'spec.resources.io[1].readBytesPerSecond',
    'spec.resources.io[2].device',
    'spec.resources.io[2].readBytesPerSecond',
    'spec.resources.io[3].device',
    'spec.resources.io[3].readBytesPerSecond',
    'spec.resources.io[3].wbps',
    'spec.resources.io[4]',
    'spec.resources.memory',
    'spec.resources.pids',
  ]);
});

test('what is too little to run anything, or not whole where it must be, is refused', () => {
  expect(parse({ memory: '1Ki' }).problems).toEqual([
    expect.stringContaining('must be whole, and 1048576 or more (write one such as 256Mi)'),
  ]);
  expect(parse({ pids: 0 }).problems).toEqual([expect.stringContaining('spec.resources.pids: 0 must be whole, and 1 or more')]);
  expect(parse({ memory: '9007199254740993' }).problems).toHaveLength(1);
});

test('a node is not limited', () => {
  expect(parse({ memory: '1Gi' }, 'KubeArmorHostPolicy').problems).toEqual([expect.stringContaining('[unknown-field]')]);
});

test('of several the tightest of each limit counts', () => {
  const a: Resources = { memory: 100, cpu: 1, io: new Map([['8:0', { readBytesPerSecond: 5, writeBytesPerSecond: 9 }]]) };
  const b: Resources = { memory: 50, pids: 7, io: new Map([['8:0', { readBytesPerSecond: 6, writeOperationsPerSecond: 1 }]]) };
  expect(tightest([a, b])).toEqual({
    memory: 50,
    pids: 7,
    cpu: 1,
    io: new Map([['8:0', { readBytesPerSecond: 5, writeBytesPerSecond: 9, writeOperationsPerSecond: 1 }]]),
  });
  expect(tightest([])).toEqual({ io: new Map() });
});
