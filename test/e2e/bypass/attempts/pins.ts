/** Taking the enforcer itself away. */
import { ABI } from '@parapet/policy';
import type { Attempt } from '../attempt.ts';
import { decoy } from '../decoys.ts';

const PINS = `/sys/fs/bpf/parapet/v${ABI}/maps`;

const row = (name: string, pairs: readonly (readonly [steps: string, freely: string])[]): Attempt => ({
  name,
  family: 'pins',
  policy: 'block',
  steps: pairs.map(([steps]) => steps),
  freely: pairs.map(([, freely]) => freely),
  refused: 'EPERM',
});

export const PINNED: readonly Attempt[] = [
  row('a pin of the enforcer opened', [[`object ${PINS}/containers`, `object ${decoy(0)}`]]),
  row('a map of the enforcer emptied, found by its id', [['lift-rules containers', 'lift-rules decoy']]),
  row('a map of labels emptied, found by its id, from outside the cgroup', [
    ['move /sys/fs/cgroup', 'move /sys/fs/cgroup'],
    ['lift-rules labels', 'lift-rules decoy'],
  ]),
  row('a pin of the enforcer renamed', [[`rename rename ${PINS}/containers ${PINS}/x`, `rename rename ${decoy(1)} ${decoy(1)}x`]]),
  row('a pin of the enforcer exchanged', [[`rename rename ${PINS}/labels ${PINS}/containers`, `rename rename ${decoy(2)} ${decoy(3)}`]]),
  row('a pin of the enforcer linked elsewhere', [
    [`link link ${PINS}/containers /sys/fs/bpf/own`, `link link ${decoy(4)} /sys/fs/bpf/other`],
  ]),
  row('a pin of the enforcer removed', [[`remove unlink ${PINS}/containers`, `remove unlink ${decoy(5)}`]]),
  row('a pin of the enforcer removed, by the root of another process', [
    [`remove unlinkat /proc/1/root${PINS}/cgroups`, `remove unlinkat /proc/1/root${decoy(6)}`],
  ]),
  row('a pin of the enforcer removed, by another program in another namespace', [
    ['unshare mount', 'unshare mount'],
    [`remove unlink ${PINS}/tables`, `remove unlink ${decoy(7)}`],
  ]),
];
