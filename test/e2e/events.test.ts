/** Denials under load, on Debian's kernels: counts are exact, and what is lost is told loudly. */
import path from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { nightly } from '../support/nightly.ts';
import { MACHINE_LIMIT } from '../support/patience.ts';
import { factsIn, guestProgram, hookLimit, outputOf } from '../support/vm/index.ts';
import type { VmRequest } from '../support/vm/index.ts';
import { FILES, HOME, MANY, TASKS, TIMES } from './events/size.ts';

type Machine = readonly [string, Pick<VmRequest, 'kernel' | 'cpus' | 'append'>];
const MACHINES: readonly Machine[] = [
  ['Linux 6.1, fully preemptible, two processors', { kernel: '6.1', cpus: 2, append: 'preempt=full' }],
  ...nightly<Machine>(['Linux 6.12, one processor', { kernel: '6.12', cpus: 1 }]),
];

describe.each(MACHINES)('%s', (_name, machine) => {
  let facts: ReadonlyMap<string, string>;

  beforeAll(async () => {
    const command = guestProgram(path.join(import.meta.dirname, 'events/scenario.ts'));
    facts = factsIn(await outputOf({ ...machine, command, containerd: false, timeout: MACHINE_LIMIT }));
  }, hookLimit(MACHINE_LIMIT));

  test.each([
    ['one file | refused', String(TASKS * TIMES)],
    ['one file | told', String(TASKS * TIMES)],
    ['one file | lines that told it are few', 'true'],
    ['one file | the first line', `at once ${HOME}/one/0 by ${HOME}/flood`],
    ['one file | every line names rule, file and program', 'true'],
    [
      'programs and operations',
      JSON.stringify({
        [`${HOME}/flood lsm=PATH_UNLINK`]: TIMES + 1,
        [`${HOME}/other lsm=FILE_OPEN`]: TIMES,
        [`${HOME}/other lsm=PATH_UNLINK`]: TIMES + 2,
      }),
    ],
    ['a directory | told', 'true'],
    ['a directory | files with a line of their own', String(FILES)],
    ['a full ring | refused', String(2 * MANY)],
    ['a full ring | namespaces refused', '3'],
    ['a full ring | records found no room', 'true'],
    ['a full ring | told', 'all but those that are known to be lost'],
    ['a full ring | a loud alert', 'true'],
    ['a full ring | the log', 'true'],
    ['in all | told, counted or known to be lost', 'true'],
    ['in all | denials in status', 'true'],
    ['in all | violations in the report', 'true'],
  ])('%s: %s', (fact, result) => {
    expect(facts.get(fact)).toBe(result);
  });
});
