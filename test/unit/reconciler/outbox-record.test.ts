import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import { Outbox } from '../../../reconciler/src/outbox.ts';
import type { StatusState } from '../../../reconciler/src/outcome.ts';
import type { CommitStatus } from '../../../reconciler/src/ports.ts';
import { worded } from '../../../reconciler/src/status-words.ts';
import { hash } from './builders.ts';

const LIMITS = HOST_LIMITS.GitHub;
const NOW = 1_000_000;
const status = (state: StatusState, rest: Partial<CommitStatus> = {}): CommitStatus => ({
  commit: hash('a'),
  context: 'parapet/synth',
  state,
  description: '',
  ...rest,
});
const entry = (rest: object): object => ({
  ...{ commit: hash('a'), context: 'parapet/synth', queue: [status('success')], closed: false, writes: 0, sending: false },
  ...rest,
});
const read = (...entries: readonly unknown[]): Outbox => Outbox.from({ version: 2, entries }, LIMITS, NOW);
const bytes = (outbox: Outbox): number => Buffer.byteLength(JSON.stringify(outbox));

/** Posts everything that is due; gives how many. */
function drain(outbox: Outbox, now = NOW): number {
  let sent = 0;
  for (let task = outbox.next(now); task !== undefined && sent < 1000; task = outbox.next(now)) {
    outbox.settle(task, { kind: 'posted' });
    sent += 1;
  }
  return sent;
}

test('it survives a restart as it was', () => {
  const outbox = new Outbox(LIMITS);
  outbox.put(status('success', { context: 'parapet/enforced', targetUrl: 'https://x.test' }));
  drain(outbox);
  outbox.put(status('pending', { summary: 'more', annotations: [{ path: 'a.ts', line: 1, level: 'warning', message: 'x' }] }));
  outbox.put(status('success'));
  outbox.settle(outbox.next(NOW)!, { kind: 'unanswered', until: NOW + 500 });
  outbox.hold(NOW + 800);
  const later = Outbox.from(JSON.parse(JSON.stringify(outbox)), LIMITS, NOW);
  expect(later.toJSON()).toEqual(outbox.toJSON());
  expect([later.due(), later.heldUntil]).toEqual([NOW + 500, NOW + 800]);
});

test.each<[string, unknown]>([
  ['nothing', null],
  ['a number', 4],
  ['a list', []],
  ['an empty one', {}],
  ['a queue of something else', entry({ queue: [{}] })],
  ['no queue', entry({ queue: 'x' })],
  ['a queue without an end', entry({ queue: Array.from({ length: 5 }, () => status('success')) })],
  ['a count that is none', entry({ writes: '4' })],
  ['a negative count', entry({ writes: -1 })],
  ['something else posted', entry({ posted: 1 })],
  ['another commit’s', entry({ commit: hash('b') })],
  ['another context’s', entry({ context: 'another' })],
  ['no state', entry({ queue: [status('red' as StatusState)] })],
  ['an endless text', entry({ queue: [status('success', { description: 'x'.repeat(40_000) })] })],
])('an entry that is damaged (%s) is left out, and the others stay', (_name, damaged) => {
  expect([drain(read(damaged)), drain(read(damaged, entry({}), damaged))]).toEqual([0, 1]);
});

test('an entry that is there twice is one, and times out of reach are near', () => {
  expect(drain(read(entry({}), entry({})))).toBe(1);
  const far = read(entry({ notBefore: NOW + 1e12, attempts: -4, refused: 'x' }));
  expect([far.due(), drain(far, NOW + 3_600_000)]).toEqual([NOW + 3_600_000, 1]);
  expect(Outbox.from({ version: 2, heldUntil: 1e15, entries: [] }, LIMITS, NOW).heldUntil).toBe(NOW + 3_600_000);
});

test('what another version left may have been sent', () => {
  const [task] = [Outbox.from({ version: 1, entries: [entry({})] }, LIMITS, NOW).next(NOW)];
  expect(task).toMatchObject({ ask: true, status: { state: 'success' } });
});

test('no stored value makes the reader throw, or prototypes change', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true }), fc.array(fc.anything()), (value, entries) => {
      expect(drain(Outbox.from(value, LIMITS, NOW))).toBe(0);
      expect(drain(read(...entries))).toBe(0);
    }),
  );
  const hostile = JSON.parse(
    '{"version":2,"entries":[{"__proto__":{"commit":"x"},"commit":"__proto__","context":"__proto__","queue":[]}]}',
  ) as unknown;
  expect(drain(Outbox.from(hostile, LIMITS, NOW))).toBe(0);
  expect(({} as Record<string, unknown>)['commit']).toBeUndefined();
});

const text = fc.string({ unit: 'binary', maxLength: 2000 });
const annotation = fc.record({
  path: fc.string({ maxLength: 900 }),
  line: fc.nat(),
  level: fc.constantFrom('failure', 'warning'),
  message: text,
});

test('it stays below 512 KiB whatever is put, and however the host answers', () => {
  const said = fc.record(
    { description: text, summary: fc.string({ unit: 'grapheme', maxLength: 5000 }), annotations: fc.array(annotation, { maxLength: 80 }) },
    { requiredKeys: ['description'] },
  );
  const step = fc.record({
    said,
    commit: fc.nat(80),
    topic: fc.nat(4),
    state: fc.constantFrom<StatusState>('pending', 'success', 'failure'),
  });
  const answer = fc.constantFrom('posted', 'unanswered', 'refused', 'none');
  fc.assert(
    fc.property(fc.array(fc.tuple(step, answer), { minLength: 100, maxLength: 150, size: 'max' }), (steps) => {
      let outbox = new Outbox(LIMITS);
      for (const [{ said: words, commit, topic, state }, kind] of steps) {
        const name = String(commit).padStart(40, '0');
        outbox.put({ commit: name, context: `parapet/${topic}`, ...worded({ ...words, state }) });
        const task = kind === 'none' ? undefined : outbox.next(NOW);
        if (task !== undefined)
          outbox.settle(task, kind === 'posted' ? { kind } : ({ kind, until: NOW } as Parameters<Outbox['settle']>[1]));
        if (commit === 0) outbox = Outbox.from(JSON.parse(JSON.stringify(outbox)), LIMITS, NOW);
      }
      expect(bytes(outbox)).toBeLessThan(512 * 1024);
    }),
    { numRuns: 8 },
  );
});

test('when a host is away for very long, explanations go first, then what nobody has heard of; what is pending there gets its end', () => {
  const outbox = new Outbox(LIMITS);
  outbox.put(status('pending', { commit: 'shown' }));
  expect(drain(outbox)).toBe(1);
  outbox.put(status('success', { commit: 'shown', summary: 'x'.repeat(5000) }));
  for (let number = 0; number < 3000; number += 1) {
    const commit = String(number).padStart(40, '0');
    outbox.put(status('pending', { commit }));
    outbox.put(status('failure', { commit, description: 'd'.repeat(140), summary: 's'.repeat(100) }));
  }
  expect(bytes(outbox)).toBeLessThan(512 * 1024);
  expect(outbox.latest('shown', 'parapet/synth')).toEqual(status('success', { commit: 'shown' }));
  expect(outbox.latest('0'.repeat(40), 'parapet/synth')).toBeUndefined();
  expect(outbox.latest('2999'.padStart(40, '0'), 'parapet/synth')?.state).toBe('failure');
  expect(drain(outbox)).toBeGreaterThan(500);
});
