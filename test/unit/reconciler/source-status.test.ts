import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MAX_HISTORY, MAX_MESSAGE, nextStatus, NO_STATUS } from '../../../reconciler/src/source-status.ts';
import type { Condition, Moment, SourceEvent, SourceStatus } from '../../../reconciler/src/source-status.ts';
import { readSourceStatus } from '../../../reconciler/src/source-status-object.ts';
import { faultsOf, pruned, schemaOf, validatorOf } from '../../support/crd.ts';
import { sourceObject } from './source-objects.ts';

const at = (second: number, generation = 1): Moment => ({ now: new Date(Date.UTC(2026, 0, 1, 0, 0, second)), generation });
const time = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
const revision = (name: string): string => `main@sha1:${name.repeat(40)}`;
const policies = { total: 2, enforced: 0, degraded: 0, refused: 0 };
const ended = (
  name: string,
  second = 0,
): Pick<Extract<SourceEvent, { kind: 'succeeded' }>, 'revision' | 'digest' | 'startedAt' | 'policies' | 'message'> => ({
  revision: revision(name),
  digest: `sha256:${name.repeat(64)}`,
  startedAt: at(second).now,
  policies,
  message: `2 policies of ${name}`,
});

/** What follows from events, a second apart, all for generation 1. */
function after(...events: readonly SourceEvent[]): SourceStatus {
  return events.reduce((status, event, index) => nextStatus(status, event, at(index)), NO_STATUS);
}

/** `Ready True Succeeded` and so on. */
const verdicts = ({ conditions }: SourceStatus): string[] => conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
const ready = ({ conditions }: SourceStatus): Condition => conditions.find(({ type }) => type === 'Ready')!;

const RETRIED: SourceEvent = { kind: 'failed', stage: 'fetch', retry: true, message: 'nobody answers', startedAt: at(0).now };

test('a run that succeeds', () => {
  const running = after({ kind: 'started' }, { kind: 'started', revision: revision('a') });
  expect(verdicts(running)).toEqual(['Ready Unknown Progressing', 'Reconciling True Progressing', 'Stalled False Progressing']);
  expect(running).toMatchObject({ lastAttemptedRevision: revision('a'), history: [] });
  expect(running).not.toHaveProperty('observedGeneration');
  const done = nextStatus(running, { kind: 'succeeded', ...ended('a') }, at(9));
  expect(verdicts(done)).toEqual(['Ready True Succeeded', 'Reconciling False Succeeded', 'Stalled False Succeeded']);
  expect(done).toMatchObject({
    observedGeneration: 1,
    lastAttemptedRevision: revision('a'),
    lastAppliedRevision: revision('a'),
    lastAppliedDigest: `sha256:${'a'.repeat(64)}`,
    policies,
    history: [{ revision: revision('a'), outcome: 'Succeeded', startedAt: time(0), finishedAt: time(9), count: 1 }],
  });
  expect(ready(done)).toEqual({
    type: 'Ready',
    status: 'True',
    reason: 'Succeeded',
    message: '2 policies of a',
    lastTransitionTime: time(9),
    observedGeneration: 1,
  });
});

test('what is in force stays ready while it is looked at again', () => {
  const done = after({ kind: 'succeeded', ...ended('a') });
  expect(nextStatus(done, { kind: 'started' }, at(5))).toBe(done);
  expect(nextStatus(done, { kind: 'started', revision: revision('a') }, at(5))).toBe(done);
  const newer = nextStatus(done, { kind: 'started', revision: revision('b') }, at(5));
  expect(verdicts(newer)[0]).toBe('Ready Unknown Progressing');
  expect(newer.lastAppliedRevision).toBe(revision('a'));
  const changed = nextStatus(done, { kind: 'started', revision: revision('a') }, at(5, 2));
  expect(verdicts(changed)[0]).toBe('Ready Unknown Progressing');
  expect(changed.observedGeneration).toBe(1);
});

test('what has failed stays failed while it is tried again', () => {
  const failed = after(RETRIED);
  expect(verdicts(failed)).toEqual(['Ready False FetchFailed', 'Reconciling True ProgressingWithRetry', 'Stalled False FetchFailed']);
  expect(nextStatus(failed, { kind: 'started' }, at(5))).toBe(failed);
  expect(failed).not.toHaveProperty('observedGeneration');
});

test('a commit that is refused waits for another one, and what was applied stays', () => {
  const status = after(
    { kind: 'succeeded', ...ended('a') },
    {
      kind: 'failed',
      stage: 'synth',
      reason: 'CommitRefused',
      retry: false,
      message: 'main.ts:3: no',
      revision: revision('b'),
      startedAt: at(0).now,
    },
  );
  expect(verdicts(status)).toEqual(['Ready False CommitRefused', 'Reconciling False CommitRefused', 'Stalled False CommitRefused']);
  expect(status).toMatchObject({ lastAttemptedRevision: revision('b'), lastAppliedRevision: revision('a') });
  expect(status.history.map(({ outcome }) => outcome)).toEqual(['Failed', 'Succeeded']);
});

test('a commit that is applied in part is not the last that was applied', () => {
  const refused = { ...policies, refused: 1 };
  const status = after({ kind: 'succeeded', ...ended('a') }, { kind: 'partly-applied', ...ended('b'), policies: refused });
  expect(verdicts(status)).toEqual(['Ready False PartlyApplied', 'Reconciling False PartlyApplied', 'Stalled False PartlyApplied']);
  expect(status).toMatchObject({ lastAttemptedRevision: revision('b'), lastAppliedRevision: revision('a'), policies: refused });
});

test('a wrong spec is final until it changes', () => {
  const stalled = nextStatus(after(RETRIED), { kind: 'stalled', message: 'spec.url: is required' }, at(5, 4));
  expect(verdicts(stalled)).toEqual(['Ready False InvalidSpec', 'Reconciling False InvalidSpec', 'Stalled True InvalidSpec']);
  expect(stalled.observedGeneration).toBe(4);
  const corrected = nextStatus(stalled, { kind: 'started' }, at(6, 5));
  expect(verdicts(corrected)).toEqual(['Ready Unknown Progressing', 'Reconciling True Progressing', 'Stalled False Progressing']);
});

describe('suspending', () => {
  test('leaves what is applied as ready as it was, and says nothing of the new generation', () => {
    const status = nextStatus(after({ kind: 'succeeded', ...ended('a') }), { kind: 'suspended' }, at(5, 2));
    expect(verdicts(status)).toEqual(['Ready True Suspended', 'Reconciling False Suspended', 'Stalled False Suspended']);
    expect(ready(status)).toMatchObject({
      observedGeneration: 1,
      message: `suspended; ${revision('a')} stays applied`,
      lastTransitionTime: time(0),
    });
    expect(status.observedGeneration).toBe(1);
  });

  test('ends a run without an end', () => {
    expect(verdicts(after({ kind: 'started' }, { kind: 'suspended' }))).toEqual([
      'Ready False Suspended',
      'Reconciling False Suspended',
      'Stalled False Suspended',
    ]);
  });
});

test('a dependency that is not ready is waited for', () => {
  const status = after({ kind: 'dependency-not-ready', message: 'parapet-system/base is not ready' });
  expect(verdicts(status)).toEqual([
    'Ready False DependencyNotReady',
    'Reconciling True ProgressingWithRetry',
    'Stalled False DependencyNotReady',
  ]);
});

test('nodes that tell something new change the counts only', () => {
  const done = after({ kind: 'succeeded', ...ended('a') });
  const counted = nextStatus(done, { kind: 'counted', policies: { ...policies, enforced: 2 } }, at(5));
  expect(counted).toEqual({ ...done, policies: { ...policies, enforced: 2 } });
  expect(nextStatus(done, { kind: 'counted', policies }, at(5))).toBe(done);
});

test('times of transition are those of the status, not of its reason', () => {
  const status = after(RETRIED, { ...RETRIED, stage: 'target', message: 'other' });
  expect(ready(status)).toMatchObject({ reason: 'ApplyFailed', message: 'other', lastTransitionTime: time(0) });
});

test('a request is handled when there is an answer, whatever it is', () => {
  const asked = (event: SourceEvent): string | undefined =>
    nextStatus(NO_STATUS, event, { ...at(0), requestedAt: 'now' }).lastHandledReconcileAt;
  expect(asked({ kind: 'started' })).toBeUndefined();
  expect(asked({ kind: 'suspended' })).toBeUndefined();
  expect(asked(RETRIED)).toBe('now');
  expect(asked({ kind: 'stalled', message: '' })).toBe('now');
  expect(asked({ kind: 'succeeded', ...ended('a') })).toBe('now');
});

test('equal runs in a row are counted, and ten are kept', () => {
  const again = after(
    { kind: 'succeeded', ...ended('a') },
    { kind: 'succeeded', ...ended('a', 1), message: 'again' },
    { kind: 'succeeded', ...ended('b', 2) },
  );
  expect(again.history).toMatchObject([
    { revision: revision('b'), count: 1 },
    { revision: revision('a'), count: 2, message: 'again', startedAt: time(0), finishedAt: time(1) },
  ]);
  const many = after(
    ...Array.from({ length: 30 }, (_, index): SourceEvent => ({ kind: 'succeeded', ...ended(index % 2 === 0 ? 'a' : 'b') })),
  );
  expect(many.history).toHaveLength(MAX_HISTORY);
  expect(many.history[0]?.finishedAt).toBe(time(29));
});

const text = fc.string({ unit: 'binary', maxLength: 3000 });
const event: fc.Arbitrary<SourceEvent> = fc.oneof(
  fc.record({ kind: fc.constant('started' as const) }),
  fc.constantFrom('a', 'b', 'c').map((name): SourceEvent => ({ kind: 'started', revision: revision(name) })),
  fc
    .record({ kind: fc.constantFrom('succeeded' as const, 'partly-applied' as const), name: fc.constantFrom('a', 'b'), message: text })
    .map(({ kind, name, message }): SourceEvent => ({ kind, ...ended(name), message })),
  fc.record({
    kind: fc.constant('failed' as const),
    stage: fc.constantFrom('resolve' as const, 'fetch' as const, 'synth' as const, 'target' as const, 'status' as const),
    retry: fc.boolean(),
    message: text,
    startedAt: fc.constant(at(0).now),
  }),
  fc.record({ kind: fc.constantFrom('stalled' as const, 'dependency-not-ready' as const), message: text }),
  fc.constant({ kind: 'suspended' as const }),
  fc.constant({ kind: 'counted' as const, policies }),
);

test('whatever happens, the status is one that kstatus can read and the API takes', () => {
  const validate = validatorOf('PolicySource');
  const steps = fc.array(fc.tuple(event, fc.nat({ max: 1 })), { maxLength: 30 });
  fc.assert(
    fc.property(steps, (happened) => {
      let status = NO_STATUS;
      let generation = 1;
      happened.forEach(([one, change], second) => {
        generation += change;
        const before = status;
        status = nextStatus(before, one, at(second, generation));
        const { conditions, history, observedGeneration } = status;
        const is = Object.fromEntries(conditions.map(({ type, status: value }) => [type, value]));
        expect(conditions.map(({ type }) => type)).toEqual(conditions.length === 0 ? [] : ['Ready', 'Reconciling', 'Stalled']);
        if (is['Ready'] === 'True') expect([is['Reconciling'], is['Stalled']]).toEqual(['False', 'False']);
        if (is['Stalled'] === 'True') expect([is['Ready'], is['Reconciling']]).toEqual(['False', 'False']);
        if (is['Ready'] === 'Unknown') expect(is['Reconciling']).toBe('True');
        expect(history.length).toBeLessThanOrEqual(MAX_HISTORY);
        if (observedGeneration !== before.observedGeneration) expect([is['Ready'], is['Stalled']]).toContain('True');
        for (const condition of conditions) {
          const old = before.conditions.find(({ type }) => type === condition.type);
          expect(condition.lastTransitionTime === old?.lastTransitionTime).toBe(condition.status === old?.status);
          expect(condition.message.length).toBeLessThanOrEqual(MAX_MESSAGE);
        }
        const object = sourceObject({ status });
        expect(faultsOf(validate, object)).toEqual([]);
        expect(pruned(schemaOf('PolicySource'), object)).toEqual(object);
        expect(readSourceStatus(JSON.parse(JSON.stringify(status)))).toEqual(status);
      });
    }),
  );
});

test('a status that somebody else wrote is read as far as it is one', () => {
  const good = after({ kind: 'succeeded', ...ended('a') });
  expect(
    readSourceStatus({
      ...good,
      conditions: [...good.conditions, ...good.conditions, { type: 'Ready' }, 7],
      history: [{}, ...good.history],
    }),
  ).toEqual(good);
  expect(readSourceStatus({ ...good, observedGeneration: 'x', policies: [], lastAppliedRevision: {}, more: 1 })).toEqual(
    Object.fromEntries(Object.entries(good).filter(([key]) => !['observedGeneration', 'policies', 'lastAppliedRevision'].includes(key))),
  );
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true }), fc.anything(), (whole, part) => {
      for (const value of [whole, { conditions: [part], history: [part], policies: part, lastAppliedRevision: part }]) {
        const status = readSourceStatus(value);
        expect(nextStatus(status, { kind: 'succeeded', ...ended('a') }, at(1)).conditions).toHaveLength(3);
      }
    }),
  );
});
