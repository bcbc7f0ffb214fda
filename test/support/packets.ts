/** Packets as they leave a socket, byte by byte, for the program that judges DNS queries. Checksums are left out: nobody looks at them. */

const ETHERNET = 14;
const UDP = 17;
const TCP = 6;

/** A query for a name: one question for its IPv4 address, unless changed afterwards. */
export function query(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const parts = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  return Buffer.concat([Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), ...parts, Buffer.from([0, 0, 1, 0, 1])]);
}

/** The same with some bytes changed, by their place. */
export function changed(bytes: Buffer, changes: Readonly<Record<number, number>>): Buffer {
  const copy = Buffer.from(bytes);
  for (const [at, value] of Object.entries(changes)) copy[Number(at)] = value;
  return copy;
}

/** Messages as a TCP stream has them, each after its length. */
export function stream(...messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages.flatMap((message) => [Buffer.from([message.length >> 8, message.length & 255]), message]));
}

export interface Transport {
  readonly protocol: number;
  readonly bytes: Buffer;
}

export function udp(payload: Buffer, port = 53): Transport {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(40_000, 0);
  header.writeUInt16BE(port, 2);
  header.writeUInt16BE(8 + payload.length, 4);
  return { protocol: UDP, bytes: Buffer.concat([header, payload]) };
}

/** `options`: words of TCP options before the payload. */
export function tcp(payload: Buffer, { port = 53, options = 0 }: { port?: number; options?: number } = {}): Transport {
  const header = Buffer.alloc(20 + options * 4, 1);
  header.writeUInt16BE(40_000, 0);
  header.writeUInt16BE(port, 2);
  header[12] = (5 + options) << 4;
  return { protocol: TCP, bytes: Buffer.concat([header, payload]) };
}

/** `fragment`: the header's flags and offset; `options`: bytes of IP options, filled up with such as say nothing. */
export function ipv4(
  { protocol, bytes }: Transport,
  { fragment = 0, options = [] }: { fragment?: number; options?: readonly number[] } = {},
): Buffer {
  const words = Math.ceil(options.length / 4);
  const header = Buffer.alloc(20 + words * 4, 1);
  header.set(options, 20);
  header[0] = 0x45 + words;
  header.writeUInt16BE(header.length + bytes.length, 2);
  header.writeUInt16BE(fragment, 6);
  header[9] = protocol;
  return frame(0x0800, Buffer.concat([header, bytes]));
}

/** An extension header: its number, and its bytes from the second on; the first one is the next header's number. */
export interface Extension {
  readonly number: number;
  readonly bytes: readonly number[];
}

export const FRAGMENT = 44;

/** An extension of so many times eight bytes. */
export function extension(number: number, eights = 1): Extension {
  return { number, bytes: [eights - 1, ...Array.from({ length: eights * 8 - 2 }, () => 0)] };
}

export function ipv6({ protocol, bytes }: Transport, extensions: readonly Extension[] = []): Buffer {
  const numbers = [...extensions.map(({ number }) => number), protocol];
  const between = extensions.map((one, index) => Buffer.from([numbers[index + 1] ?? 0, ...one.bytes]));
  const header = Buffer.alloc(40, 1);
  header[0] = 0x60;
  header[6] = numbers[0] ?? 0;
  return frame(0x86dd, Buffer.concat([header, ...between, bytes]));
}

function frame(type: number, packet: Buffer): Buffer {
  const ethernet = Buffer.alloc(ETHERNET);
  ethernet.writeUInt16BE(type, 12);
  return Buffer.concat([ethernet, packet]);
}
