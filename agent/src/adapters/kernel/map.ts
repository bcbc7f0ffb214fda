/** One kernel map: keys and values are bytes, laid out as policy/src/abi.ts says. */
import { callAside, checked, errorName } from './library.ts';
import type { KernelLibrary } from './library.ts';
import { StageError } from '../../stage-error.ts';

const ENOENT = -2;
/** A hash map or an array has no room: E2BIG; a trie of address blocks: ENOSPC. */
const FULL: readonly number[] = [-7, -28];
const BATCH = 4096;

export interface MapShape {
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
}

export class KernelMap {
  readonly fd: number;
  readonly #library: KernelLibrary;
  readonly #shape: MapShape;

  constructor(library: KernelLibrary, fd: number, shape: MapShape) {
    this.#library = library;
    this.fd = fd;
    this.#shape = shape;
  }

  /** The value, or undefined where there is none. */
  get(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.#shape.valueSize);
    const result = this.#library.bpf_map_lookup_elem(this.fd, key, value);
    if (result === ENOENT) return undefined;
    checked(result, `reading the kernel's map ${this.#shape.name}`);
    return value;
  }

  /** Stores one value. Throws a StageError when the map is full. */
  set(key: Uint8Array, value: Uint8Array): void {
    this.#refuse(this.#library.bpf_map_update_elem(this.fd, key, value, 0));
  }

  /** The same without blocking the event loop: an update of a map of maps waits for every running kernel program. */
  async setSlowly(key: Uint8Array, value: Uint8Array): Promise<void> {
    this.#refuse(await callAside(this.#library.bpf_map_update_elem, this.fd, key, value, 0));
  }

  /** Removes a key; it need not be there. */
  delete(key: Uint8Array): void {
    const result = this.#library.bpf_map_delete_elem(this.fd, key);
    if (result !== ENOENT) checked(result, `deleting from the kernel's map ${this.#shape.name}`);
  }

  /** Stores many. When the map gets full it throws a StageError, and some are stored. */
  setAll(keys: Uint8Array, values: Uint8Array): void {
    const { keySize, valueSize } = this.#shape;
    for (let at = 0; at * keySize < keys.length; at += BATCH) {
      const count = Math.min(BATCH, keys.length / keySize - at);
      const someKeys = keys.subarray(at * keySize, (at + count) * keySize);
      const someValues = values.subarray(at * valueSize, (at + count) * valueSize);
      this.#refuse(this.#library.bpf_map_update_batch(this.fd, someKeys, someValues, word(count), null));
    }
  }

  /** Removes many; those that are not there are passed over. */
  deleteAll(keys: Uint8Array): void {
    const { keySize } = this.#shape;
    let at = 0;
    while (at * keySize < keys.length) {
      const count = word(Math.min(BATCH, keys.length / keySize - at));
      const result = this.#library.bpf_map_delete_batch(this.fd, keys.subarray(at * keySize), count, null);
      if (result !== ENOENT) checked(result, `deleting from the kernel's map ${this.#shape.name}`);
      at += readWord(count) + (result === ENOENT ? 1 : 0);
    }
  }

  /** Whether there is nothing in the map: cheaper than to look at everything. */
  isEmpty(): boolean {
    return this.#library.bpf_map_get_next_key(this.fd, null, new Uint8Array(this.#shape.keySize)) === ENOENT;
  }

  /** Everything in the map, in no order. What changes meanwhile may be missed or be there. */
  *entries(): Generator<{ key: Uint8Array; value: Uint8Array }> {
    const { keySize, valueSize } = this.#shape;
    let from: Uint8Array | null = null;
    for (;;) {
      const to = new Uint8Array(Math.max(keySize, 8));
      const keys = new Uint8Array(BATCH * keySize);
      const values = new Uint8Array(BATCH * valueSize);
      const count = word(BATCH);
      const result = this.#library.bpf_map_lookup_batch(this.fd, from, to, keys, values, count, null);
      if (result !== ENOENT) checked(result, `reading the kernel's map ${this.#shape.name}`);
      for (let i = 0; i < readWord(count); i += 1) {
        yield { key: keys.subarray(i * keySize, (i + 1) * keySize), value: values.subarray(i * valueSize, (i + 1) * valueSize) };
      }
      if (result === ENOENT) return;
      from = to;
    }
  }

  #refuse(result: number): void {
    if (result >= 0) return;
    const isFull = FULL.includes(result);
    const why = isFull ? 'it is full' : errorName(result);
    throw new StageError(`writing to the kernel's map ${this.#shape.name}: ${why}`, { stage: 'kernel', retry: !isFull });
  }
}

/**
 * Stores a value for each item in one system call; where that is refused, one by one, so that what has no room is refused by itself: the
 * reason is noted in the item.
 */
export function storeEach<Item extends { error?: unknown }>(
  map: Pick<KernelMap, 'set' | 'setAll'>,
  items: readonly Item[],
  pairOf: (item: Item) => readonly [key: Uint8Array, value: Uint8Array],
): void {
  if (items.length === 0) return;
  const pairs = items.map((item) => ({ item, pair: pairOf(item) }));
  try {
    map.setAll(Buffer.concat(pairs.map(({ pair }) => pair[0])), Buffer.concat(pairs.map(({ pair }) => pair[1])));
  } catch {
    for (const { item, pair } of pairs) {
      try {
        map.set(...pair);
      } catch (error) {
        item.error = error;
      }
    }
  }
}

/** A 32-bit number as the kernel reads it. */
export function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function readWord(bytes: Uint8Array, offset = 0): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
}

/** A 64-bit number as the kernel reads it. */
export function longWord(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

export function readLongWord(bytes: Uint8Array, offset = 0): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true);
}
