/** Kernel records on their way from the thread that takes them to the one that tells them: headers in one piece, each text once. */
import { LAYOUT } from '@parapet/policy';
import type { KernelEvent } from '../../ports.ts';

const HEADER = LAYOUT.event.size;
const TEXTS = ['resource_len', 'exe_len', 'parent_len'] as const;
/** Texts remembered from batch to batch, and their bytes: the same programs and files come again and again. */
const MAX_TEXTS = 8192;
const MAX_TEXT_BYTES = 1 << 20;
/** Records for which a batch has room at first. */
const ROOM = 256;

export interface Batch {
  readonly count: number;
  /** Headers of `LAYOUT.event.size` bytes, one behind the other. */
  readonly headers: ArrayBuffer;
  /** For each record, where its resource, executable and parent executable are in `texts`. */
  readonly which: ArrayBuffer;
  readonly texts: readonly string[];
  /** Milliseconds since the epoch at which the machine's boot clock was 0. */
  readonly bootEpoch: number;
}

interface Text {
  readonly bytes: Buffer;
  readonly text: string;
  /** The batch that has it in its texts, and where. */
  batch: number;
  index: number;
}

/** Collects records into batches. */
export class Records {
  readonly #known = new Map<number, Text>();
  #headers = new Uint8Array(0);
  #which = new Uint32Array(0);
  #texts: string[] = [];
  #count = 0;
  #batch = 0;
  #remembered = 0;

  /** Adds the record at `start`; one that is shorter than it says has shorter texts. */
  add(bytes: Buffer, start: number, end: number): void {
    if (this.#count * HEADER >= this.#headers.length) this.#grow();
    this.#headers.set(bytes.subarray(start, Math.min(end, start + HEADER)), this.#count * HEADER);
    let at = start + HEADER;
    for (let i = 0; i < TEXTS.length; i += 1) {
      const lengthAt = start + LAYOUT.event[TEXTS[i] ?? 'resource_len'];
      const length = lengthAt + 2 <= end ? bytes.readUInt16LE(lengthAt) : 0;
      const stop = Math.min(at + length, end);
      this.#which[this.#count * 3 + i] = this.#place(bytes, at, stop);
      at = stop;
    }
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  /** What was added since the last call. */
  take(bootEpoch: number): Batch {
    const batch = {
      count: this.#count,
      headers: this.#headers.buffer.slice(0, this.#count * HEADER),
      which: this.#which.buffer.slice(0, this.#count * 12),
      texts: this.#texts,
      bootEpoch,
    };
    this.#count = 0;
    this.#texts = [];
    this.#batch += 1;
    return batch;
  }

  #forget(): void {
    this.#known.clear();
    this.#remembered = 0;
  }

  #grow(): void {
    const room = Math.max(ROOM, this.#count * 2);
    const [headers, which] = [this.#headers, this.#which];
    this.#headers = new Uint8Array(room * HEADER);
    this.#headers.set(headers);
    this.#which = new Uint32Array(room * 3);
    this.#which.set(which);
  }

  /** The index of a text in this batch; it is decoded only when it is not known yet. */
  #place(bytes: Buffer, start: number, end: number): number {
    const hash = hashOf(bytes, start, end);
    let known = this.#known.get(hash);
    if (known === undefined || known.bytes.length !== end - start || bytes.compare(known.bytes, 0, known.bytes.length, start, end) !== 0) {
      if (this.#known.size >= MAX_TEXTS || this.#remembered >= MAX_TEXT_BYTES) this.#forget();
      this.#remembered += end - start;
      known = { bytes: Buffer.from(bytes.subarray(start, end)), text: bytes.toString('utf8', start, end), batch: -1, index: 0 };
      this.#known.set(hash, known);
    }
    if (known.batch !== this.#batch) {
      known.batch = this.#batch;
      known.index = this.#texts.push(known.text) - 1;
    }
    return known.index;
  }
}

function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash;
}

/** The records of a batch as events. Their headers are views of the batch's. */
export function eventsOf(batch: Batch): KernelEvent[] {
  const which = new Uint32Array(batch.which);
  const view = new DataView(batch.headers);
  const { first_ns, time_ns, count, container, generation } = LAYOUT.event;
  const text = (index: number): string => batch.texts[which[index] ?? 0] ?? '';
  const milliseconds = (at: number): number => view.getUint32(at + 4, true) * 4294.967296 + view.getUint32(at, true) / 1e6;
  const events: KernelEvent[] = [];
  for (let i = 0; i < batch.count; i += 1) {
    const at = i * HEADER;
    events.push({
      time: batch.bootEpoch + milliseconds(at + time_ns),
      firstTime: batch.bootEpoch + milliseconds(at + first_ns),
      count: view.getUint32(at + count + 4, true) * 2 ** 32 + view.getUint32(at + count, true),
      container: view.getUint32(at + container, true),
      generation: view.getUint32(at + generation, true),
      header: new Uint8Array(batch.headers, at, HEADER),
      resource: text(i * 3),
      executable: text(i * 3 + 1),
      parentExecutable: text(i * 3 + 2),
    });
  }
  return events;
}
