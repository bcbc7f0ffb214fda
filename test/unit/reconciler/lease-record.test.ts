import { expect, test } from '@jest/globals';
import { heldBy, leaseSpec, readLease, SeenLease } from '../../../reconciler/src/adapters/kubernetes/lease-record.ts';
import type { LeaseRecord } from '../../../reconciler/src/adapters/kubernetes/lease-record.ts';

const NOW = new Date('2026-01-02T03:04:05.678Z');
const THEIRS: LeaseRecord = { holder: 'a', seconds: 15, transitions: 3, acquireTime: '2026-01-01T00:00:00.000000Z', renewTime: 'then' };

test('what was written is read again', () => {
  expect(readLease({ metadata: { name: 'x' }, spec: leaseSpec(THEIRS) }, 99)).toEqual(THEIRS);
});

test.each([undefined, 'no object', {}, { holderIdentity: 7, leaseDurationSeconds: -1, leaseTransitions: 'x', acquireTime: null }])(
  'a lease that says %j is nobody’s',
  (spec) => {
    expect(readLease({ metadata: { name: 'x' }, spec }, 15)).toEqual({
      holder: '',
      seconds: 15,
      transitions: 0,
      acquireTime: '',
      renewTime: '',
    });
  },
);

test('who keeps a lease keeps its times, who takes it over is counted', () => {
  const ours = { seconds: 20, now: NOW };
  const renewTime = '2026-01-02T03:04:05.678000Z';
  const times = { acquireTime: renewTime, renewTime };
  expect(heldBy('a', THEIRS, ours)).toEqual({ ...THEIRS, seconds: 20, renewTime });
  expect(heldBy('b', THEIRS, ours)).toEqual({ holder: 'b', seconds: 20, transitions: 4, ...times });
  expect(heldBy('b', undefined, ours)).toEqual({ holder: 'b', seconds: 20, transitions: 0, ...times });
});

test('a lease is another’s for as long as it was not seen to change, by our clock', () => {
  const seen = new SeenLease();
  expect(seen.isHeldByAnother('b', 0)).toBe(false);
  seen.note(THEIRS, 1_000);
  expect([seen.isHeldByAnother('a', 1_000), seen.isHeldByAnother('b', 1_000)]).toEqual([false, true]);
  seen.note(THEIRS, 10_000);
  expect([seen.isHeldByAnother('b', 15_999), seen.isHeldByAnother('b', 16_000)]).toEqual([true, false]);
  seen.note({ ...THEIRS, renewTime: 'later' }, 16_000);
  expect([seen.isHeldByAnother('b', 30_999), seen.isHeldByAnother('b', 31_000)]).toEqual([true, false]);
});

test('a lease that was given back is anybody’s at once', () => {
  const seen = new SeenLease();
  seen.note({ ...THEIRS, holder: '' }, 0);
  expect(seen.isHeldByAnother('b', 0)).toBe(false);
});
