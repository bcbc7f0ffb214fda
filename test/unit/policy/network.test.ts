import { expect, test } from '@jest/globals';
import { allowingNames, networkNames } from '@parapet/policy';

const INET = 2;
const INET6 = 10;

test.each<[string, [number, number, number], string[]]>([
  ['an IPv4 stream socket', [INET, 1, 0], ['tcp', 'stream']],
  ['an IPv6 stream socket of MPTCP', [INET6, 1, 262], ['tcp', 'stream']],
  ['a datagram socket', [INET, 2, 0], ['udp', 'dgram']],
  ['a ping socket', [INET, 2, 1], ['icmp', 'dgram']],
  ['an IPv6 ping socket', [INET6, 2, 58], ['icmpv6', 'dgram']],
  ['a raw ICMP socket', [INET, 3, 1], ['icmp', 'raw']],
  ['a raw socket that carries TCP', [INET, 3, 6], ['tcp', 'raw']],
  ['ICMPv6 over IPv4, which is neither', [INET, 3, 58], ['raw']],
  ['ICMP over IPv6, which is neither', [INET6, 3, 1], ['raw']],
  ['UDP-Lite, which is not UDP', [INET, 2, 136], ['dgram']],
  ['a one-to-one SCTP socket', [INET, 1, 132], ['sctp', 'stream']],
  ['a one-to-many SCTP socket', [INET6, 5, 0], ['sctp', 'seqpacket']],
  ['a DCCP socket', [INET, 6, 33], ['dccp']],
  ['a Unix stream socket', [1, 1, 0], ['stream']],
  ['an RDM socket of TIPC', [30, 4, 0], ['rdm']],
  ['an SMC socket, which is TCP in the end', [43, 1, 0], ['tcp', 'stream']],
  ['an SMC socket as an internet protocol', [INET6, 1, 256], ['tcp', 'stream']],
  ['an RxRPC socket, which is UDP beneath', [33, 2, 2], ['udp', 'dgram']],
  ['a packet socket', [17, 3, 3], ['raw', 'packet']],
  ['the old kind of packet socket', [INET, 10, 3], ['packet']],
  ['a netlink socket, whose types mean nothing', [16, 3, 0], []],
])('%s has its names and all', (_what, socket, names) => {
  expect([...networkNames(...socket)].sort()).toEqual([...names, 'all'].sort());
});

test.each<[string, [number, number, number], string[]]>([
  ['a stream socket', [INET, 1, 0], ['tcp', 'stream']],
  ['a stream socket of MPTCP', [INET, 1, 262], ['tcp', 'stream']],
  ['a raw socket that carries TCP', [INET, 3, 6], ['raw']],
  ['a raw socket that carries UDP', [INET6, 3, 17], ['raw']],
  ['a raw socket that carries SCTP', [INET, 3, 132], ['raw']],
  ['a raw ICMP socket', [INET, 3, 1], ['icmp', 'raw']],
  ['an IPv6 ping socket', [INET6, 2, 58], ['icmpv6', 'dgram']],
  ['a one-to-one SCTP socket', [INET, 1, 132], ['sctp', 'stream']],
  ['a one-to-many SCTP socket', [INET6, 5, 0], ['sctp', 'seqpacket']],
  ['an SMC socket', [43, 1, 0], ['tcp', 'stream']],
  ['an SMC socket as an internet protocol', [INET, 1, 256], ['tcp', 'stream']],
])('%s can be allowed by the names of its own kind and all', (_what, socket, names) => {
  expect([...allowingNames(...socket)].sort()).toEqual([...names, 'all'].sort());
});
