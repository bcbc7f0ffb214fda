import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Outbox } from '../../../reconciler/src/outbox.ts';
import type { StatusState } from '../../../reconciler/src/outcome.ts';
import type { CommitStatus, PostResult } from '../../../reconciler/src/ports.ts';
import { hash } from './builders.ts';

const status = (state: StatusState, description = '', rest: Partial<CommitStatus> = {}): CommitStatus => ({
  commit: hash('a'),
  context: 'parapet/synth',
  state,
  description,
  ...rest,
});
const POSTED: PostResult = { kind: 'posted' };
const REFUSED: PostResult = { kind: 'refused', message: '401' };
const RETRY: PostResult = { kind: 'retry', message: '500' };

/** Posts everything there is; gives what went, in order. */
function drain(outbox: Outbox, result: PostResult = POSTED): string[] {
  const sent: string[] = [];
  for (let next = outbox.next(); next !== undefined && sent.length < 500; next = outbox.next()) {
    outbox.settle(next, result);
    sent.push(`${next.state} ${next.description}`.trim());
  }
  return sent;
}
const restarted = (outbox: Outbox): Outbox => Outbox.from(JSON.parse(JSON.stringify(outbox.toJSON())));

test('what is put is sent in order, once', () => {
  const outbox = new Outbox();
  expect([outbox.put(status('pending')), outbox.put(status('success'))]).toEqual([true, true]);
  expect(outbox.put(status('success'))).toBe(false);
  expect(drain(outbox)).toEqual(['pending', 'success']);
  expect(outbox.put(status('success'))).toBe(false);
  expect(drain(outbox)).toEqual([]);
  expect(outbox.empty).toBe(true);
});

test('of several later ones only the newest is sent, and a pending one is not skipped', () => {
  const outbox = new Outbox();
  for (const said of [status('pending'), status('success', 'a'), status('failure', 'b'), status('failure', 'c')]) outbox.put(said);
  expect(drain(outbox)).toEqual(['pending', 'failure c']);
});

test('what says again what the host has is not sent', () => {
  const outbox = new Outbox();
  outbox.put(status('success'));
  drain(outbox);
  outbox.put(status('failure'));
  outbox.put(status('success'));
  expect(drain(outbox)).toEqual([]);
});

test('the one that is on its way is not withdrawn', () => {
  const outbox = new Outbox();
  outbox.put(status('success', 'a'));
  const sending = outbox.next()!;
  outbox.put(status('success', 'b'));
  outbox.settle(sending, POSTED);
  expect(drain(outbox)).toEqual(['success b']);
});

test('what could not be posted stays first, and others have their turn meanwhile', () => {
  const outbox = new Outbox();
  outbox.put(status('pending'));
  outbox.put(status('success'));
  outbox.put(status('pending', 'other', { context: 'parapet/enforced' }));
  const turns = [1, 2, 3, 4].map(() => {
    const next = outbox.next()!;
    outbox.settle(next, RETRY);
    return next.context;
  });
  expect(turns).toEqual(['parapet/synth', 'parapet/enforced', 'parapet/synth', 'parapet/enforced']);
  expect(drain(outbox).sort()).toEqual(['pending', 'pending other', 'success']);
});

test('colours that keep changing while the host is away don’t pile up', () => {
  const outbox = new Outbox();
  for (let turn = 0; turn < 100; turn += 1) {
    outbox.put(status('pending', String(turn)));
    outbox.put(status('success', String(turn)));
  }
  const sent = drain(outbox);
  expect(sent.length).toBeLessThanOrEqual(5);
  expect(sent.at(-1)).toBe('success 99');
});

test('what the host refused is offered again when it takes something, when it is time, and after a restart', () => {
  const refusedOnce = (): Outbox => {
    const outbox = new Outbox();
    outbox.put(status('pending'));
    outbox.put(status('success'));
    expect(drain(outbox, REFUSED)).toEqual(['pending', 'success']);
    expect([outbox.empty, outbox.refusing, outbox.latest(hash('a'), 'parapet/synth')?.state]).toEqual([true, true, 'success']);
    return outbox;
  };
  const taking = refusedOnce();
  taking.put(status('success', 'other', { context: 'parapet/enforced' }));
  expect(drain(taking)).toEqual(['success other', 'success']);
  const offered = refusedOnce();
  offered.offerRefused();
  expect([drain(offered), offered.refusing]).toEqual([['success'], false]);
  expect(drain(restarted(refusedOnce()))).toEqual(['success']);
});

test('a context that the host has closed takes nothing more', () => {
  const outbox = new Outbox();
  outbox.put(status('pending'));
  outbox.put(status('success'));
  expect(drain(outbox, { kind: 'closed', message: 'maximum' })).toEqual(['pending']);
  expect(outbox.put(status('failure'))).toBe(false);
  expect(outbox.put(status('failure', '', { commit: hash('b') }))).toBe(true);
});

test('near the host’s limit of statuses only changes of colour are sent', () => {
  const outbox = new Outbox();
  for (let turn = 0; turn < 1000; turn += 1) {
    outbox.put(status('failure', `${turn} violations`));
    drain(outbox);
  }
  expect(outbox.put(status('failure', 'one more'))).toBe(false);
  expect(outbox.put(status('success', 'none'))).toBe(true);
});

test('it says which commits are pending', () => {
  const outbox = new Outbox();
  outbox.put(status('pending'));
  outbox.put(status('pending', '', { commit: hash('b') }));
  outbox.put(status('success', '', { commit: hash('b') }));
  expect(outbox.pending().map(({ commit }) => commit)).toEqual([hash('a')]);
});

test('old commits are forgotten, but never one that something waits for', () => {
  const outbox = new Outbox();
  outbox.put(status('pending', 'waits', { commit: 'first' }));
  outbox.put(status('success', 'done', { commit: 'second' }));
  const second = [outbox.next()!, outbox.next()!].find(({ commit }) => commit === 'second')!;
  outbox.settle(second, POSTED);
  for (let number = 0; number < 100; number += 1) outbox.put(status('success', '', { commit: `c${number}` }));
  expect(outbox.latest('second', 'parapet/synth')).toBeUndefined();
  expect(drain(outbox)).toContain('pending waits');
});

test('it survives a restart as it was', () => {
  const outbox = new Outbox();
  outbox.put(status('success', 'posted', { context: 'parapet/enforced', targetUrl: 'https://x.test' }));
  drain(outbox);
  outbox.put(status('pending'));
  outbox.put(status('success'));
  const later = restarted(outbox);
  expect(later.toJSON()).toEqual(outbox.toJSON());
  expect(later.put(status('success', 'posted', { context: 'parapet/enforced', targetUrl: 'https://x.test' }))).toBe(false);
  expect(drain(later)).toEqual(['pending', 'success']);
});

test('what was damaged on disk is left out, and nothing makes the reader throw', () => {
  const good = { commit: hash('a'), context: 'parapet/synth', queue: [status('success')], closed: false, writes: 0 };
  const bad = [
    null,
    4,
    [],
    {},
    { ...good, queue: [{}] },
    { ...good, queue: 'x' },
    { ...good, writes: '4' },
    { ...good, posted: 1 },
    { ...good, commit: hash('b') },
    { ...good, context: 'another' },
    { ...good, queue: [{ ...status('success'), state: 'red' }] },
  ];
  expect(drain(Outbox.from({ entries: [...bad, good] }))).toEqual(['success']);
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true }), fc.array(fc.anything()), (value, entries) => {
      expect(drain(Outbox.from(value))).toEqual([]);
      expect(drain(Outbox.from({ entries }))).toEqual([]);
    }),
  );
});

test('whatever happens in whatever order, the last that was said arrives, no pending is skipped over, and nothing is sent twice in a row', () => {
  const step = fc.oneof(
    fc.record({ put: fc.constantFrom<StatusState>('pending', 'success', 'failure', 'error'), text: fc.constantFrom('a', 'b') }),
    fc.record({ result: fc.constantFrom(POSTED, RETRY, REFUSED) }),
    fc.constant({ restart: true }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let outbox = new Outbox();
      const sent: CommitStatus[] = [];
      let last: CommitStatus | undefined;
      const post = (result: PostResult): void => {
        const next = outbox.next();
        if (next === undefined) return;
        outbox.settle(next, result);
        if (result.kind === 'posted') sent.push(next);
      };
      for (const one of steps) {
        if ('put' in one) outbox.put((last = status(one.put, one.text)));
        else if ('result' in one) post(one.result);
        else outbox = restarted(outbox);
      }
      outbox.offerRefused();
      while (!outbox.empty) post(POSTED);
      expect(sent.at(-1)).toEqual(last);
      for (const [index, one] of sent.entries()) if (index > 0) expect(one).not.toEqual(sent[index - 1]);
    }),
    { numRuns: 1000 },
  );
});
