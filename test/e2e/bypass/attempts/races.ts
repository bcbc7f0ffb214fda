/** What a path means changes while it is opened. */
import { attempts, HOME } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

export const RACES: readonly Attempt[] = attempts('races', 'block', [
  ['a symbolic link that alternates between a free and a blocked file', `race link ${HOME}/race ${HOME}/plain`],
  ['two links that are exchanged all the time', `race exchange ${HOME}/way ${HOME}/plain`],
  ['a path that another thread rewrites while the kernel reads it', 'race-buffer'],
  ['a link that alternates, outside the cgroup', 'move /sys/fs/cgroup', `race link ${HOME}/race ${HOME}/plain`],
  ['a crowd that opens a blocked and a free file at once', 'crowd 20'],
  ['a crowd outside the cgroup', 'move /sys/fs/cgroup', 'crowd 20'],
]);
