/** What comes out of the guest: bytes over virtio-serial ports, which (unlike the serial console) lose none. */
import { createServer } from 'node:net';
import type { Server } from 'node:net';

/**
 * A function to feed a stream to: hands on everything before `mark`, then says once that it came.
 * What follows the mark is dropped: the command has ended, only things that it left behind still write.
 */
export function untilMark(mark: string, handlers: { onData(chunk: Buffer): void; onMark(): void }): (chunk: Buffer) => void {
  const wanted = Buffer.from(mark);
  let held: Buffer = Buffer.alloc(0);
  let ended = false;
  return (chunk) => {
    if (ended) return;
    const bytes = Buffer.concat([held, chunk]);
    const at = bytes.indexOf(wanted);
    const safe = at >= 0 ? at : bytes.length - overlap(bytes, wanted);
    if (safe > 0) handlers.onData(bytes.subarray(0, safe));
    held = bytes.subarray(safe);
    if (at < 0) return;
    ended = true;
    handlers.onMark();
  };
}

/** How many bytes at the end of `bytes` may be the beginning of `mark`. */
function overlap(bytes: Buffer, mark: Buffer): number {
  for (let length = Math.min(bytes.length, mark.length - 1); length > 0; length--) {
    if (bytes.subarray(bytes.length - length).equals(mark.subarray(0, length))) return length;
  }
  return 0;
}

/** A function to feed a stream of text to: hands on whole lines, without their line ends. */
export function byLine(onLine: (line: string) => void): (chunk: Buffer) => void {
  let held: Buffer = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    for (let end = held.indexOf(10); end >= 0; end = held.indexOf(10)) {
      onLine(held.subarray(0, end).toString('utf8'));
      held = held.subarray(end + 1);
    }
  };
}

/** Listens on a Unix socket that QEMU will connect to; every byte goes to `onData`. */
export async function listen(path: string, onData: (chunk: Buffer) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('data', onData);
    // QEMU was killed: nothing more to read, and its end is noticed elsewhere.
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  return server;
}
