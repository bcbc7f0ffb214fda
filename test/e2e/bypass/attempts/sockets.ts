/** Using the network against rules about protocols. Numbers are those of socket(2). */
import { assisted, attempts, HOME } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const KINDS: Readonly<Record<string, string>> = {
  'a TCP socket': '2 1 0',
  'a TCP socket by its number': '2 1 6',
  'a TCP socket over IPv6': '10 1 0',
  'an MPTCP socket': '2 1 262',
  'an MPTCP socket over IPv6': '10 1 262',
  'an SMC socket, which falls back to TCP': '43 1 0',
  'an SMC socket over IPv6': '43 1 1',
  'a UDP socket': '2 2 0',
  'a UDP socket over IPv6': '10 2 17',
  'a raw socket': '2 3 255',
  'a raw ICMP socket': '2 3 1',
  'a raw socket over IPv6': '10 3 58',
  'a packet socket': '17 3 768',
  'a packet socket for datagrams': '17 2 768',
  'an old packet socket': '2 10 768',
  'a TCP socket that does not block and closes on exec': `2 ${1 | 0o4000 | 0o2000000} 0`,
};

const row = (name: string, ...steps: string[]): [string, ...string[]] => [name, ...steps];

const USES: readonly (readonly [name: string, socket: string, use: string])[] = [
  ['connect', '2 1 0', 'connect 4'],
  ['connect over IPv6', '10 1 0', 'connect 6'],
  ['connect to IPv4 mapped into IPv6', '10 1 0', 'connect mapped'],
  ['connect of an MPTCP socket', '2 1 262', 'connect 4'],
  ['connect after AF_UNSPEC', '2 2 0', 'reconnect 4'],
  ['bind', '2 1 0', 'bind 4'],
  ['accept', '2 1 0', 'accept 4'],
  ['sendto with MSG_FASTOPEN', '2 1 0', 'fastopen 4'],
  ['sendmmsg with MSG_FASTOPEN', '2 1 0', 'fastopen-many 4'],
  ['TCP_FASTOPEN_CONNECT', '2 1 0', 'fastopen-connect 4'],
  ['sendto', '2 2 0', 'sendto 4'],
  ['sendmsg', '2 2 0', 'sendmsg 4'],
  ['sendmmsg', '2 2 0', 'sendmmsg 4'],
  ['sendto over IPv6', '10 2 0', 'sendto 6'],
  ['sendto to IPv4 mapped into IPv6', '10 2 0', 'sendto mapped'],
  ['connect of a UDP socket', '2 2 0', 'connect 4'],
];

export const SOCKETS: readonly Attempt[] = [
  ...attempts(
    'sockets',
    'sockets',
    Object.entries(KINDS).map(([what, numbers]) => row(what, `socket ${numbers}`)),
  ),
  ...attempts('sockets', 'sockets', [
    ['an SMC socket as an internet protocol', 'ask-for-socket 2 1 256'],
    ['an SMC socket as an internet protocol over IPv6', 'ask-for-socket 10 1 256'],
    ['a TCP socket by a thread', 'thread', 'socket 2 1 0'],
    ['a TCP socket in a new net namespace', 'unshare net', 'socket 2 1 0'],
    ['a raw socket in a user namespace of its own', 'user 1000', 'rootless net', 'socket 2 3 1'],
    ['a UDP socket after leaving the cgroup', 'move /sys/fs/cgroup', 'socket 2 2 0'],
    ['a TCP socket by another user', 'user 1000', 'socket 2 1 0'],
    ['a TCP socket by int 0x80, socketcall', 'i386-socket socketcall 2 1 0'],
    ['a TCP socket by int 0x80, socket', 'i386-socket socket 2 1 0'],
    ['a UDP socket by x32', 'x32-socket 2 2 0'],
    ['a UDP socket by an orphan', 'orphan', 'socket 2 2 0'],
  ]),
  ...assisted(
    'sockets of others',
    'sockets',
    USES.map(([how, socket, use]) => row(`a socket from outside: ${how}`, `hold-socket ${socket}`, '--', `use ${use}`)),
  ),
  ...['plain', 'worker', 'polled'].flatMap((mode) =>
    assisted('sockets of others', 'sockets', [
      row(`a socket from outside: connect by io_uring, ${mode}`, 'hold-socket 2 1 0', '--', `uring-use ${mode} connect`),
      row(`a socket from outside: sendmsg by io_uring, ${mode}`, 'hold-socket 2 2 0', '--', `uring-use ${mode} send`),
    ]),
  ),
  ...assisted('allow-list of sockets', 'allow', [
    ['a stream from outside that is connected to a local socket', `serve ${HOME}/door 1`, `hold-called ${HOME}/door`, '--', 'use send'],
  ]),
  ...attempts('allow-list of sockets', 'allow', [
    ['a socket that is not listed', 'socket 2 2 0'],
    ['a local socket that is not listed', 'socket 1 1 0'],
    ['a pair of local sockets that are not listed', 'socketpair 1 1 0'],
    ['a netlink socket that is not listed', 'socket 16 3 0'],
    ['a raw socket that is not listed', 'socket 2 3 1'],
    ['a packet socket that is not listed', 'socket 17 3 0'],
    ['a raw socket that carries the protocol which is listed', 'socket 2 3 6'],
    ['a raw socket over IPv6 that carries the protocol which is listed', 'socket 10 3 6'],
  ]),
];
