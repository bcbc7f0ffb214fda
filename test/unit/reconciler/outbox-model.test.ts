/** The outbox against a host that takes, loses, refuses and forgets to answer, through crashes at every moment. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HOST_LIMITS, isShown } from '../../../reconciler/src/host-limits.ts';
import { Outbox } from '../../../reconciler/src/outbox.ts';
import type { Settlement, Task } from '../../../reconciler/src/outbox.ts';
import type { StatusState } from '../../../reconciler/src/outcome.ts';
import type { CommitStatus } from '../../../reconciler/src/ports.ts';
import { hash } from './builders.ts';

const LIMITS = HOST_LIMITS.GitHub;
/** What becomes of a post: taken or not, and whether the answer arrives. */
type Fate = 'taken' | 'taken, unanswered' | 'lost' | 'refused';
/** Where the process is killed in a delivery: before the mark is stored, before it asks the host, before the answer is noted, before that is stored. */
type Crash = 'unmarked' | 'unsent' | 'unnoted' | 'unsaved' | 'no';

interface Delivery {
  readonly fate: Fate;
  readonly crash: Crash;
  readonly answers: boolean;
}

class Model {
  outbox = new Outbox(LIMITS);
  disk = JSON.stringify(this.outbox);
  now = 0;
  readonly host = new Map<string, CommitStatus[]>();

  put(status: CommitStatus): void {
    this.outbox.put(status);
    this.disk = JSON.stringify(this.outbox);
  }

  restart(): void {
    this.outbox = Outbox.from(JSON.parse(this.disk), LIMITS, this.now);
  }

  /** What `Statuses` does in one round. */
  deliver({ fate, crash, answers }: Delivery): void {
    const task = this.outbox.next(this.now);
    if (task === undefined) return;
    if (crash === 'unmarked') return this.restart();
    this.disk = JSON.stringify(this.outbox);
    if (crash === 'unsent') return this.restart();
    const settlement = task.ask ? this.#ask(task, answers) : this.#post(task, fate);
    if (crash === 'unnoted') return this.restart();
    this.outbox.settle(task, settlement);
    if (crash === 'unsaved') return this.restart();
    this.disk = JSON.stringify(this.outbox);
  }

  shown(status: Pick<CommitStatus, 'commit' | 'context'>): CommitStatus[] {
    return this.host.get(`${status.commit} ${status.context}`) ?? [];
  }

  #ask({ status }: Task, answers: boolean): Settlement {
    if (!answers) return { kind: 'unanswered', until: this.now + 1 };
    const newest = this.shown(status).at(-1);
    return { kind: newest !== undefined && isShown(newest, status, LIMITS) ? 'posted' : 'absent' };
  }

  #post({ status }: Task, fate: Fate): Settlement {
    const taken = fate === 'taken' || fate === 'taken, unanswered';
    if (taken) this.host.set(`${status.commit} ${status.context}`, [...this.shown(status), status]);
    if (fate === 'taken') return { kind: 'posted' };
    return { kind: fate === 'refused' ? 'refused' : 'unanswered', until: this.now + 1 };
  }
}

const state = fc.constantFrom<StatusState>('pending', 'success', 'failure', 'error');
const place = fc.record({ commit: fc.constantFrom(hash('a'), hash('b')), context: fc.constantFrom('parapet/synth', 'parapet/enforced') });
const delivery = fc.record({
  fate: fc.constantFrom<Fate>('taken', 'taken, unanswered', 'lost', 'refused'),
  crash: fc.oneof({ weight: 4, arbitrary: fc.constant<Crash>('no') }, fc.constantFrom<Crash>('unmarked', 'unsent', 'unnoted', 'unsaved')),
  answers: fc.boolean(),
});
const steps = (
  text: fc.Arbitrary<string>,
): fc.Arbitrary<({ put: CommitStatus } | { deliver: Delivery } | { wait: number } | 'restart')[]> =>
  fc.array(
    fc.oneof(
      fc.record({ put: fc.tuple(place, state, text).map(([where, what, description]) => ({ ...where, state: what, description })) }),
      fc.record({ deliver: delivery }),
      fc.record({ wait: fc.nat(2) }),
      fc.constant('restart' as const),
    ),
    { maxLength: 80 },
  );

/** Runs the steps, then lets a host that is well take the rest. Gives what was put, by place. */
function run(model: Model, todo: typeof steps extends (text: never) => fc.Arbitrary<infer T> ? T : never): Map<string, CommitStatus[]> {
  const put = new Map<string, CommitStatus[]>();
  for (const step of todo) {
    if (step === 'restart') model.restart();
    else if ('wait' in step) model.now += step.wait;
    else if ('deliver' in step) model.deliver(step.deliver);
    else {
      const key = `${step.put.commit} ${step.put.context}`;
      put.set(key, [...(put.get(key) ?? []), step.put]);
      model.put(step.put);
    }
  }
  for (let round = 0; round < 100 && model.outbox.due() !== undefined; round += 1) {
    model.now += 1;
    model.deliver({ fate: 'taken', crash: 'no', answers: true });
  }
  return put;
}

test('with words that are never the same, each is posted at most once, in the order in which they were said, and the last one always', () => {
  let number = 0;
  const unique = fc.constant('').map(() => `word ${(number += 1)}`);
  fc.assert(
    fc.property(steps(unique), (todo) => {
      const model = new Model();
      const put = run(model, todo);
      for (const said of put.values()) {
        const shown = model.shown(said[0]!);
        const numbers = shown.map(({ description }) => said.findIndex((one) => one.description === description));
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        expect(shown.at(-1)).toEqual(said.at(-1));
      }
    }),
    { numRuns: 2000 },
  );
});

test('with few words, nothing is posted twice in a row, the last word arrives, and what ends is not pending', () => {
  fc.assert(
    fc.property(steps(fc.constantFrom('a', 'b')), (todo) => {
      const model = new Model();
      const put = run(model, todo);
      for (const said of put.values()) {
        const shown = model.shown(said[0]!);
        expect(shown.at(-1)).toEqual(said.at(-1));
        for (const [index, one] of shown.entries()) if (index > 0) expect(one).not.toEqual(shown[index - 1]);
      }
      expect(model.outbox.empty).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('a pending status that is the first is shown before any end, unless the host refuses it', () => {
  fc.assert(
    fc.property(steps(fc.constantFrom('a', 'b')), (todo) => {
      const model = new Model();
      const kind = todo.filter((step) => !(typeof step === 'object' && 'deliver' in step && step.deliver.fate === 'refused'));
      for (const said of run(model, kind).values()) {
        if (said[0]?.state === 'pending') expect(model.shown(said[0])[0]?.state).toBe('pending');
      }
    }),
    { numRuns: 1000 },
  );
});
