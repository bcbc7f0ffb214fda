/** Names by which a network rule can mean a socket, as the kernel's bits. */

/** `network_names` of bpf/match.h. */
export function netNames({ family, socketType, protocol }: { family: number; socketType: number; protocol: number }): bigint {
  let names = 1n << 12n;
  const name = (bit: number, has: boolean): void => {
    if (has) names |= 1n << BigInt(bit);
  };
  if (family === 2 || family === 10) {
    let carried = protocol;
    if (protocol === 0 && socketType === 1) carried = 6;
    if (protocol === 0 && socketType === 2) carried = 17;
    if (protocol === 0 && socketType === 5) carried = 132;
    name(0, [6, 256, 262].includes(carried));
    name(1, carried === 17);
    name(2, carried === 1 && family === 2);
    name(3, carried === 58 && family === 10);
    name(4, carried === 132);
  }
  name(0, family === 43);
  name(1, family === 33);
  name(4 + socketType, socketType >= 1 && socketType <= 6 && family !== 16);
  name(11, family === 17 || socketType === 10);
  return names;
}

/** `allowing_names` of bpf/match.h. */
export function allowingNetNames(names: bigint): bigint {
  const [stream, dgram, seqpacket] = [5n, 6n, 9n].map((bit) => (names >> bit) & 1n) as [bigint, bigint, bigint];
  const refused = (stream === 1n ? 0n : 1n) | (dgram === 1n ? 0n : 2n) | ((stream | seqpacket) === 1n ? 0n : 16n);
  return names & ~refused;
}
