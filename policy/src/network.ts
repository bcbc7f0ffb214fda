/** Facts about sockets: which names of network rules a socket has. Numbers are those of socket(2). */
import type { EndpointProtocol, NetworkName } from './model.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const AF_PACKET = 17;
const AF_RXRPC = 33;
const AF_SMC = 43;
const SOCK_PACKET = 10;

/** Socket types by number, as network rules name them. */
const TYPE_NAMES: Readonly<Record<number, NetworkName>> = { 1: 'stream', 2: 'dgram', 3: 'raw', 4: 'rdm', 5: 'seqpacket', 6: 'dccp' };

/** What protocol 0 means for an internet socket of each type. */
const DEFAULT_PROTOCOL: Readonly<Record<number, number>> = { 1: 6, 2: 17, 5: 132 };

/** Internet protocols by number; MPTCP (262) and SMC (256) are TCP. */
const PROTOCOL_NAMES: Readonly<Record<number, NetworkName>> = { 6: 'tcp', 256: 'tcp', 262: 'tcp', 17: 'udp', 132: 'sctp' };

/** Types of the sockets to which the kernel speaks a protocol; where it is not named, all are. */
const OWN_TYPES: Readonly<Partial<Record<NetworkName, readonly number[]>>> = { tcp: [1], udp: [2], sctp: [1, 5] };

/** Protocols whose addresses have a port: TCP, UDP, DCCP, SCTP, UDP-Lite, SMC, MPTCP. */
const WITH_PORTS: readonly number[] = [6, 17, 33, 132, 136, 256, 262];
const SOCK_RAW = 3;
const IPPROTO_RAW = 255;
const IPPROTO_SMC = 256;

export interface Socket {
  readonly family: number;
  readonly socketType: number;
  readonly protocol: number;
}

/** Whether the socket is an IPv4 or IPv6 one. */
export function isInternet(family: number): boolean {
  return family === AF_INET || family === AF_INET6;
}

/** Whether the socket is used with internet addresses: SMC's too. */
export function hasAddresses(family: number): boolean {
  return isInternet(family) || family === AF_SMC;
}

/** The protocol that such a socket carries: its own, or its type's default where it asks for 0. */
export function carriedProtocol({ family, socketType, protocol }: Socket): number {
  if (family === AF_SMC) return IPPROTO_SMC;
  return protocol === 0 ? (DEFAULT_PROTOCOL[socketType] ?? 0) : protocol;
}

/** Whether the address that an internet socket is used with has a port; `unknown` where a raw socket can write what it likes. */
export function portsOf(socket: Socket): 'known' | 'unknown' | 'none' {
  if (socket.socketType === SOCK_RAW && socket.protocol === IPPROTO_RAW) return 'unknown';
  if (!WITH_PORTS.includes(carriedProtocol(socket))) return 'none';
  return socket.socketType === SOCK_RAW ? 'unknown' : 'known';
}

/**
 * Whether an internet socket carries the protocol that an endpoint rule names: as a socket of that protocol, surely (a raw socket that
 * writes its packets), perhaps (a raw socket of any protocol) or not.
 */
export function carries(socket: Socket, protocol: EndpointProtocol): 'own' | 'surely' | 'perhaps' | 'no' {
  if (protocol === 'any') return 'own';
  if (PROTOCOL_NAMES[carriedProtocol(socket)] === protocol) return isTypeOf(protocol, socket.socketType) ? 'own' : 'surely';
  return socket.socketType === SOCK_RAW && socket.protocol === IPPROTO_RAW ? 'perhaps' : 'no';
}

/** Whether sockets of this type are the protocol's own, and not raw ones that write its packets themselves. */
function isTypeOf(protocol: NetworkName, socketType: number): boolean {
  return OWN_TYPES[protocol]?.includes(socketType) ?? true;
}

/** Every name by which a network rule can mean this socket; `all` is always among them. */
export function networkNames(family: number, socketType: number, protocol: number): ReadonlySet<NetworkName> {
  const names = new Set<NetworkName>(['all']);
  if (isInternet(family)) {
    const carried = carriedProtocol({ family, socketType, protocol });
    const name = PROTOCOL_NAMES[carried];
    if (name !== undefined) names.add(name);
    if (family === AF_INET && carried === 1) names.add('icmp');
    if (family === AF_INET6 && carried === 58) names.add('icmpv6');
  }
  if (family === AF_SMC) names.add('tcp');
  if (family === AF_RXRPC) names.add('udp');
  const typeName = TYPE_NAMES[socketType];
  if (typeName !== undefined && family !== AF_NETLINK) names.add(typeName);
  if (family === AF_PACKET || socketType === SOCK_PACKET) names.add('packet');
  return names;
}

/** The names by which a rule can allow it: a protocol allows its own types of sockets only, and raw ones are `raw`. */
export function allowingNames(family: number, socketType: number, protocol: number): ReadonlySet<NetworkName> {
  return new Set([...networkNames(family, socketType, protocol)].filter((name) => isTypeOf(name, socketType)));
}
