/** Reaching an address or a name that must not be reached. */
import { assisted, attempts, refusedWithEperm } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const row = (name: string, ...steps: string[]): [string, ...string[]] => [name, ...steps];

const USES: readonly (readonly [name: string, socket: string, use: string])[] = [
  ['connect', '2 1 0', 'connect 4'],
  ['connect to the wildcard, which is loopback', '2 1 0', 'connect any'],
  ['connect over IPv6', '10 1 0', 'connect 6'],
  ['connect to the wildcard of IPv6', '10 1 0', 'connect any6'],
  ['connect to IPv4 mapped into IPv6', '10 1 0', 'connect mapped'],
  ['connect of an MPTCP socket', '2 1 262', 'connect 4'],
  ['connect of an SMC socket', '43 1 0', 'connect 4'],
  ['connect of an SMC socket over IPv6', '43 1 1', 'connect 6'],
  ['sendto with MSG_FASTOPEN', '2 1 0', 'fastopen 4'],
  ['sendmmsg with MSG_FASTOPEN', '2 1 0', 'fastopen-many 4'],
  ['TCP_FASTOPEN_CONNECT', '2 1 0', 'fastopen-connect 4'],
  ['connect of a UDP socket', '2 2 0', 'connect 4'],
  ['connect after AF_UNSPEC', '2 2 0', 'reconnect 4'],
  ['sendto', '2 2 0', 'sendto 4'],
  ['sendmsg', '2 2 0', 'sendmsg 4'],
  ['sendmmsg', '2 2 0', 'sendmmsg 4'],
  ['a list of addresses in a message of SCTP', '2 5 132', 'send-to-two 4'],
  ['sendto over IPv6', '10 2 0', 'sendto 6'],
  ['sendto to IPv4 mapped into IPv6', '10 2 0', 'sendto mapped'],
];

const QUESTIONS: Readonly<Record<string, string>> = {
  sendto: 'sendto 4 blocked.example',
  'sendto over IPv6': 'sendto 6 blocked.example',
  'sendto to IPv4 mapped into IPv6': 'sendto mapped blocked.example',
  'sendmsg in parts of a byte': 'parts 4 blocked.example',
  'two calls that make one packet': 'corked 4 blocked.example',
  sendmmsg: 'two 4 blocked.example',
  'write to a connected socket': 'write 4 blocked.example',
  'writev to a connected socket': 'writev 6 blocked.example',
  'send to a connected socket': 'send mapped blocked.example',
  'one call that makes two packets': 'segmented 4 blocked.example',
  'capital letters': 'sendto 4 BLOCKED.eXaMpLe',
  'a name below it': 'sendto 4 www.blocked.example',
  'a name far below it': `sendto 4 ${'a.'.repeat(40)}blocked.example`,
  'a label of 63 bytes below it': `sendto 4 ${'l'.repeat(63)}.blocked.example`,
  "the cluster's search list": 'sendto 4 blocked.example.shop.svc.cluster.local',
};

export const ENDPOINTS: readonly Attempt[] = [
  ...attempts(
    'endpoints',
    'endpoints',
    USES.map(([how, socket, use]) => row(`a blocked address: ${how}`, `hold-socket ${socket}`, `use ${use}`)),
  ),
  ...assisted(
    'endpoints',
    'endpoints',
    USES.map(([how, socket, use]) =>
      row(`a blocked address, with a socket from outside: ${how}`, `hold-socket ${socket}`, '--', `use ${use}`),
    ),
  ),
  ...['plain', 'worker', 'polled'].flatMap((mode) =>
    attempts('endpoints', 'endpoints', [
      row(`a blocked address: connect by io_uring, ${mode}`, 'hold-socket 2 1 0', `uring-use ${mode} connect`),
      row(`a blocked address: sendmsg by io_uring, ${mode}`, 'hold-socket 2 2 0', `uring-use ${mode} send`),
    ]),
  ),
  ...attempts('endpoints', 'endpoints', [
    ['a blocked address in a thread', 'hold-socket 2 1 0', 'thread', 'use connect 4'],
    ['a blocked address after leaving the cgroup', 'move /sys/fs/cgroup', 'hold-socket 2 1 0', 'use connect 4'],
    [
      'a blocked address by another program, with the socket of the first',
      'hold-socket 2 2 0',
      'exec execve /proc/self/exe',
      'use sendto 4',
    ],
  ]),
  ...attempts(
    'names',
    'names',
    Object.entries(QUESTIONS).map(([how, words]) => row(`a blocked name: ${how}`, `ask ${words}`)),
  ).map(refusedWithEperm),
  ...attempts('names', 'names', [
    ['a blocked name in a thread', 'thread', 'ask sendto 4 blocked.example'],
    ['a blocked name by an orphan', 'orphan', 'ask sendto 4 blocked.example'],
    ['a blocked name by another program', 'exec execve /proc/self/exe', 'ask sendto 4 blocked.example'],
  ]).map(refusedWithEperm),
];
