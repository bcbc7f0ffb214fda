/** A process that delivers revisions to a branch for ever, to be killed at any moment: `rendered-writer.ts HOME URL`. */
import { planned, revision } from './deliveries.ts';
import { branchOf } from './rendered-fixture.ts';
import type { Repository } from './repositories.ts';

const [, , home = '', url = ''] = process.argv;
const branch = branchOf({ home, url } as Repository, {}, 'store');
const { signal } = new AbortController();
process.stdout.write('begun\n');
for (let number = 0; ; number += 1) {
  const commit = (number % 16).toString(16);
  const there = new Set((await branch.survey([], signal)).map(({ name }) => name));
  const of = { commit, action: number % 2 === 0 ? 'Block' : 'Audit' };
  await branch.carryOut(
    revision(commit, [
      planned(there.has('web') ? 'changed' : 'added', 'web', of),
      there.has('api') ? planned('removed', 'api') : planned('added', 'api', of),
    ]),
    signal,
  );
  process.stdout.write('delivered\n');
}
