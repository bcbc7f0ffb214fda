/** Attempts while an agent ends or another one begins: lives.ts makes them. */
import { HOME } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

export interface LifeAttempt extends Attempt {
  /** What happens to the agent while somebody opens the blocked file again and again, before the attempt itself is made. */
  readonly during?: 'killed' | 'upgraded' | 'with another ABI';
}

const of = (name: string, steps: readonly string[], during?: LifeAttempt['during']): LifeAttempt => ({
  name,
  family: 'agents come and go',
  policy: 'block',
  steps,
  ...(during === undefined ? {} : { during }),
});

const READ = `open openat ${HOME}/secret`;

export const LIFE_ATTEMPTS: readonly LifeAttempt[] = [
  of('a blocked file, without an agent', [READ]),
  of('a blocked program, without an agent', [`exec execve ${HOME}/bin/blocked`]),
  of('a blocked file, outside the cgroup and without an agent', ['move /sys/fs/cgroup', READ]),
  of('a blocked file, while agents are killed in the middle of swaps', [READ], 'killed'),
  of('a blocked file, outside the cgroup, after agents were killed', ['move /sys/fs/cgroup', 'fork', READ]),
  of('a blocked file, while an agent with other programs takes over', [READ], 'upgraded'),
  of('a blocked file, outside the cgroup, under the programs of the new agent', [
    'move /sys/fs/cgroup',
    `exec execve ${HOME}/bin/free`,
    READ,
  ]),
  of('a blocked file, while an agent with another ABI takes over', [READ], 'with another ABI'),
  of('a blocked file, outside the cgroup, after an agent with another ABI took over', ['move /sys/fs/cgroup', 'fork', READ]),
];
