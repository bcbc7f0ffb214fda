/** What of a container the kernel half does not find from where its cgroup and its first process are. */
import type { Cgroup } from './cgroup.ts';

/** So many levels of cgroups the kernel half looks at: MAX_CGROUP_DEPTH of bpf/label.h. */
export const LEVELS = 16;

const OTHER = 'give it another one (cgroupsPath)';

/** Why rules may not hold for all of a container, for people; undefined where they do. */
export function gapOf({ level, depth }: Cgroup): string | undefined {
  if (depth === undefined) {
    return 'its first process has left its cgroup, and what is executed in the container can be put where that is, under no rules; start it anew';
  }
  if (level <= LEVELS) return undefined;
  const why = `its cgroup is ${level} levels below the root, and beyond ${LEVELS}`;
  if (depth >= LEVELS)
    return `${why} what is executed where its first process is, ${depth} levels further down, can be under no rules; ${OTHER}`;
  return `${why} DNS queries of sockets older than its rules pass; ${OTHER}`;
}
