/** The ring buffer: records in batches, each a 32-bit length and its bytes. */
import { LAYOUT } from '@parapet/policy';
import type { KernelEvent } from '../../ports.ts';
import { checked, isNull } from './library.ts';
import type { Handle, KernelLibrary } from './library.ts';

const CLOCK_BOOTTIME = 7;
/** A header and three paths; bpf/scratch.h. */
const LARGEST_RECORD = LAYOUT.event.size + 4096;
const BUFFER = 1 << 20;
const POLL_MS = 20;

/** Moves events from the kernel to a handler, every 20 ms and once more at the end. */
export class Drain {
  readonly #library: KernelLibrary;
  readonly #ring: Handle;
  readonly #buffer = Buffer.alloc(BUFFER);
  readonly #timer: NodeJS.Timeout;
  #handler: ((events: readonly KernelEvent[]) => void) | undefined;

  constructor(library: KernelLibrary, ringMap: number) {
    const error = Buffer.alloc(4);
    this.#library = library;
    this.#ring = library.parapet_ring_open(ringMap, LARGEST_RECORD, error);
    if (isNull(this.#ring)) checked(error.readInt32LE(), "opening the kernel's ring buffer");
    this.#timer = setInterval(() => this.#poll(), POLL_MS);
  }

  /** Until there is a handler, events wait in the kernel. */
  deliverTo(handler: (events: readonly KernelEvent[]) => void): void {
    this.#handler = handler;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#poll();
    this.#library.parapet_ring_close(this.#ring);
  }

  #poll(): void {
    if (this.#handler === undefined) return;
    for (;;) {
      const used = checked(this.#library.parapet_drain(this.#ring, this.#buffer, BUFFER), 'reading kernel events');
      if (used === 0) return;
      this.#handler(parseRecords(this.#buffer.subarray(0, used), this.#bootEpoch()));
      if (used < BUFFER / 2) return;
    }
  }

  /** Milliseconds since the epoch at which the machine's boot clock was 0. */
  #bootEpoch(): number {
    const time = Buffer.alloc(16);
    checked(this.#library.clock_gettime(CLOCK_BOOTTIME, time), 'reading the clock');
    return Date.now() - (Number(time.readBigInt64LE(0)) * 1000 + Number(time.readBigInt64LE(8)) / 1e6);
  }
}

/** Records as events. `bootEpoch` is in milliseconds. Bytes that are no UTF-8 are shown as U+FFFD. */
export function parseRecords(bytes: Buffer, bootEpoch: number): KernelEvent[] {
  const events: KernelEvent[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = bytes.readUInt32LE(at);
    events.push(parseRecord(bytes.subarray(at + 4, at + 4 + length), bootEpoch));
    at += 4 + length;
  }
  return events;
}

function parseRecord(record: Buffer, bootEpoch: number): KernelEvent {
  const layout = LAYOUT.event;
  let at: number = layout.size;
  const text = (lengthAt: number): string => {
    const start = at;
    at += record.readUInt16LE(lengthAt);
    return record.toString('utf8', start, at);
  };
  return {
    time: bootEpoch + Number(record.readBigUInt64LE(layout.time_ns)) / 1e6,
    container: record.readUInt32LE(layout.container),
    generation: record.readUInt32LE(layout.generation),
    header: Uint8Array.from(record.subarray(0, layout.size)),
    resource: text(layout.resource_len),
    executable: text(layout.exe_len),
    parentExecutable: text(layout.parent_len),
  };
}
