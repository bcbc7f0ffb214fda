import { expect, test } from '@jest/globals';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import { Outbox } from '../../../reconciler/src/outbox.ts';
import type { Settlement } from '../../../reconciler/src/outbox.ts';
import type { StatusState } from '../../../reconciler/src/outcome.ts';
import type { CommitStatus } from '../../../reconciler/src/ports.ts';
import { hash } from './builders.ts';

const LIMITS = HOST_LIMITS.GitHub;
const NOW = 1_000_000;
const LATER = NOW + 1000;
const status = (state: StatusState, description = '', rest: Partial<CommitStatus> = {}): CommitStatus => ({
  commit: hash('a'),
  context: 'parapet/synth',
  state,
  description,
  ...rest,
});
const of = (topic: string, commit = hash('a')): Partial<CommitStatus> => ({ context: `parapet/${topic}`, commit });
const POSTED: Settlement = { kind: 'posted' };
const REFUSED: Settlement = { kind: 'refused', until: LATER };
const UNANSWERED: Settlement = { kind: 'unanswered', until: LATER };

/** Takes one task at `now`; gives what it was, after it is settled. */
function step(outbox: Outbox, settlement: Settlement = POSTED, now = NOW): string | undefined {
  const task = outbox.next(now);
  if (task === undefined) return undefined;
  outbox.settle(task, settlement);
  return `${task.ask ? 'ask ' : ''}${task.status.state} ${task.status.description}`.trim();
}
function drain(outbox: Outbox, settlement: Settlement = POSTED, now = NOW): string[] {
  const sent: string[] = [];
  for (let one = step(outbox, settlement, now); one !== undefined && sent.length < 500; one = step(outbox, settlement, now)) sent.push(one);
  return sent;
}
const restarted = (outbox: Outbox, now = NOW): Outbox => Outbox.from(JSON.parse(JSON.stringify(outbox)), LIMITS, now);
function filled(...statuses: readonly CommitStatus[]): Outbox {
  const outbox = new Outbox(LIMITS);
  for (const one of statuses) outbox.put(one);
  return outbox;
}

test('what is put is sent in order, once', () => {
  const outbox = new Outbox(LIMITS);
  expect([outbox.put(status('pending')), outbox.put(status('success'))]).toEqual([true, true]);
  expect(outbox.put(status('success'))).toBe(false);
  expect(drain(outbox)).toEqual(['pending', 'success']);
  expect(outbox.put(status('success'))).toBe(false);
  expect(drain(outbox)).toEqual([]);
  expect([outbox.empty, outbox.due()]).toEqual([true, undefined]);
});

test('of several later ones only the newest is sent, and the first pending one is not skipped', () => {
  const outbox = filled(
    status('pending', '1'),
    status('pending', '2'),
    status('success', 'a'),
    status('failure', 'b'),
    status('failure', 'c'),
  );
  expect(drain(outbox)).toEqual(['pending 2', 'failure c']);
  outbox.put(status('pending', '3'));
  outbox.put(status('success', 'd'));
  expect(drain(outbox)).toEqual(['success d']);
});

test('what says again what the host has is not sent, and what only explains is not compared', () => {
  const outbox = filled(status('success'));
  drain(outbox);
  outbox.put(status('failure'));
  expect(outbox.put(status('success'))).toBe(true);
  expect(drain(outbox)).toEqual([]);
  expect(outbox.put(status('success', '', { summary: 'more', annotations: [] }))).toBe(false);
});

test('summary and annotations are there when a status is sent, and are not kept after', () => {
  const annotations = [{ path: 'main.ts', line: 3, level: 'failure', message: 'no' }] as const;
  const outbox = restarted(filled(status('failure', '', { summary: 'more', annotations })));
  const task = outbox.next(NOW)!;
  expect(task.status).toMatchObject({ summary: 'more', annotations });
  outbox.settle(task, POSTED);
  expect(JSON.stringify(outbox)).not.toContain('more');
});

test('the one that is on its way is not withdrawn', () => {
  const outbox = filled(status('success', 'a'));
  const sending = outbox.next(NOW)!;
  outbox.put(status('success', 'b'));
  outbox.settle(sending, POSTED);
  expect(drain(outbox)).toEqual(['success b']);
});

test('what may have arrived is asked after before anything else is said, also after a restart', () => {
  const outbox = filled(status('success', 'a'));
  expect(step(outbox, UNANSWERED)).toBe('success a');
  outbox.put(status('failure', 'b'));
  expect(outbox.counts).toEqual({ waiting: 1, refused: 0, unsure: 1 });
  expect(step(outbox)).toBeUndefined();
  const crashed = restarted(outbox);
  expect(step(crashed, POSTED, LATER)).toBe('ask success a');
  expect(drain(crashed, POSTED, LATER)).toEqual(['failure b']);
  expect(step(outbox, { kind: 'absent' }, LATER)).toBe('ask success a');
  expect(drain(outbox, POSTED, LATER)).toEqual(['failure b']);
});

test('a process that is killed while it sends leaves a mark', () => {
  const outbox = filled(status('pending'));
  outbox.next(NOW);
  outbox.put(status('success'));
  const next = restarted(outbox);
  expect(step(next, { kind: 'absent' })).toBe('ask pending');
  expect(drain(next)).toEqual(['pending', 'success']);
});

test('what turns out not to have arrived is not sent when the host has shown the newest all along', () => {
  const outbox = filled(status('success', 'a'));
  drain(outbox);
  outbox.put(status('failure', 'b'));
  step(outbox, UNANSWERED);
  outbox.put(status('success', 'a'));
  expect(step(outbox, { kind: 'absent' }, LATER)).toBe('ask failure b');
  expect([outbox.empty, drain(outbox, POSTED, LATER)]).toEqual([true, []]);
});

test('failures go first, then other ends, then what is pending; what stands before a failure goes with it', () => {
  const outbox = filled(
    status('pending', '1', of('enforced')),
    status('success', '2', of('synth')),
    status('pending', '3', of('diff')),
    status('failure', '4', of('diff')),
    status('error', '5', of('sync')),
  );
  expect(drain(outbox)).toEqual(['pending 3', 'error 5', 'failure 4', 'success 2', 'pending 1']);
});

test('what fails has to wait, and the others have their turn meanwhile', () => {
  const outbox = filled(status('failure', '1'), status('failure', '2', of('sync')), status('success', '3', of('enforced')));
  expect([step(outbox, UNANSWERED), step(outbox), step(outbox), step(outbox)]).toEqual(['failure 1', 'failure 2', 'success 3', undefined]);
  expect(outbox.due()).toBe(LATER);
  expect(outbox.next(LATER)).toMatchObject({ ask: true, attempts: 1 });
});

test('among equals the one that was not tried for longest has its turn', () => {
  const outbox = filled(status('success', '1'), status('success', '2', of('sync')), status('success', '3', of('diff')));
  const again: Settlement = { kind: 'unanswered', until: NOW };
  expect([1, 2, 3, 4].map(() => step(outbox, again))).toEqual(['success 1', 'success 2', 'success 3', 'ask success 1']);
});

test('what failed before can be made to wait for longer, and what is new can’t', () => {
  const outbox = filled(status('success', '1'));
  step(outbox, UNANSWERED);
  expect([outbox.due(LATER + 5), outbox.next(LATER, LATER + 5)]).toEqual([LATER + 5, undefined]);
  outbox.put(status('success', '2', of('sync')));
  expect(outbox.next(LATER, LATER + 5)).toMatchObject({ status: { description: '2' } });
});

test('colours that keep changing while the host is away don’t pile up', () => {
  const outbox = new Outbox(LIMITS);
  for (let turn = 0; turn < 100; turn += 1) {
    outbox.put(status('pending', String(turn)));
    outbox.put(status('success', String(turn)));
  }
  expect(drain(outbox)).toEqual(['pending 99', 'success 99']);
});

test('what the host refused is offered again when it is time, ever less often, and after a restart at once', () => {
  const outbox = filled(status('pending'), status('success'));
  expect(drain(outbox, REFUSED)).toEqual(['pending']);
  expect([outbox.empty, outbox.counts.refused, outbox.latest(hash('a'), 'parapet/synth')?.state]).toEqual([true, 1, 'success']);
  const task = restarted(outbox).next(NOW);
  expect(task).toMatchObject({ status: { state: 'success' }, ask: false, attempts: 1 });
  expect(drain(outbox, POSTED, LATER)).toEqual(['success']);
  expect(outbox.counts).toEqual({ waiting: 0, refused: 0, unsure: 0 });
});

test('something new in a refused place is waited for again, in the refused one’s stead', () => {
  const outbox = filled(status('pending'));
  step(outbox, REFUSED);
  outbox.put(status('success'));
  expect([outbox.empty, drain(outbox, POSTED, LATER)]).toEqual([false, ['success']]);
});

test('a context that the host has closed takes nothing more', () => {
  const outbox = filled(status('pending'), status('success'));
  expect(drain(outbox, { kind: 'closed' })).toEqual(['pending']);
  expect(outbox.put(status('failure'))).toBe(false);
  expect(outbox.put(status('failure', '', { commit: hash('b') }))).toBe(true);
});

test('near the host’s limit of statuses only changes of colour are sent, and none that would need an end', () => {
  const outbox = new Outbox(LIMITS);
  for (let turn = 0; turn < 1000; turn += 1) {
    outbox.put(status('failure', `${turn} violations`));
    drain(outbox);
  }
  expect(outbox.put(status('failure', 'one more'))).toBe(false);
  expect(outbox.put(status('pending', 'again'))).toBe(false);
  expect(outbox.put(status('success', 'none'))).toBe(true);
});

test('a host that refuses the state it shows is told of changes of state only, and never of an older word', () => {
  const outbox = new Outbox({ ...LIMITS, sameStateRefused: true });
  outbox.put(status('pending', '1'));
  expect(step(outbox)).toBe('pending 1');
  expect(outbox.put(status('pending', '2'))).toBe(false);
  outbox.put(status('failure', 'a'));
  outbox.put(status('failure', 'b'));
  expect(step(outbox, UNANSWERED)).toBe('failure b');
  expect(outbox.put(status('failure', 'c'))).toBe(true);
  expect(step(outbox, { kind: 'absent' }, LATER)).toBe('ask failure b');
  expect(drain(outbox, POSTED, LATER)).toEqual(['failure c']);
});

test('it says which commits are pending', () => {
  const outbox = filled(status('pending'), status('pending', '', of('synth', hash('b'))), status('success', '', of('synth', hash('b'))));
  expect(outbox.pending().map(({ commit }) => commit)).toEqual([hash('a')]);
});

test('commits that were not spoken of for long are forgotten, but none that waits or is pending', () => {
  const outbox = filled(
    status('pending', '', { commit: 'pending' }),
    status('success', '', { commit: 'old' }),
    status('success', '', { commit: 'kept' }),
  );
  drain(outbox);
  outbox.put(status('success', 'waits', { commit: 'waiting' }));
  step(outbox, UNANSWERED);
  for (let number = 0; number < 300; number += 1) {
    outbox.put(status('success', '', { commit: `c${number}` }));
    drain(outbox);
    expect(outbox.put(status('success', '', { commit: 'kept' }))).toBe(false);
  }
  const known = ['pending', 'old', 'kept', 'waiting'].map((commit) => outbox.latest(commit, 'parapet/synth')?.state);
  expect(known).toEqual(['pending', undefined, 'success', 'success']);
  expect(new Set(outbox.toJSON().entries.map(({ commit }) => commit)).size).toBeLessThanOrEqual(153);
});

test('a hundred heads of pull requests do not make it forget what was said of the commit that is applied', () => {
  const outbox = filled(status('success', 'applied'));
  for (let number = 0; number < 100; number += 1) {
    const commit = number.toString(16).padStart(40, '0');
    for (const topic of ['synth', 'diff']) outbox.put(status('success', 'x'.repeat(140), of(topic, commit)));
    drain(outbox);
  }
  expect(outbox.put(status('success', 'applied'))).toBe(false);
});
