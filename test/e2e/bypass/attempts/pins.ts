/** Taking the enforcer itself away. */
import { ABI } from '@parapet/policy';
import type { Attempt } from '../attempt.ts';
import { AGENT_SOCKET, decoy } from '../decoys.ts';

const PINS = `/sys/fs/bpf/parapet/v${ABI}/maps`;
const LINKS = `/sys/fs/bpf/parapet/v${ABI}/links-*`;
const TRACING = '/proc/sys/kernel/ftrace_enabled';

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
  row('every link taken by its id', [['take-links', 'take-links']]),
  row('the link that judges queries detached', [[`lift-link detach ${LINKS}/on_egress`, `lift-link detach ${LINKS}/adopt`]]),
  row('the link that judges queries given another program', [
    [`lift-link update ${LINKS}/on_egress`, `lift-link update ${LINKS}/on_egress`],
  ]),
  row('a link detached by a thread that shares its descriptors', [
    ['thread', 'thread'],
    [`lift-link detach ${LINKS}/on_egress`, `lift-link detach ${LINKS}/adopt`],
  ]),
  row('a link detached from outside the cgroup', [
    ['move /sys/fs/cgroup', 'move /sys/fs/cgroup'],
    [`lift-link detach /proc/1/root${LINKS}/on_egress`, `lift-link detach /proc/1/root${LINKS}/adopt`],
  ]),
  row('the agent given orders', [[`call connect ${AGENT_SOCKET} 1`, `call connect ${AGENT_SOCKET} 1`]]),
  row('the agent given orders, by the root of another process', [
    [`call connect /proc/1/root${AGENT_SOCKET} 1`, `call connect /proc/1/root${AGENT_SOCKET} 1`],
  ]),
  row('the agent given orders by somebody who runs its iterator', [
    [`pose ${LINKS}/adopt`, 'fork'],
    [`call connect ${AGENT_SOCKET} 1`, `call connect ${AGENT_SOCKET} 1`],
  ]),
  row('the tracing by which hooks are called, switched off', [[`put ${TRACING} 0`, `put ${TRACING} 1`]]),
  row('the same, by the root of another process', [[`put /proc/1/root${TRACING} 0`, `put /proc/1/root${TRACING} 1`]]),
  row('the same, from outside the cgroup in a mount namespace of its own', [
    ['move /sys/fs/cgroup', 'move /sys/fs/cgroup'],
    ['unshare mount', 'unshare mount'],
    [`put ${TRACING} 0`, `put ${TRACING} 1`],
  ]),
];
