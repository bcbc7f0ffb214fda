/** Verdicts under preemption: crowds of tasks on one and two processors, on kernels that preempt programs at any point. */
import path from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { NIGHTLY, nightly } from '../support/nightly.ts';
import { MACHINE_LIMIT } from '../support/patience.ts';
import { factsIn, guestProgram, hookLimit, outputOf } from '../support/vm/index.ts';
import type { VmRequest } from '../support/vm/index.ts';
import { CROWDS } from './race/crowds.ts';

/** For each crowd. */
const TRIES = NIGHTLY ? 100_000 : 5_000;
type Machine = readonly [string, Pick<VmRequest, 'kernel' | 'cpus' | 'append'>];
const MACHINES: readonly Machine[] = [
  ['Linux 6.1, fully preemptible, one processor', { kernel: '6.1', cpus: 1, append: 'preempt=full' }],
  ['Linux 6.1, PREEMPT_RT, two processors', { kernel: '6.1-rt', cpus: 2 }],
  ...nightly<Machine>(
    ['Linux 6.1, fully preemptible, two processors', { kernel: '6.1', cpus: 2, append: 'preempt=full' }],
    ['Linux 6.1, PREEMPT_RT, one processor', { kernel: '6.1-rt', cpus: 1 }],
    ['Linux 6.12, PREEMPT_RT, two processors', { kernel: '6.12-rt', cpus: 2 }],
  ),
];
const RIGHT = 'all tries, 0 passed, 0 refused, 0 other';

describe.each(MACHINES)('%s', (_name, machine) => {
  let facts: ReadonlyMap<string, string>;

  beforeAll(async () => {
    const command = [...guestProgram(path.join(import.meta.dirname, 'race/scenario.ts')), String(TRIES)];
    facts = factsIn(await outputOf({ ...machine, command, containerd: false, timeout: MACHINE_LIMIT }));
  }, hookLimit(MACHINE_LIMIT));

  test('without the rule the same tries pass, so that the others can fail', () => {
    const [tries, passed, ...wrong] = facts.get('without the rule the same tries pass')!.split(' ').map(Number);
    expect(passed).toBeGreaterThanOrEqual(tries! / 2);
    expect(wrong).toEqual([0, 0, 0]);
  });

  test.each(CROWDS)(`$tasks tasks that $place: no blocked access passes and no other is refused, in ${TRIES} tries`, ({ tasks, place }) => {
    expect(facts.get(`${tasks} tasks, ${place}`)).toBe(RIGHT);
  });

  test('two hundred tasks at a depth of 1,000 components find room for their walks, and are judged rightly', () => {
    expect(facts.get('200 tasks, 1,000 components deep')).toBe(RIGHT);
  });

  test.each(['first', 'second'])('what is moved to and fro is never opened by its %s name, and nothing else is refused', (which) => {
    expect(facts.get(`storm, by the ${which} name`)).toBe(`${RIGHT}, some while moved`);
  });

  test.each(['', ', in a crowd'])('what is moved to and fro is judged rightly by a descriptor of its directory%s', (how) => {
    expect(facts.get(`storm, by a descriptor${how}`)).toBe(RIGHT);
  });

  test('no access was without memory to judge it, and no run of a program was missed', () => {
    expect({ noScratch: facts.get('counter noScratch'), missed: facts.get('runs missed') }).toEqual({ noScratch: '0', missed: '0' });
  });
});
