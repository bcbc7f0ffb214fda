import { expect, test } from '@jest/globals';
import { eventName, eventObject, plainEvent, sameness } from '../../../reconciler/src/adapters/kubernetes/event-object.ts';
import type { ReportedEvent } from '../../../reconciler/src/adapters/kubernetes/event-object.ts';

const EVENT: ReportedEvent = {
  regarding: { apiVersion: 'parapet.dev/v1alpha1', kind: 'PolicySource', namespace: 'shop', name: 'policies', uid: 'uid-1' },
  type: 'Normal',
  reason: 'Applied',
  action: 'Apply',
  note: '2 added',
};
const FIRST = new Date('2026-01-02T03:04:05.678Z');
const LAST = new Date('2026-01-02T03:05:00.000Z');

test('an event is as the API has it, a repeated one with its count', () => {
  const stored = eventName(EVENT, 'ff');
  const once = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace: 'shop', name: 'policies.ff' },
    eventTime: '2026-01-02T03:04:05.678000Z',
    reportingController: 'parapet.dev/reconciler',
    reportingInstance: 'pod-1',
    ...EVENT,
  };
  expect(eventObject(EVENT, stored, { instance: 'pod-1', count: 1, first: FIRST, last: FIRST })).toEqual(once);
  expect(eventObject(EVENT, stored, { instance: 'pod-1', count: 3, first: FIRST, last: LAST })).toEqual({
    ...once,
    series: { count: 3, lastObservedTime: '2026-01-02T03:05:00.000000Z' },
  });
});

test.each([
  ['policies', 'policies.ff'],
  ['a.b-c', 'a.b-c.ff'],
  [`${'x'.repeat(199)}-${'y'.repeat(53)}`, `${'x'.repeat(199)}.ff`],
  ['Über ../etc', 'ber-..-etc.ff'],
  ['..', 'event.ff'],
])('an event about %s has a name that the API takes', (name, expected) => {
  expect(eventName({ ...EVENT, regarding: { ...EVENT.regarding, name } }, 'ff').name).toBe(expected);
});

test('a note is one plain line of at most 1,024 bytes, in whole characters', () => {
  const noteOf = (note: string): string => plainEvent({ ...EVENT, note }).note;
  expect(noteOf('one\n\u001b[31mtwo ')).toBe('one [31mtwo');
  expect(noteOf('ä'.repeat(512))).toBe('ä'.repeat(512));
  expect(noteOf('ä'.repeat(513))).toBe(`${'ä'.repeat(510)}…`);
  expect(noteOf('😀'.repeat(300))).toBe(`${'😀'.repeat(255)}…`);
});

test('events are the same when all but their time is', () => {
  const others: readonly ReportedEvent[] = [
    { ...EVENT, type: 'Warning' },
    { ...EVENT, reason: 'Other' },
    { ...EVENT, action: 'Other' },
    { ...EVENT, note: 'other' },
    { ...EVENT, regarding: { ...EVENT.regarding, uid: 'uid-2' } },
    { ...EVENT, regarding: { ...EVENT.regarding, name: 'other' } },
  ];
  expect(sameness({ ...EVENT, regarding: { ...EVENT.regarding } })).toBe(sameness(EVENT));
  expect(new Set([EVENT, ...others].map(sameness)).size).toBe(7);
});
