import { expect, test } from '@jest/globals';
import { COUNTERS } from '@parapet/policy';
import { lostDenials, Losses, missedRuns } from '../../../agent/src/losses.ts';

const place = { node: 'n1', cluster: 'prod' };
const none = Object.fromEntries(COUNTERS.map((name) => [name, 0]));

test('while no denial is lost there is nothing to tell, whatever else is counted', () => {
  const losses = new Losses(place);
  expect(losses.look(none, 0)).toEqual([]);
  expect(losses.look({ ...none, events: 7, aggregated: 9, ringFull: 3, summaryRingFull: 2, lost: 3 }, 1000)).toEqual([]);
});

test('what was lost since the last look is one alert, with its number and its causes', () => {
  const losses = new Losses(place);
  losses.look({ ...none, ringFullBlock: 0 }, 1_000);
  expect(losses.look({ ...none, ringFullBlock: 12, unrecordedBlock: 3, lostBlock: 5 }, 2_000)).toEqual([
    {
      timestamp: 2,
      updatedTime: '1970-01-01T00:00:02.000000Z',
      clusterName: 'prod',
      hostName: 'n1',
      enforcer: 'BPFLSM',
      severity: '10',
      message: '15 denials have no record of their own: the ring buffer was full, no working memory was free; 5 of them are in no summary',
      type: 'SystemEvent',
      operation: 'AlertThreshold',
      data: 'ringFullBlock=12 unrecordedBlock=3 labelsFull=0',
      result: 'Passed',
      count: 15,
      firstSeen: '1970-01-01T00:00:01.000000Z',
      lastSeen: '1970-01-01T00:00:02.000000Z',
    },
  ]);
});

test('the same losses are told once', () => {
  const losses = new Losses(place);
  const counters = { ...none, ringFullBlock: 1 };
  losses.look(none, 0);
  expect(losses.look(counters, 1000)[0]?.message).toBe(
    '1 denial has no record of its own: the ring buffer was full; all are counted in summaries',
  );
  expect(losses.look(counters, 2000)).toEqual([]);
  expect(losses.look({ ...counters, ringFullBlock: 2 }, 3000)).toMatchObject([{ count: 1 }]);
});

test('what was lost while no agent ran is told by the next one', () => {
  expect(new Losses(place).look({ ...none, labelsFull: 2 }, 0)[0]?.message).toBe(
    "2 denials have no record of their own, since before this agent started: there was no room for a process's label; 2 of them are in no summary",
  );
});

test('lost denials are those without a record, for any cause', () => {
  expect(lostDenials({ ...none, ringFullBlock: 1, unrecordedBlock: 2, labelsFull: 4, ringFull: 100, lost: 100 })).toBe(7);
});

test('runs that the kernel left out are an alert of their own, once, which says what to do', () => {
  const losses = new Losses(place);
  losses.look(none, 1_000);
  const [missed, ...others] = losses.look({ ...none, runsMissed: 3 }, 2_000);
  expect(others).toEqual([]);
  expect(missed).toMatchObject({ type: 'SystemEvent', operation: 'AlertThreshold', severity: '10', data: 'runsMissed=3', count: 3 });
  expect(missed?.message).toMatch(/^this kernel left out 3 runs of programs for its hooks, .*update the kernel/);
  expect(losses.look({ ...none, runsMissed: 3 }, 3_000)).toEqual([]);
  expect(losses.look({ ...none, runsMissed: 4, ringFullBlock: 1 }, 4_000).map(({ data }) => data)).toEqual([
    'ringFullBlock=1 unrecordedBlock=0 labelsFull=0',
    'runsMissed=1',
  ]);
  expect(missedRuns({ ...none, runsMissed: 0 })).toBeUndefined();
});
