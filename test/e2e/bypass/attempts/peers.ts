/** Being connected to by a peer that must not be let in. */
import { assisted, attempts } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

type Way = readonly [name: string, listener: string, accept: string, way: string];

const WAYS: readonly Way[] = [
  ['accept', '2 1 0', 'accept', '4'],
  ['accept4', '2 1 0', 'accept4', '4'],
  ['accept over IPv6', '10 1 0', 'accept', '6'],
  ['accept at both families, from IPv4', '10 1 0', 'accept', '4'],
  ['accept of an MPTCP listener', '2 1 262', 'accept', 'mptcp'],
  ['accept of an MPTCP listener, from TCP', '10 1 262', 'accept', '4'],
  ['data in the first packet', '2 1 0', 'accept', 'fastopen'],
  ['accept with SYN cookies', '2 1 0', 'accept', 'cookies'],
  ['accept at both families with SYN cookies', '10 1 0', 'accept', 'cookies'],
  ['accept by io_uring, plain', '2 1 0', 'ring-plain', '4'],
  ['accept by io_uring, worker', '2 1 0', 'ring-worker', '4'],
  ['accept by io_uring, polled', '2 1 0', 'ring-polled', '4'],
];

/** They wait in accept already when the peer comes. */
const WAITING: readonly Way[] = [
  ['accept that waits', '2 1 0', 'waiting', '4'],
  ['accept that waits at both families', '10 1 0', 'waiting', '4'],
  ['accept that waits, of an SCTP listener', '2 1 132', 'waiting', 'sctp'],
];

/** What listens for them is a socket of the kernel's own, of which only the cgroup is known. */
const INDIRECT: readonly Way[] = [
  ['accept of an SMC listener, which falls back to TCP', '43 1 0', 'accept', '4'],
  ['accept that waits, of an SMC listener', '43 1 0', 'waiting', '4'],
];

const own = ([name, listener, accept, way]: Way): readonly [string, ...string[]] => [
  `a blocked peer: ${name}`,
  `hold-listener ${listener}`,
  `let-in ${accept} ${way}`,
];

const given = ([name, listener, accept, way]: Way): readonly [string, ...string[]] => [
  `a blocked peer, with a listener from outside: ${name}`,
  `hold-listener ${listener}`,
  '--',
  `let-in ${accept} ${way}`,
];

/** MPTCP knows no end of waiting, so it is not tried where nobody comes. */
const WAITING_MPTCP: Way = ['accept that waits, of an MPTCP listener', '2 1 262', 'waiting', 'mptcp'];

/** Nobody is refused: the peer gets no answer. */
const unanswered = (attempt: Attempt): Attempt => ({ ...attempt, refused: 'ETIMEDOUT' });

export const PEERS: readonly Attempt[] = [
  ...attempts('peers', 'peers', [...WAYS, ...WAITING, ...INDIRECT].map(own)).map(unanswered),
  ...attempts('peers', 'peers', [
    ['a blocked peer: accept in a thread', 'thread', 'hold-listener 2 1 0', 'let-in accept 4'],
    ['a blocked peer: accept after leaving the cgroup', 'move /sys/fs/cgroup', 'hold-listener 2 1 0', 'let-in accept 4'],
    ['a blocked peer: accept by another program', 'hold-listener 2 1 0', 'exec execve /proc/self/exe', 'let-in accept 4'],
  ]).map(unanswered),
  ...assisted('peers of listeners from outside', 'peers', [...WAYS, ...INDIRECT, WAITING_MPTCP].map(given)),
  ...assisted('peers of listeners from outside', 'peers', WAITING.map(given)).map(unanswered),
];
